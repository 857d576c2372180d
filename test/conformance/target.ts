/**
 * The broker that conformance tests talk to: ours with two shards, or the one at CONFORMANCE_TARGET=host:port, by
 * which the tests themselves can be judged.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Seams } from '../../src/actor/shard-protocol.js';
import { launchBroker } from '../../src/broker.js';
import { asShardId } from '../../src/protocol/ids.js';

export type Settings = Readonly<Record<string, string | number | boolean>>;

export interface Target {
  readonly address: { readonly host: string; readonly port: number };
  readonly shards: number;
  shardOf(clientId: string): number;
  advanceClock(ms: number): Promise<void>;
  stop(): Promise<void>;
}

export function startTarget(settings: Settings, seams: Seams): Promise<Target> {
  const [host, port] = process.env['CONFORMANCE_TARGET']?.split(':') ?? [];
  return host !== undefined && port !== undefined ? foreign(host, Number(port)) : own(settings, seams);
}

async function own(settings: Settings, seams: Seams): Promise<Target> {
  const directory = await mkdtemp(path.join(tmpdir(), 'shardmq-conformance-'));
  const config = {
    'node.data_dir': directory,
    'node.shards': 2,
    'listener.tcp.external': '127.0.0.1:0',
    'listener.tcp.internal': 'off',
    ...settings,
  };
  const broker = await launchBroker({ config, seams: { ...seams, faults: true } });
  return {
    address: { host: '127.0.0.1', port: broker.listeners[0]!.port },
    shards: broker.shards,
    shardOf: (clientId) => broker.shardOf(clientId),
    advanceClock: async (ms) => {
      for (let shard = 0; shard < broker.shards; shard += 1) {
        await broker.request(asShardId(shard), 'test.advanceClock', { ms });
      }
    },
    stop: async () => {
      await broker.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function foreign(host: string, port: number): Promise<Target> {
  return {
    address: { host, port },
    shards: 1,
    shardOf: () => 0,
    advanceClock: () => Promise.reject(new Error('the clock of a foreign broker cannot be turned')),
    stop: () => Promise.resolve(),
  };
}

/**
 * The broker that conformance tests talk to: ours with two shards, or the one at CONFORMANCE_TARGET=host:port, by
 * which the tests themselves can be judged.
 */
import { rm } from 'node:fs/promises';
import type { Seams } from '../../src/actor/shard-protocol.js';
import { addressOf, advanceClock, startTestBroker, tempDirectory } from '../helpers/with-broker.js';

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
  const directory = tempDirectory();
  const broker = await startTestBroker({ config: settings, seams }, directory);
  return {
    address: addressOf(broker),
    shards: broker.shards,
    shardOf: (clientId) => broker.shardOf(clientId),
    advanceClock: (ms) => advanceClock(broker, ms),
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

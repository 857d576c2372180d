/**
 * The broker that conformance tests talk to: ours with two shards, over TCP or the transport that CONFORMANCE_TRANSPORT
 * names; or the one at CONFORMANCE_TARGET=host:port and CONFORMANCE_WEBSOCKET=host:port, by which the tests themselves
 * can be judged.
 */
import { rm } from 'node:fs/promises';
import type { Seams } from '../../src/actor/shard-protocol.js';
import { type Carrier, overSocket } from '../helpers/carrier.js';
import { openCarrier, TRANSPORTS, type Transport } from '../helpers/transports.js';
import { addressOf, advanceClock, startTestBroker, tempDirectory } from '../helpers/with-broker.js';
import { TransportBench } from '../transports/bench.js';

export type Settings = Readonly<Record<string, string | number | boolean>>;

interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

export interface Target {
  /** A connection without CONNECT. */
  open(): Promise<Carrier>;
  /** Of its WebSocket listener; null: unknown. */
  readonly webSocket: HostAndPort | null;
  readonly shards: number;
  shardOf(clientId: string): number;
  advanceClock(ms: number): Promise<void>;
  stop(): Promise<void>;
}

export function startTarget(settings: Settings, seams: Seams): Promise<Target> {
  const address = named('CONFORMANCE_TARGET');
  if (address !== null) return foreign(address);
  const transport = TRANSPORTS.find((each) => each === process.env['CONFORMANCE_TRANSPORT']);
  return transport === undefined ? own(settings, seams) : ownOver(transport, settings, seams);
}

function named(variable: string): HostAndPort | null {
  const [host, port] = process.env[variable]?.split(':') ?? [];
  return host !== undefined && port !== undefined ? { host, port: Number(port) } : null;
}

async function own(settings: Settings, seams: Seams): Promise<Target> {
  const directory = tempDirectory();
  const config = { 'listener.ws.external': '127.0.0.1:0', ...settings };
  const broker = await startTestBroker({ config, seams }, directory);
  const { host, port } = broker.listeners.find(({ protocol }) => protocol === 'ws')!;
  return {
    open: () => overSocket(addressOf(broker)),
    webSocket: { host, port },
    shards: broker.shards,
    shardOf: (clientId) => broker.shardOf(clientId),
    advanceClock: (ms) => advanceClock(broker, ms),
    stop: async () => {
      await broker.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Clients on two shards are at the edge's own shard and, relayed, at the other; those on one are all at the edge. */
async function ownOver(transport: Transport, settings: Settings, seams: Seams): Promise<Target> {
  const bench = await TransportBench.start(settings, undefined, seams);
  const { broker } = bench;
  return {
    open: () => openCarrier(broker, transport),
    webSocket: broker.listeners.find(({ protocol }) => protocol === 'ws')!,
    shards: broker.shards,
    shardOf: (clientId) => broker.shardOf(clientId),
    advanceClock: (ms) => advanceClock(broker, ms),
    stop: () => bench.stop(),
  };
}

async function foreign(address: HostAndPort): Promise<Target> {
  return {
    open: () => overSocket(address),
    webSocket: named('CONFORMANCE_WEBSOCKET'),
    shards: 1,
    shardOf: () => 0,
    advanceClock: () => Promise.reject(new Error('the clock of a foreign broker cannot be turned')),
    stop: () => Promise.resolve(),
  };
}

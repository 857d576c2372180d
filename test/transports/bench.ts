/**
 * A broker that listens on every transport, and clients that come in over one of them with their session on the edge
 * shard or on another one. Connections without load of their own keep all shards but the first busier than it, so that
 * it is always the edge; the broker's own figures say whether it was.
 */
import { rmSync } from 'node:fs';
import type { Seams } from '../../src/actor/shard-protocol.js';
import type { RunningBroker } from '../../src/broker.js';
import { asClientId, asShardId, type ShardId } from '../../src/protocol/ids.js';
import type { ListenerFigures } from '../../src/supervisor/listener-figures.js';
import type { Cut } from '../helpers/carrier.js';
import { clientIdOn } from '../helpers/client-ids.js';
import type { ConnectOptions } from '../helpers/packets.js';
import { RawClient } from '../helpers/raw-client.js';
import {
  everyListener,
  isEdgeTransport,
  openCarrier,
  TRANSPORTS,
  type Transport,
} from '../helpers/transports.js';
import type { Version } from '../helpers/wire.js';
import {
  advanceClock,
  onEveryShard,
  type RecordingLogger,
  startTestBroker,
  tempDirectory,
  until,
} from '../helpers/with-broker.js';

/** The shard that opens TLS and WebSocket. */
export const EDGE = 0;
/** More than clients that a test has at the edge at a time. */
export const BALLAST = 64;

/** Over what a client comes in, and whether its session is on the shard that it came in at. */
export interface Combination {
  readonly transport: Transport;
  readonly owner: 'same' | 'other';
}

/** Main finds the owner of a ClientId by itself on TCP and Unix sockets: there is no edge. */
export const COMBINATIONS: readonly Combination[] = TRANSPORTS.flatMap((transport) =>
  isEdgeTransport(transport)
    ? [
        { transport, owner: 'same' },
        { transport, owner: 'other' },
      ]
    : [{ transport, owner: 'same' }],
);

export const nameOf = ({ transport, owner }: Combination): string =>
  isEdgeTransport(transport)
    ? `${transport}, owner on ${owner === 'same' ? 'the edge' : 'another'} shard`
    : transport;

export const shardFor = ({ owner }: Combination): number => (owner === 'same' ? EDGE : 1);

export interface ClientOptions extends Partial<ConnectOptions> {
  readonly transport?: Transport;
  readonly cut?: Cut;
  readonly shard?: number;
}

export type Settings = Readonly<Record<string, string | number | boolean>>;

let lastName = 0;

export class TransportBench {
  readonly #clients: RawClient[] = [];
  readonly #ballast: RawClient[] = [];

  private constructor(
    readonly broker: RunningBroker,
    readonly directory: string,
  ) {}

  static async start(
    settings: Settings = {},
    logger: RecordingLogger | 'silent' = 'silent',
    seams: Seams = {},
  ): Promise<TransportBench> {
    const directory = tempDirectory();
    const config = { ...everyListener(directory), ...settings };
    const bench = new TransportBench(await startTestBroker({ config, logger, seams }, directory), directory);
    await bench.layBallast();
    return bench;
  }

  /** Connections to every shard but the edge. */
  async layBallast(): Promise<void> {
    for (let shard = 0; shard < this.broker.shards; shard++) {
      if (shard === EDGE) continue;
      for (let n = 0; n < BALLAST; n++) {
        const client = new RawClient(await openCarrier(this.broker, 'tcp'), 4);
        await client.connect({ clientId: this.clientId(shard) });
        this.#ballast.push(client);
      }
    }
  }

  /** A new ClientId of this shard. */
  clientId(shard: number): string {
    lastName += 1;
    return clientIdOn(this.broker, shard, `c${lastName}`);
  }

  /** A topic, or the beginning of some, that no other test uses. */
  topic(): string {
    lastName += 1;
    return `t${lastName}`;
  }

  /** A connection without CONNECT. */
  async open(transport: Transport, version: Version = 5, cut: Cut = 'whole'): Promise<RawClient> {
    const client = new RawClient(await openCarrier(this.broker, transport, cut), version);
    this.#clients.push(client);
    return client;
  }

  /** A client whose CONNECT was accepted; MQTT 5 over TCP on the first shard when nothing else is said. */
  async connect(options: ClientOptions = {}): Promise<RawClient> {
    const { transport = 'tcp', cut, shard = EDGE, version = 5, ...rest } = options;
    const client = await this.open(transport, version, cut);
    const connack = await client.connect({ clientId: this.clientId(shard), ...rest });
    if (connack.code !== 0) throw new Error(`CONNECT was refused with 0x${connack.code.toString(16)}`);
    return client;
  }

  listener(transport: Transport): ListenerFigures {
    return this.broker.listenerFigures().find(({ config }) => config.type === transport)!;
  }

  /** Connections over this transport that main counts, without the ballast. */
  connections(transport: Transport): number {
    return this.listener(transport).current - (transport === 'tcp' ? this.#ballast.length : 0);
  }

  /** Clients that the edge relays to other shards. */
  async relays(): Promise<number> {
    return (await this.broker.request(asShardId(EDGE), 'shard.figures', null)).relays;
  }

  async isConnected(clientId: string): Promise<boolean> {
    const shard = asShardId(this.broker.shardOf(clientId));
    const found = await this.broker.request(shard, 'session.owner', { clientId: asClientId(clientId) });
    return found?.connected === true;
  }

  async kick(clientId: string): Promise<boolean> {
    const shard = asShardId(this.broker.shardOf(clientId));
    return (await this.broker.request(shard, 'session.kick', { clientId: asClientId(clientId) })).kicked;
  }

  /** Bytes that wait in all shards. */
  async waitingBytes(): Promise<number> {
    const ask = (shard: ShardId) => this.broker.request(shard, 'shard.figures', null);
    return (await onEveryShard(this.broker, ask)).reduce((sum, figures) => sum + figures.waitingBytes, 0);
  }

  advanceClock(seconds: number): Promise<void> {
    return advanceClock(this.broker, seconds * 1_000);
  }

  /** Drops the clients of a test. Resolves when nothing is left of them: not at main, not at the edge. */
  async clear(): Promise<void> {
    for (const client of this.#clients) client.drop();
    this.#clients.length = 0;
    const isClear = (): boolean => TRANSPORTS.every((transport) => this.connections(transport) === 0);
    await until(isClear, 'main to count nobody');
    await until(async () => (await this.relays()) === 0, 'all relays to end');
  }

  async stop(): Promise<void> {
    await this.broker.stop();
    for (const client of [...this.#clients, ...this.#ballast]) client.drop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

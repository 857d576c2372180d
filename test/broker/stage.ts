/**
 * Registers tests of what users see of the broker. The body of a test runs twice, with its clients on several shards
 * and with all of them on one; all tests of a file share one broker.
 */
import { rmSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import type { RunningBroker } from '../../src/broker.js';
import type { MetricName, StatName } from '../../src/metrics/names.js';
import { MetricsRegistry } from '../../src/metrics/registry.js';
import { asClientId, asShardId, type ShardId } from '../../src/protocol/ids.js';
import { clientIdOn } from '../helpers/client-ids.js';
import type { ConnectOptions } from '../helpers/packets.js';
import { PERSISTENT } from '../helpers/packets.js';
import { RawClient } from '../helpers/raw-client.js';
import type { Received } from '../helpers/received.js';
import type { Properties, Version } from '../helpers/wire.js';
import {
  addressOf,
  advanceClock,
  onEveryShard,
  startTestBroker,
  tempDirectory,
  until,
  withBroker,
} from '../helpers/with-broker.js';

export type Settings = Readonly<Record<string, string | number | boolean>>;
export type Scene = (t: ExecutionContext, stage: Stage) => Promise<void>;

export interface Actor extends Partial<ConnectOptions> {
  /** Where the client belongs: the same number is the same shard, others are other shards where the test is run so. */
  readonly at?: number;
  /** Name of the listener. */
  readonly listener?: string;
}

let lastName = 0;

/** What one run of a test works with: clients that are closed at its end, names of its own. */
export class Stage {
  private readonly clients: RawClient[] = [];
  private readonly prefix: string;

  constructor(
    readonly broker: RunningBroker,
    readonly isApart: boolean,
  ) {
    lastName += 1;
    this.prefix = `s${lastName}`;
  }

  /** A topic that no other run uses. */
  topic(name: string): string {
    return `${this.prefix}/${name}`;
  }

  shard(at: number): number {
    return this.isApart ? at % this.broker.shards : 0;
  }

  /** A new ClientId at this place. */
  clientId(at = 0): string {
    lastName += 1;
    return clientIdOn(this.broker, this.shard(at), `c${lastName}`);
  }

  /** A connection without CONNECT. */
  async open(version: Version, listener?: string): Promise<RawClient> {
    const client = await RawClient.open(addressOf(this.broker, listener), version);
    this.clients.push(client);
    return client;
  }

  /** A client whose CONNECT was accepted; MQTT 5 when nothing else is said. */
  async connect(actor: Actor = {}): Promise<RawClient> {
    const { version = 5, at = 0, listener, clientId = this.clientId(at), ...rest } = actor;
    const client = await this.open(version, listener);
    const connack = await client.connect({ clientId, ...rest });
    if (connack.code !== 0) throw new Error(`CONNECT was refused with 0x${connack.code.toString(16)}`);
    return client;
  }

  /** Connects a client again, with its session. */
  resume(client: RawClient, actor: Actor = {}): Promise<RawClient> {
    return this.connect({ ...PERSISTENT, clientId: client.clientId, version: client.version, ...actor });
  }

  /** Breaks a connection off and waits until its shard has noticed. */
  async lose(client: RawClient): Promise<void> {
    client.drop();
    await until(async () => !(await this.isConnected(client.clientId)), `${client.clientId} to be gone`);
  }

  /** What this publisher has sent so far is handled by the shard at this place. */
  async settled(publisher: RawClient, at = 0): Promise<void> {
    const probe = await this.connect({ at });
    await probe.expectNothingFrom(publisher);
    probe.drop();
  }

  async isConnected(clientId: string): Promise<boolean> {
    const shard = asShardId(this.broker.shardOf(clientId));
    const found = await this.broker.request(shard, 'session.owner', { clientId: asClientId(clientId) });
    return found?.connected === true;
  }

  async kick(clientId: string): Promise<boolean> {
    const shard = asShardId(this.broker.shardOf(clientId));
    const answer = await this.broker.request(shard, 'session.kick', { clientId: asClientId(clientId) });
    return answer.kicked;
  }

  /** Turns the clocks of all shards on. */
  advanceClock(seconds: number): Promise<void> {
    return advanceClock(this.broker, seconds * 1_000);
  }

  /** The 38 counters and the 14 statistics as they are now. */
  async figures(): Promise<{ metrics: Record<MetricName, number>; stats: Record<StatName, number> }> {
    const registry = new MetricsRegistry(this.broker.shards);
    const answers = await onEveryShard(this.broker, async (shard) => {
      return [shard, await this.broker.request(shard, 'shard.figures', null)] as const;
    });
    for (const [shard, figures] of answers) registry.update(shard, figures);
    const metrics = { ...this.broker.metrics(), 'messages/retained': registry.count('retained') };
    return { metrics, stats: registry.stats() };
  }

  /** The longest turn of any shard since its last heartbeat. */
  async longestTurnMs(): Promise<number> {
    const ask = (shard: ShardId) => this.broker.request(shard, 'shard.figures', null);
    const figures = await onEveryShard(this.broker, ask);
    return Math.max(...figures.map((one) => one.longestTurnMs));
  }

  end(): void {
    for (const client of this.clients) client.drop();
  }
}

export interface Scenes {
  (title: string, body: Scene): void;
  /** Runs the body once, with clients on several shards. */
  once(title: string, body: Scene): void;
}

/** Starts one broker of three shards for the file's tests, which run one after the other. */
export function scenesWith(settings: Settings = {}, shards = 3): Scenes {
  const directory = tempDirectory();
  let broker: RunningBroker;
  test.before(async () => {
    broker = await startTestBroker({ config: { 'node.shards': shards, ...settings } }, directory);
  });
  test.after.always(async () => {
    await broker?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const play = async (t: ExecutionContext, body: Scene, places: readonly boolean[]): Promise<void> => {
    for (const isApart of places) await playOnce(t, new Stage(broker, isApart), body);
    t.pass();
  };
  const add = (title: string, body: Scene): void => test.serial(title, (t) => play(t, body, [true, false]));
  const once = (title: string, body: Scene): void => test.serial(title, (t) => play(t, body, [true]));
  return Object.assign(add, { once });
}

/** A test with a broker of its own. */
export function sceneWith(title: string, settings: Settings, body: Scene, shards = 3): void {
  const config = { 'node.shards': shards, ...settings };
  test.serial(
    title,
    withBroker({ config }, async (broker, t) => {
      await playOnce(t, new Stage(broker, true), body);
      t.pass();
    }),
  );
}

async function playOnce(t: ExecutionContext, stage: Stage, body: Scene): Promise<void> {
  try {
    await body(t, stage);
  } catch (error) {
    const place = stage.isApart ? 'on several shards' : 'on one shard';
    throw new Error(`${place}: ${(error as Error).message}`, { cause: error });
  } finally {
    stage.end();
  }
}

/** Acknowledges nothing and gives the next packets, which have to be PUBLISH with these payloads. */
export async function expectPayloads(client: RawClient, payloads: readonly string[]): Promise<Received[]> {
  const found: Received[] = [];
  for (const payload of payloads) found.push(await client.expectPublish(payload));
  return found;
}

/** As many payloads, numbered from `first`. */
export function numbered(count: number, first = 0): string[] {
  return Array.from({ length: count }, (_, index) => `m${first + index}`);
}

/** Publishes these payloads one after the other, each acknowledged in full. */
export async function publishAll(
  publisher: RawClient,
  topic: string,
  payloads: readonly string[],
  qos: number,
  properties: Properties = {},
): Promise<void> {
  for (const payload of payloads) await publisher.publish({ topic, payload, qos, properties });
}

/** Clients that keep a broker busy while it is backed up, and remember what it has acknowledged. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { MqttClient } from 'mqtt';
import { SlotMap } from '../../src/actor/slots.js';
import { asClientId } from '../../src/protocol/ids.js';
import type { NodeRecord } from '../../src/supervisor/data-dir.js';
import { clientIdOn } from '../helpers/client-ids.js';
import { until } from '../helpers/with-broker.js';

const WINDOW = 8;
const TIMEOUT_MS = 30_000;
const RETAINED = 'kept';

/** By topic: the numbers that were acknowledged, rising; of a retained one only the last. */
export type Acknowledged = ReadonlyMap<string, readonly number[]>;

/** @returns a client of MQTT 3.1.1 with a lasting session, once it has its CONNACK; `prepare` may listen before */
async function join311(
  port: number,
  clientId: string,
  prepare?: (client: MqttClient) => void,
): Promise<MqttClient> {
  const client = new MqttClient(() => connect(port, '127.0.0.1'), {
    ...{ clientId, clean: false, resubscribe: false, protocolId: 'MQTT', protocolVersion: 4 },
    ...{ reconnectPeriod: 0, keepalive: 0 },
  });
  client.on('error', () => undefined);
  prepare?.(client);
  await new Promise((resolve) => client.once('connect', resolve));
  return client;
}

/** Publishes numbers to one topic, one after the other, until it is told to stop. */
class Stream {
  readonly acked: number[] = [];
  #next = 1;
  #underWay = 0;
  #isOver = false;

  constructor(
    private readonly client: MqttClient,
    readonly topic: string,
    private readonly qos: 1 | 2,
    private readonly retain: boolean,
  ) {
    this.#fill();
  }

  get isIdle(): boolean {
    return this.#underWay === 0;
  }

  stop(): void {
    this.#isOver = true;
  }

  #fill(): void {
    // What is retained is to be there in the order in which it was acknowledged.
    while (!this.#isOver && this.#underWay < (this.retain ? 1 : WINDOW)) {
      const number = this.#next++;
      this.#underWay++;
      this.client.publish(this.topic, String(number), { qos: this.qos, retain: this.retain }, (error) => {
        this.#underWay--;
        if (error == null) this.acked.push(number);
        this.#fill();
      });
    }
  }
}

/** A reader that is absent, and a writer, on each shard. */
export class BackupLoad {
  readonly #streams: Stream[] = [];
  readonly #writers: MqttClient[] = [];

  private constructor(readonly readers: readonly string[]) {}

  static async begin(port: number, dataDir: string): Promise<BackupLoad> {
    const node = JSON.parse(readFileSync(join(dataDir, 'node.json'), 'utf8')) as NodeRecord;
    const slots = new SlotMap(node.slotKey, node.shards);
    const broker = {
      shards: node.shards,
      shardOf: (clientId: string) => slots.shardOf(asClientId(clientId)),
    };
    const shards = Array.from({ length: node.shards }, (_, shard) => shard);
    const load = new BackupLoad(shards.map((shard) => clientIdOn(broker, shard, 'reader')));
    for (const name of load.readers) {
      const reader = await join311(port, name);
      await reader.subscribeAsync('load/#', { qos: 2 });
      await reader.endAsync();
    }
    for (const shard of shards) {
      const writer = await join311(port, clientIdOn(broker, shard, 'writer'));
      load.#writers.push(writer);
      for (const qos of [1, 2] as const) {
        load.#streams.push(new Stream(writer, `load/${shard}/${qos}`, qos, false));
        load.#streams.push(new Stream(writer, `${RETAINED}/${shard}/${qos}`, qos, true));
      }
    }
    return load;
  }

  /** Waits until each writer has been told `more` times that something is safe. @returns all that is safe by now */
  async acknowledged(more: number): Promise<Acknowledged> {
    const enough = this.#streams.map(({ acked }) => acked.length + more);
    await until(
      () => this.#streams.every(({ acked }, at) => acked.length >= enough[at]!),
      'answers',
      TIMEOUT_MS,
    );
    return new Map(
      this.#streams.map(({ topic, acked }) => [
        topic,
        topic.startsWith(RETAINED) ? acked.slice(-1) : [...acked],
      ]),
    );
  }

  async stop(): Promise<void> {
    for (const stream of this.#streams) stream.stop();
    await until(() => this.#streams.every(({ isIdle }) => isIdle), 'the last answers', TIMEOUT_MS);
    for (const writer of this.#writers) await writer.endAsync();
  }

  /** The broker is gone, or is about to be. */
  drop(): void {
    for (const stream of this.#streams) stream.stop();
    for (const writer of this.#writers) writer.end(true);
  }
}

/** A broker with what was restored has it all: each message once, in order; retained the last or a later one. */
export async function checkRestored(
  t: ExecutionContext,
  port: number,
  readers: readonly string[],
  before: Acknowledged,
): Promise<void> {
  for (const name of readers) {
    const { client, received } = await receiving(port, name);
    for (const [topic, numbers] of before) {
      if (topic.startsWith(RETAINED)) continue;
      await until(() => received(topic).includes(numbers.at(-1)!), `${topic} at ${name}`, TIMEOUT_MS);
      const got = new Set(received(topic));
      t.deepEqual(missing(numbers, got), [], `${name} misses none of ${topic}`);
    }
    await client.endAsync();
    for (const topic of before.keys()) {
      const rising = [...new Set(received(topic))].sort((a, b) => a - b);
      t.deepEqual(received(topic), rising, `${name}: ${topic} is in order, and nothing twice`);
    }
  }
  const { client, received } = await receiving(port, 'late');
  await client.subscribeAsync(`${RETAINED}/#`, { qos: 1 });
  for (const [topic, [last]] of before) {
    if (!topic.startsWith(RETAINED)) continue;
    await until(() => received(topic).length > 0, topic, TIMEOUT_MS);
    t.true(received(topic)[0]! >= last!, `${topic}: ${received(topic)[0]} is not older than ${last}`);
  }
  await client.endAsync();
}

interface Receiving {
  readonly client: MqttClient;
  readonly received: (topic: string) => readonly number[];
}

async function receiving(port: number, clientId: string): Promise<Receiving> {
  const byTopic = new Map<string, number[]>();
  const client = await join311(port, clientId, (joining) => {
    joining.on('message', (topic, payload) => {
      const numbers = byTopic.get(topic) ?? [];
      numbers.push(Number(payload.toString()));
      byTopic.set(topic, numbers);
    });
  });
  return { client, received: (topic) => byTopic.get(topic) ?? [] };
}

const missing = (numbers: readonly number[], got: ReadonlySet<number>): number[] =>
  numbers.filter((number) => !got.has(number)).slice(0, 10);

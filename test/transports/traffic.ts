/**
 * Everybody talks to everybody: publishers and subscribers over all combinations of transport and owner at once, at
 * every QoS, as fast as the slowest subscriber takes it. Says what was lost, repeated, misplaced or of the wrong shape.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { PINGREQ, publish } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import type { Received } from '../helpers/received.js';
import { COMBINATIONS, nameOf, shardFor, type TransportBench } from './bench.js';

const QOS = [0, 1, 2] as const;
/** Messages of one stream that its slowest subscriber has not got. */
const WINDOW = 20;
/** Payload sizes in turn: most are small, some need a longer WebSocket header, some several TLS records. */
const SIZES = [10, 60, 10, 200, 10, 3_000, 10, 40_000];
/** How long nothing may come while something is missing. */
const PATIENCE_MS = 15_000;
const IDS = 60_000;

/** One publisher's messages of one QoS. */
class Stream {
  sent = 0;

  constructor(
    readonly publisher: Publisher,
    readonly topic: string,
    readonly qos: number,
    readonly index: number,
  ) {}
}

class Publisher {
  /** Handshakes that are not over. */
  open = 0;
  private lastId = 0;

  constructor(readonly client: RawClient) {}

  publish(stream: Stream): void {
    const { topic, qos, sent } = stream;
    const size = SIZES[sent % SIZES.length]!;
    this.lastId = (this.lastId % IDS) + 1;
    const payload = `${sent} `.padEnd(size, 'x');
    this.client.send(publish(this.client.version, { topic, payload, qos, id: this.lastId }));
    stream.sent += 1;
    if (qos > 0) this.open += 1;
  }

  take(found: Received): void {
    if (found.code >= 0x80) throw new Error(`${found.type} with code ${found.code}`);
    if (found.type === 'pubrec') this.client.sendAck('pubrel', found.id);
    else if (found.type === 'puback' || found.type === 'pubcomp') this.open -= 1;
    else throw new Error(`got ${found.type}`);
  }
}

class Subscriber {
  /** Messages received of each stream. */
  readonly counts: number[];

  constructor(
    readonly client: RawClient,
    private readonly qos: number,
    private readonly streams: ReadonlyMap<string, Stream>,
  ) {
    this.counts = new Array<number>(streams.size).fill(0);
  }

  take(found: Received): void {
    if (found.type === 'pubrel') {
      this.client.sendAck('pubcomp', found.id);
      return;
    }
    const stream = this.streams.get(found.topic);
    if (found.type !== 'publish' || stream === undefined) throw new Error(`got ${found.type} ${found.topic}`);
    const expected = this.counts[stream.index]!++;
    const size = Math.max(SIZES[expected % SIZES.length]!, `${expected} `.length);
    if (Number.parseInt(found.payload, 10) !== expected || found.payload.length !== size) {
      throw new Error(
        `${found.payload.slice(0, 20)} on ${found.topic} in place of ${expected}, for QoS ${this.qos}`,
      );
    }
    if (found.qos !== Math.min(this.qos, stream.qos) || found.dup) {
      throw new Error(`${found.topic} ${expected} came at QoS ${found.qos}, DUP ${found.dup}`);
    }
    if (found.qos > 0) this.client.sendAck(found.qos === 1 ? 'puback' : 'pubrec', found.id);
  }
}

export class Traffic {
  readonly faults: string[] = [];
  private readonly publishers: Publisher[] = [];
  private readonly streams = new Map<string, Stream>();
  private readonly subscribers: Subscriber[] = [];

  private constructor(private readonly bench: TransportBench) {}

  /** Connects everybody. */
  static async prepare(bench: TransportBench): Promise<Traffic> {
    const traffic = new Traffic(bench);
    for (const [index, combination] of COMBINATIONS.entries()) {
      const { transport } = combination;
      const client = await bench.connect({
        transport,
        shard: shardFor(combination),
        version: index % 2 ? 4 : 5,
      });
      const publisher = new Publisher(client);
      traffic.publishers.push(publisher);
      for (const qos of QOS) {
        const topic = `load/${index}/${qos}`;
        traffic.streams.set(topic, new Stream(publisher, topic, qos, traffic.streams.size));
      }
    }
    for (const combination of COMBINATIONS) {
      for (const qos of QOS) await traffic.subscribe(combination.transport, shardFor(combination), qos);
    }
    return traffic;
  }

  private async subscribe(transport: (typeof COMBINATIONS)[number]['transport'], shard: number, qos: number) {
    const client = await this.bench.connect({ transport, shard, version: qos === 1 ? 4 : 5 });
    await client.subscribe([['load/#', qos]]);
    this.subscribers.push(new Subscriber(client, qos, this.streams));
  }

  /** Messages delivered so far. */
  get delivered(): number {
    let count = 0;
    for (const { counts } of this.subscribers) for (const each of counts) count += each;
    return count;
  }

  /** Runs for so long, then waits for what is under way. */
  async run(ms: number): Promise<void> {
    const reading = [...this.publishers, ...this.subscribers].map((each) => this.read(each));
    const endMs = Date.now() + ms;
    const churn = this.churn(endMs);
    while (Date.now() < endMs && this.faults.length === 0) {
      this.fill();
      await nextTurn();
    }
    await churn;
    await this.drain();
    // The answer is behind everything that is still to come.
    for (const { client } of [...this.publishers, ...this.subscribers]) client.send(PINGREQ);
    await Promise.all(reading);
  }

  private fill(): void {
    for (const stream of this.streams.values()) {
      let slowest = stream.sent;
      for (const { counts } of this.subscribers) slowest = Math.min(slowest, counts[stream.index]!);
      while (stream.sent - slowest < WINDOW) stream.publisher.publish(stream);
    }
  }

  private async drain(): Promise<void> {
    let seen = -1;
    for (let lastMs = Date.now(); this.missing() > 0 && this.faults.length === 0; await nextTurn()) {
      const { delivered } = this;
      if (delivered !== seen) {
        seen = delivered;
        lastMs = Date.now();
      } else if (Date.now() - lastMs > PATIENCE_MS) this.faults.push(`${this.missing()} packets never came`);
    }
  }

  /** Deliveries and ends of handshakes that are still to come. */
  private missing(): number {
    let missing = 0;
    for (const { open } of this.publishers) missing += open;
    for (const { sent, index } of this.streams.values()) {
      for (const { counts } of this.subscribers) missing += sent - counts[index]!;
    }
    return missing;
  }

  /** Clients come and go meanwhile. */
  private async churn(endMs: number): Promise<void> {
    for (let n = 0; Date.now() < endMs && this.faults.length === 0; n++) {
      const combination = COMBINATIONS[n % COMBINATIONS.length]!;
      try {
        const client = await this.bench.connect({
          transport: combination.transport,
          shard: shardFor(combination),
        });
        await client.subscribe([['load/#', 0]]);
        client.carrier[n % 3 === 0 ? 'reset' : 'drop']();
      } catch (error) {
        this.faults.push(`a newcomer over ${nameOf(combination)}: ${String(error)}`);
      }
    }
  }

  private async read(reader: Publisher | Subscriber): Promise<void> {
    try {
      for (;;) {
        const found = await reader.client.next();
        if (found === null) throw new Error('disconnected');
        if (found.type === 'pingresp') return;
        reader.take(found);
      }
    } catch (error) {
      this.faults.push(`${reader.client.clientId}: ${String(error)}`);
      reader.client.drop();
    }
  }
}

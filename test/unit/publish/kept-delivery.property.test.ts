/**
 * Sessions that are kept, a store that commits late or fails for a while, and clients that come and go: what the
 * journal was told is what the sessions hold, and nobody is told what the last commit does not know.
 */
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { ack } from '../../helpers/packets.js';
import type { Received } from '../../helpers/received.js';
import { settle, type TestClient } from '../../helpers/test-shard.js';
import type { Version } from '../../helpers/wire.js';
import { compared, KeptShard, reloaded, type Told } from './kept-bench.js';

const VERSIONS: readonly Version[] = [4, 5];
const NAMES = VERSIONS.map((version) => `s${version}`);

const who = fc.nat({ max: NAMES.length - 1 });
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      qos: fc.nat({ max: 2 }),
      to: who,
      count: fc.integer({ min: 1, max: 9 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('share' as const), qos: fc.integer({ min: 1, max: 2 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('answer' as const), who, most: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('refuse' as const), who }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('release' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('drop' as const), who }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('back' as const),
      who,
      receiveMaximum: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('slow' as const), who, isSlow: fc.boolean() }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('commit' as const), ok: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('retry' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Turned clock in one run: less than the store's deadline, so that nothing is refused. */
const RETRIES_MAX = 15;

/** A subscriber that remembers what it owes and what it has got. */
class Subscriber {
  client: TestClient | null = null;
  /** What it has not answered, oldest first. */
  readonly owed: { readonly type: 'puback' | 'pubrec' | 'pubcomp'; readonly id: number }[] = [];
  readonly got: Record<number, string[]> = { 0: [], 1: [], 2: [] };
  /** Identifiers with QoS 2 that it has taken, until PUBREL. */
  readonly taken = new Set<number>();
  /** What this connection has brought and what has not been answered in full. */
  readonly open = new Set<number>();
  receiveMaximum = 0;

  constructor(
    readonly name: string,
    readonly version: Version,
  ) {}
}

class World {
  readonly bench = new KeptShard({
    config: { 'mqtt.session.max_inflight': 6, 'mqtt.client.max_write_buffer': '1KB' },
  });
  readonly subscribers = NAMES.map((name, i) => new Subscriber(name, VERSIONS[i]!));
  readonly wrong: string[] = [];
  publisher!: TestClient;
  /** What was published, by subscriber and QoS. */
  readonly sent = new Map<string, string[]>();
  private readonly toRelease: number[] = [];
  private lastId = 0;
  private retries = 0;

  async begin(): Promise<void> {
    const { store } = this.bench;
    store.mode = 'pass';
    this.publisher = this.bench.open('publisher', { version: 5 });
    for (const each of this.subscribers) {
      this.connect(each, 5);
      each.client!.subscribe(1, [`to/${each.name}`, 2], ['$share/g/shared', 2]);
    }
    await settle();
    this.publisher.take();
    for (const { client } of this.subscribers) client!.take();
    store.mode = 'hold';
  }

  private connect(each: Subscriber, receiveMaximum: number): void {
    const properties =
      each.version === 5 ? { sessionExpiry: 3_600, receiveMaximum } : { sessionExpiry: 3_600 };
    each.open.clear();
    each.receiveMaximum = each.version === 5 ? receiveMaximum : Number.POSITIVE_INFINITY;
    each.client = this.bench.open(each.name, { version: each.version, properties });
  }

  async do(what: Step): Promise<void> {
    switch (what.kind) {
      case 'publish':
        for (let i = 0; i < what.count; i++) this.publish(`to/${NAMES[what.to]}`, what.qos);
        break;
      case 'share':
        this.publish('shared', what.qos);
        break;
      case 'answer':
        this.answer(this.subscribers[what.who]!, what.most);
        break;
      case 'refuse':
        this.refuse(this.subscribers[what.who]!);
        break;
      case 'release':
        for (const id of this.toRelease.splice(0)) this.publisher.send(ack('pubrel', id));
        break;
      case 'drop':
        this.drop(this.subscribers[what.who]!);
        break;
      case 'back':
        if (this.subscribers[what.who]!.client === null)
          this.connect(this.subscribers[what.who]!, what.receiveMaximum);
        break;
      case 'slow':
        this.slow(this.subscribers[what.who]!, what.isSlow);
        break;
      case 'commit':
        this.bench.store.finish(what.ok);
        break;
      case 'retry':
        if (this.retries++ < RETRIES_MAX) await this.bench.shard.advance(600);
    }
    await settle(4);
    this.look();
  }

  /** Everything goes well from now on, until nothing happens any more. */
  async end(): Promise<void> {
    const { store, shard } = this.bench;
    store.finish();
    store.mode = 'pass';
    await shard.advance(600);
    for (let round = 0; round < 60; round++) {
      for (const each of this.subscribers) {
        if (each.client === null) this.connect(each, 5);
        this.slow(each, false);
        this.answer(each, 1_000);
      }
      for (const id of this.toRelease.splice(0)) this.publisher.send(ack('pubrel', id));
      await settle(4);
      this.look();
      if (this.bench.journal.live.size === 0 && this.toRelease.length === 0) break;
    }
  }

  private publish(topic: string, qos: number): void {
    this.lastId += 1;
    const payload = `${this.lastId}`.padEnd(300);
    // Whatever it waits for: who gets it is decided by the topic.
    const key = `${topic} ${qos}`;
    this.sent.set(key, [...(this.sent.get(key) ?? []), payload]);
    // As unlike a sequence as can be: the first byte counts.
    const id = ((this.lastId & 0xff) << 8) | (this.lastId >>> 8);
    this.publisher.publish({ topic, payload, qos, id });
  }

  private answer(each: Subscriber, most: number): void {
    if (each.client === null) return;
    for (const { type, id } of each.owed.splice(0, most)) {
      if (type === 'pubcomp') each.taken.delete(id);
      if (type !== 'pubrec') each.open.delete(id);
      each.client.send(ack(type, id));
    }
  }

  private refuse(each: Subscriber): void {
    const at = each.owed.findIndex(({ type }) => type === 'pubrec');
    if (each.client === null || each.version !== 5 || at < 0) return;
    const [owed] = each.owed.splice(at, 1);
    each.taken.delete(owed!.id);
    each.open.delete(owed!.id);
    each.client.send(ack('pubrec', owed!.id, 0x80));
  }

  private drop(each: Subscriber): void {
    each.client?.drop();
    each.client = null;
    // What it has not said it will be asked again.
    each.owed.length = 0;
  }

  private slow({ client }: Subscriber, isSlow: boolean): void {
    if (client === null) return;
    if (isSlow) client.isSlow = true;
    else if (client.isSlow) client.drain();
  }

  private look(): void {
    const { safe } = this.bench.journal;
    for (const each of this.subscribers) {
      for (const packet of each.client?.take() ?? []) this.receive(each, packet, [...safe.values()]);
    }
    for (const packet of this.publisher.take()) this.answered(packet, [...safe.values()]);
  }

  private receive(each: Subscriber, packet: Received, safe: readonly Told[]): void {
    const { id } = packet;
    if (packet.type === 'publish' && packet.qos > 0) each.open.add(id);
    if (each.open.size > each.receiveMaximum) this.wrong.push(`${each.name}: Receive Maximum is exceeded`);
    const { number } = this.bench.shard.session(each.name)!;
    const known = safe.find(
      (told) => told.session === number && told.packetId === id && told.place !== 'inbound',
    );
    if (packet.type === 'publish' && packet.qos === 2) {
      if (known?.payload !== packet.payload) this.wrong.push(`${each.name}: PUBLISH ${id} is not safe`);
      if (!each.taken.has(id)) each.got[2]!.push(packet.payload);
      each.taken.add(id);
      each.owed.push({ type: 'pubrec', id });
    } else if (packet.type === 'publish') {
      const got = each.got[packet.qos]!;
      if (!got.includes(packet.payload)) got.push(packet.payload);
      if (packet.qos === 1) each.owed.push({ type: 'puback', id });
    } else if (packet.type === 'pubrel') {
      if (known?.place !== 'released') this.wrong.push(`${each.name}: PUBREL ${id} is not safe`);
      each.owed.push({ type: 'pubcomp', id });
    }
  }

  private answered({ type, id, code }: Received, safe: readonly Told[]): void {
    if (code >= 0x80) this.wrong.push(`${type} ${id} says ${code}`);
    const isKnown = safe.some((told) => told.place === 'inbound' && told.packetId === id);
    if (type === 'pubrec') {
      if (!isKnown) this.wrong.push(`PUBREC ${id} is not safe`);
      this.toRelease.push(id);
    }
    if (type === 'pubcomp' && isKnown) this.wrong.push(`PUBCOMP ${id} is not safe`);
  }
}

function inOrder(told: Iterable<Told>): string[] {
  return [...told]
    .map(({ session, place, packetId, payload, qos }) => [session, place, packetId, payload, qos].join())
    .sort();
}

test('what the journal was told is what window, queue and identifiers hold, and promises follow commits', async (t) => {
  const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
    const world = new World();
    const { bench } = world;
    try {
      await world.begin();
      for (const each of steps) {
        await world.do(each);
        if (each.kind === 'commit') {
          deepStrictEqual(inOrder(reloaded(bench.store)), inOrder(bench.journal.safe.values()));
        }
        for (const name of ['publisher', ...NAMES]) {
          const { held, told } = compared(bench.shard.session(name)!, bench.journal);
          deepStrictEqual(held, told);
        }
      }
      await world.end();
      deepStrictEqual(world.wrong, []);
      deepStrictEqual(bench.journal.mistakes, []);
      strictEqual(bench.journal.live.size, 0);
      for (const { name, got } of world.subscribers) {
        for (const qos of [1, 2]) {
          const own = got[qos]!.filter((payload) => world.sent.get(`to/${name} ${qos}`)?.includes(payload));
          deepStrictEqual(own, world.sent.get(`to/${name} ${qos}`) ?? []);
        }
      }
      const shared = world.subscribers.flatMap(({ got }) => got[2]!);
      for (const payload of world.sent.get('shared 2') ?? []) {
        strictEqual(shared.filter((each) => each === payload).length, 1, `shared message ${payload}`);
      }
    } finally {
      await bench.stop();
    }
  });
  await t.notThrowsAsync(fc.assert(property, { numRuns: 200 }));
});

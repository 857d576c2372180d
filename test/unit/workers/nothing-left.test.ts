/**
 * Thousands of random lives of clients on two shards, relayed by the other one or not, after which nothing of them
 * may be left anywhere.
 */
import test from 'ava';
import fc from 'fast-check';
import type { ConnectOptions } from '../../helpers/packets.js';
import * as packets from '../../helpers/packets.js';
import { meshOf, settle, type TestClient, type TestShard } from '../../helpers/test-shard.js';

const act = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('connect' as const), flags: fc.nat(127) }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('subscribe' as const), filter: fc.nat(7), options: fc.nat(2) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('unsubscribe' as const), filter: fc.nat(7) }) },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      topic: fc.nat(29),
      qos: fc.nat(2),
      retain: fc.boolean(),
      kib: fc.nat(12),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('answer' as const), share: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('slow' as const, 'drain' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('drop' as const, 'leave' as const, 'half' as const, 'bad' as const),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('settle' as const, 'advance' as const) }) },
);
const life = fc.record({ client: fc.nat(9), act });
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

const FILTERS = ['t/0', 't/1', 't/#', '+/2', '$share/g/t/#', '$share/h/t/1', '$local/t/+', '#'];

/** Ten ClientIds on two shards, each with at most one connection that this side knows of. */
class World {
  private readonly clients: (TestClient | null)[] = new Array<TestClient | null>(10).fill(null);
  /** Every connection there was: of two with one ClientId the first may be served last, and stay. */
  private readonly opened: TestClient[] = [];
  private lastId = 0;

  constructor(readonly shards: readonly TestShard[]) {}

  async live(index: number, what: Act): Promise<void> {
    const client = this.clients[index]!;
    if (what.do === 'settle') return settle(3);
    if (what.do === 'advance') return this.advance(1_500);
    if (what.do === 'connect') this.connect(index, what.flags);
    else if (client !== null && !client.isEnded) this.act(client, what);
  }

  private connect(index: number, flags: number): void {
    const bit = (n: number) => (flags & (1 << n)) !== 0;
    const will = { topic: `t/${flags % 4}`, payload: 'will', qos: flags % 3, retain: bit(4) };
    const owner = this.shards[index % 2]!;
    const options: Partial<ConnectOptions> = {
      version: bit(0) ? 5 : 4,
      clean: bit(1),
      ...(bit(2) && { will: bit(0) ? { ...will, properties: { willDelay: bit(5) ? 3 : 0 } } : will }),
      ...(bit(0) && { properties: { sessionExpiry: bit(3) ? 20 : 0, receiveMaximum: bit(5) ? 2 : 20 } }),
    };
    const client = bit(6)
      ? owner.openThrough(this.shards[1 - (index % 2)]!, `c${index}`, options)
      : owner.open(`c${index}`, options);
    this.clients[index] = client;
    this.opened.push(client);
  }

  private act(client: TestClient, what: Act): void {
    const { version } = client;
    this.lastId = (this.lastId % 60_000) + 1;
    const id = this.lastId;
    if (what.do === 'subscribe') client.subscribe(id, [FILTERS[what.filter]!, what.options]);
    if (what.do === 'unsubscribe') client.send(packets.unsubscribe(version, id, [FILTERS[what.filter]!]));
    if (what.do === 'publish') {
      const { topic, qos, retain, kib } = what;
      client.publish({ topic: `t/${topic}`, payload: 'x'.repeat(kib * 1_024), qos, retain, id });
    }
    if (what.do === 'answer') this.answer(client, what.share);
    if (what.do === 'slow') client.isSlow = true;
    if (what.do === 'drain') client.drain();
    if (what.do === 'leave') client.send(packets.disconnect());
    if (what.do === 'half')
      client.send(packets.publish(version, { topic: 't/0', payload: 'x'.repeat(500) }).subarray(0, 300));
    if (what.do === 'bad') client.send(Buffer.of(0, 1, 2));
    if (what.do === 'drop') client.drop();
  }

  // Some of what has come is acknowledged, the rest never.
  private answer(client: TestClient, share: number): void {
    for (const { type, qos, id } of client.take()) {
      if (client.isEnded || (id & 3) < share) continue;
      if (type === 'publish' && qos > 0) client.send(packets.ack(qos === 1 ? 'puback' : 'pubrec', id));
      if (type === 'pubrec') client.send(packets.ack('pubrel', id));
      if (type === 'pubrel') client.send(packets.ack('pubcomp', id));
    }
  }

  async advance(ms: number): Promise<void> {
    for (const shard of this.shards) await shard.advance(ms);
  }

  /** All leave, all sessions and wills come to their end, all retained messages are removed. */
  async end(): Promise<void> {
    await settle();
    for (const client of this.opened) client.drop();
    for (let i = 0; i < 4; i++) await this.advance(20_000);
    const cleaner = this.shards[0]!.open('cleaner');
    for (let i = 0; i < 30; i++) cleaner.publish({ topic: `t/${i}`, retain: true });
    await settle();
    cleaner.drop();
    // 3.x sessions have an expiry too.
    for (let i = 0; i < 4; i++) await this.advance(3 * 3_600_000);
    await settle(40);
  }
}

function leftOn({ parts }: TestShard): Record<string, number> {
  const { memory, outputs, connections, creditWaiters, wheel, router, sessions, retained, replays } = parts;
  return {
    memory: memory.totalBytes,
    output: outputs.waitingBytes,
    largest: memory.largest() === null ? 0 : 1,
    connections: connections.size,
    creditWaiters: creditWaiters.size,
    wheel: wheel.size,
    sessions: sessions.count,
    online: sessions.onlineCount,
    subscriptions: router.subscriptionCount,
    filters: router.filterCount,
    routes: router.routeCount,
    retained: retained.count,
    walks: retained.walkCount,
    replays: replays.count,
    mesh: parts.mesh.waitingBytes,
    relays: parts.relays.count,
    relayed: parts.relays.waitingBytes,
  };
}

test('nothing is left behind by clients that have gone, however they lived', async (t) => {
  const shards = await meshOf(2, {
    config: {
      mqtt: {
        client: { max_write_buffer: '8KB' },
        mqueue: { max_length: 20 },
        session: { expiry_interval: '2h' },
      },
    },
  });
  t.teardown(() => Promise.all(shards.map((shard) => shard.stop())));
  const base = shards.map(leftOn);
  t.true(base.every((each) => Object.values(each).every((value) => value === 0)));
  await fc.assert(
    fc.asyncProperty(fc.array(life, { minLength: 100, maxLength: 400 }), async (lives) => {
      const world = new World(shards);
      for (const { client, act: what } of lives) await world.live(client, what);
      await world.end();
      t.deepEqual(shards.map(leftOn), base);
    }),
    { numRuns: 60, endOnFailure: true },
  );
});

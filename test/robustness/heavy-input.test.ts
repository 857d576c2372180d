/**
 * Input that is well-formed and as heavy as the protocol allows, on a broker of two shards with a watching flow: no
 * turn is long, nobody else notices, and what it took is given back.
 */
import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { ConfigInput } from '../../src/config/entry.js';
import { publish } from '../helpers/packets.js';
import { field, packet, u16 } from '../helpers/wire.js';
import { onEveryShard, until } from '../helpers/with-broker.js';
import { type SeamBench, withBench } from '../seams/bench.js';
import { Flow } from './flow.js';
import { TurnWatch } from './turn-watch.js';

const MIB = 1 << 20;

/** A test during which a flow across both shards goes on and no turn is long. */
function heavy(
  title: string,
  config: ConfigInput,
  body: (bench: SeamBench, t: ExecutionContext, watch: TurnWatch) => Promise<void>,
): void {
  test.serial(
    title,
    withBench({ config }, async (bench, t) => {
      const flow = await Flow.start(bench, { from: 0, to: 1, qos: 1 });
      const watch = new TurnWatch(bench.broker);
      const residentBytes = process.memoryUsage.rss();
      try {
        await body(bench, t, watch);
        await flow.goesOn();
        t.deepEqual(await flow.stop(), []);
      } finally {
        await watch.stop(t);
        const grownMib = (process.memoryUsage.rss() - residentBytes) / MIB;
        t.log(`the process has grown by ${grownMib.toFixed(0)} MiB`);
        t.true(grownMib < 600, `grown by ${grownMib} MiB`);
      }
    }),
  );
}

async function sum(
  bench: SeamBench,
  key: 'waitingBytes' | 'subscriptions' | 'routes' | 'retained',
): Promise<number> {
  const all = await onEveryShard(bench.broker, (shard) => bench.broker.request(shard, 'shard.figures', null));
  return all.reduce((total, figures) => total + figures[key], 0);
}

/** One SUBSCRIBE for all of them, with QoS 1. */
function subscribeAll(version: 4 | 5, filters: readonly string[]): Buffer {
  const body = filters.map((filter) => Buffer.concat([field(filter), Buffer.of(1)]));
  return packet(0x82, u16(1), version === 5 ? [0] : [], Buffer.concat(body));
}

heavy(
  '256 MB announced by many clients and dripped: memory grows with what has come, not with what was announced',
  { 'mqtt.max_packet_size': '256MB' },
  async (bench, t, watch) => {
    const clients = [];
    for (let i = 0; i < 20; i++) clients.push(await bench.connect(i % 2, 4));
    for (const client of clients) client.send([0x30, 0xfb, 0xff, 0xff, 0x7f, 0, 1, 0x61]);
    for (let i = 0; i < 50; i++) {
      for (const client of clients) client.send(Buffer.alloc(100));
      await pause(1);
    }
    await until(async () => (await sum(bench, 'waitingBytes')) >= 20 * 5_000, 'all to arrive');
    t.true(watch.mostWaitingBytes < MIB);
    for (const client of clients) client.drop();
    await until(async () => (await sum(bench, 'waitingBytes')) < 10_000, 'the memory to be given back');
  },
);

for (const levels of [32_000, 65_536]) {
  heavy(
    `topics and filters of ${levels} levels, where that is allowed: published, retained, matched and removed`,
    { 'mqtt.max_topic_levels': 65_536, 'mqtt.max_packet_size': '1MB' },
    async (bench, t) => {
      const deep = '/'.repeat(levels - 1);
      const plus = `+${'/+'.repeat(Math.min(levels, 32_000) - 1)}`;
      const subscriber = await bench.connect(0, 4);
      const publisher = await bench.connect(1, 4);
      await subscriber.subscribe([['/#', 1]]);
      await subscriber.subscribe([[plus, 1]]);
      await subscriber.subscribe([[`${plus.slice(0, -1)}#`, 1]]);
      await subscriber.subscribe([[deep, 1]]);
      for (let n = 0; n < 5; n++)
        await publisher.publish({ topic: deep, payload: `${n}`, qos: 1, retain: true });
      const found = [];
      while (found.filter(({ topic }) => topic === deep).length < 5)
        found.push(...(await subscriber.receiveAll(1)));
      await subscriber.unsubscribe(deep, plus, `${plus.slice(0, -1)}#`);
      const late = await bench.connect(1, 5);
      await late.subscribe([[deep, 1]]);
      t.is((await late.receive('4')).topic, deep);
      await publisher.publish({ topic: deep, qos: 1, retain: true });
      const retained = await sum(bench, 'retained');
      t.true(retained < 20, `${retained} retained`);
    },
  );
}

heavy(
  'a SUBSCRIBE with 100,000 filters, a publish, an UNSUBSCRIBE of all of them',
  { 'mqtt.max_packet_size': '4MB' },
  async (bench, t) => {
    const filters = Array.from({ length: 100_000 }, (_, i) => `+/+/${i}`);
    const before = { subscriptions: await sum(bench, 'subscriptions'), routes: await sum(bench, 'routes') };
    const greedy = await bench.connect(0, 5);
    greedy.send(subscribeAll(5, filters));
    const suback = await greedy.expect('suback');
    t.is(suback.codes.length, filters.length);
    t.true(suback.codes.every((code) => code === 1));
    const publisher = await bench.connect(1, 5);
    for (const last of [0, 50_000, 99_999]) {
      t.is((await publisher.publish({ topic: `a/b/${last}`, payload: `${last}`, qos: 1 }))?.code, 0);
      await greedy.receive(`${last}`);
    }
    greedy.send(packet(0xa2, u16(2), [0], Buffer.concat(filters.map((filter) => field(filter)))));
    const unsuback = await greedy.expect('unsuback');
    t.is(unsuback.codes.length, filters.length);
    t.true(unsuback.codes.every((code) => code === 0));
    t.is(await sum(bench, 'subscriptions'), before.subscriptions);
    await until(async () => (await sum(bench, 'routes')) === before.routes, 'the other shard to forget them');
  },
);

for (const clean of [true, false]) {
  heavy(
    `a ${clean ? 'clean' : 'persistent'} session with 100,000 filters ends, and a new one begins while it is taken down`,
    { 'mqtt.max_packet_size': '4MB' },
    async (bench, t) => {
      const filters = Array.from({ length: 100_000 }, (_, i) => `${i}/+/x`);
      const before = { subscriptions: await sum(bench, 'subscriptions'), routes: await sum(bench, 'routes') };
      const greedy = await bench.connect(0, 4, { clean });
      greedy.send(subscribeAll(4, filters));
      t.is((await greedy.expect('suback')).codes.length, filters.length);
      await greedy.disconnect();
      const next = await bench.connect(0, 4, { clientId: greedy.clientId });
      t.false(next.connack?.sessionPresent);
      t.deepEqual((await next.subscribe([['7/a/x', 1]])).codes, [1]);
      const publisher = await bench.connect(1, 4);
      await publisher.publish({ topic: '7/a/x', payload: 'once', qos: 1 });
      await next.receive('once');
      await next.unsubscribe('7/a/x');
      await until(
        async () => (await sum(bench, 'subscriptions')) === before.subscriptions,
        'the old ones to go',
      );
      await until(
        async () => (await sum(bench, 'routes')) === before.routes,
        'the other shard to forget them',
      );
    },
  );
}

heavy(
  'filters that all match one topic: 4,096 of them in one session, and as many topics',
  { 'mqtt.max_packet_size': '4MB' },
  async (bench, t) => {
    // Twelve levels, each a wildcard or not: every one of them matches a/a/a/a/a/a/a/a/a/a/a/a.
    const filters = Array.from({ length: 4_096 }, (_, bits) =>
      Array.from({ length: 12 }, (_, level) => ((bits >> level) & 1 ? '+' : 'a')).join('/'),
    );
    const greedy = await bench.connect(0, 5);
    greedy.send(subscribeAll(5, filters));
    t.is((await greedy.expect('suback')).codes.length, filters.length);
    const publisher = await bench.connect(0, 5);
    for (let n = 0; n < 200; n++) {
      const topic = Array.from({ length: 12 }, (_, level) => ((n >> level) & 1 ? 'b' : 'a')).join('/');
      publisher.send(publish(5, { topic, payload: `${n}` }));
    }
    t.is((await greedy.receiveAll(200)).length, 200);
  },
);

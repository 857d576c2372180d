/** Clients that read slowly, never, or never finish their CONNECT: what they cost is bounded, and others go on. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { publish } from '../helpers/packets.js';
import { addressOf, advanceClock, onEveryShard, until } from '../helpers/with-broker.js';
import { type SeamBench, withBench } from '../seams/bench.js';
import { Flow } from './flow.js';
import { TurnWatch } from './turn-watch.js';

const MIB = 1 << 20;
const HALF_OPEN_CLIENTS = fileURLToPath(new URL('./half-open-clients.js', import.meta.url));

async function sum(bench: SeamBench, key: 'waitingBytes' | 'retained'): Promise<number> {
  const all = await onEveryShard(bench.broker, (shard) => bench.broker.request(shard, 'shard.figures', null));
  return all.reduce((total, figures) => total + figures[key], 0);
}

for (const qos of [0, 1, 2] as const) {
  test.serial(
    `QoS ${qos}: a client that publishes to itself and never reads holds no more than its limits`,
    withBench({ config: { 'mqtt.mqueue.max_bytes': '4MB' } }, async (bench, t) => {
      const flow = await Flow.start(bench, { from: 0, to: 0, qos: 1 });
      const watch = new TurnWatch(bench.broker);
      const client = await bench.connect(0, 4);
      await client.subscribe([['self', qos]]);
      client.pauseReading();
      // 40 MB in all; whatever the broker does not read stays on the client's side.
      const payload = 'x'.repeat(8_000);
      for (let n = 1; n <= 5_000; n++)
        client.send(publish(4, { topic: 'self', payload, qos, id: 1 + (n % 60_000) }));
      await flow.goesOn(200);
      t.true(watch.mostWaitingBytes < 8 * MIB, `${watch.mostWaitingBytes} bytes waited`);
      t.deepEqual(await flow.stop(), []);
      await watch.stop(t);
    }),
  );
}

test.serial(
  'a reader that takes a little within every send_timeout is not closed as if it took nothing, and gets all it may',
  withBench({ config: { 'listener.tcp.external.send_timeout': '5s' } }, async (bench, t) => {
    const slow = await bench.connect(0, 5);
    await slow.subscribe('s/#');
    slow.pauseReading();
    const publisher = await bench.connect(0, 5);
    const payload = 'x'.repeat(10_000);
    // First the kernel's buffers fill, then the broker's.
    while ((await sum(bench, 'waitingBytes')) < MIB / 2) {
      for (let n = 0; n < 20; n++) publisher.sendPublish({ topic: 's/1', payload });
      await publisher.expectSilence();
    }
    for (let seconds = 0; seconds < 40; seconds += 4) {
      const before = await sum(bench, 'waitingBytes');
      if (before === 0) break;
      slow.resumeReading();
      await until(async () => (await sum(bench, 'waitingBytes')) < before, 'the reader to take something');
      slow.pauseReading();
      await advanceClock(bench.broker, 4_000);
    }
    slow.resumeReading();
    publisher.sendPublish({ topic: 's/last', payload: 'last' });
    while ((await slow.expect('publish')).topic !== 's/last');
    t.is(bench.broker.listenerFigures()[0]!.shutdownCount()['send_timeout'], undefined);
    slow.pauseReading();
    while ((await sum(bench, 'waitingBytes')) < MIB / 2) {
      for (let n = 0; n < 20; n++) publisher.sendPublish({ topic: 's/1', payload });
      await publisher.expectSilence();
    }
    await advanceClock(bench.broker, 6_000);
    const figures = bench.broker.listenerFigures()[0]!;
    await until(() => figures.shutdownCount()['send_timeout'] === 1, 'one that takes nothing to be closed');
  }),
);

test.serial(
  'a wildcard subscriber that reads slowly gets 100,000 retained messages without their ever being queued for it',
  withBench({ config: { 'mqtt.client.max_write_buffer': '128KB' } }, async (bench, t) => {
    const count = 100_000;
    const publisher = await bench.connect(0, 5);
    const before = await sum(bench, 'retained');
    for (let n = 0; n < count; n += 500) {
      const packets = Array.from({ length: 500 }, (_, i) =>
        publish(5, { topic: `kept/${(n + i) % 100}/${n + i}`, payload: 'x'.repeat(100), retain: true }),
      );
      publisher.send(Buffer.concat(packets));
    }
    await publisher.expectSilence();
    await until(async () => (await sum(bench, 'retained')) >= before + count, 'all to be retained');
    const flow = await Flow.start(bench, { from: 1, to: 0, qos: 1 });
    const watch = new TurnWatch(bench.broker);
    for (const [shard, qos] of [
      [0, 0],
      [1, 1],
    ] as const) {
      const slow = await bench.connect(shard, 4);
      await slow.subscribe([['kept/#', qos]]);
      slow.pauseReading();
      await flow.goesOn(100);
      slow.resumeReading();
      const topics = new Set((await slow.receiveAll(count)).map(({ topic }) => topic));
      t.is(topics.size, count);
      await slow.expectSilence();
    }
    t.true(watch.mostWaitingBytes < 2 * MIB, `${watch.mostWaitingBytes} bytes waited`);
    t.deepEqual(await flow.stop(), []);
    await watch.stop(t);
  }),
);

test.serial(
  '10,000 connections that never finish their CONNECT: others are served, and all are closed at the deadline',
  withBench(
    { config: { 'mqtt.client.idle_timeout': '5s', 'listener.tcp.external.max_clients': 12_000 } },
    async (bench, t) => {
      const count = 10_000;
      const flow = await Flow.start(bench, { from: 0, to: 1, qos: 2 });
      const residentBytes = process.memoryUsage.rss();
      const child = fork(HALF_OPEN_CLIENTS, [`${addressOf(bench.broker).port}`, `${count}`], {
        execArgv: [],
      });
      try {
        await once(child, 'message');
        const figures = bench.broker.listenerFigures()[0]!;
        const latest = await bench.connect(1, 5);
        await latest.expectSilence();
        await flow.goesOn();
        const grownMib = (process.memoryUsage.rss() - residentBytes) / MIB;
        t.log(`the process has grown by ${grownMib.toFixed(0)} MiB`);
        t.true(grownMib < 300);
        await until(() => figures.shutdownCount()['idle_timeout'] === count, 'all to be closed', 30_000);
        t.is(figures.current, 3);
        t.deepEqual(await flow.stop(), []);
      } finally {
        child.kill();
      }
    },
  ),
);

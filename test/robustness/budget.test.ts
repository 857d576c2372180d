/** What happens when more waits in a shard than it has room for: who is turned away, what is dropped, who has to go. */
import test from 'ava';
import { PERSISTENT } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import type { Received } from '../helpers/received.js';
import { advanceClock, onEveryShard, until } from '../helpers/with-broker.js';
import { type SeamBench, withBench } from '../seams/bench.js';
import { Flow } from './flow.js';

const BUDGET_BYTES = 4 << 20;
const PAYLOAD = 'x'.repeat(10_000);

const withBudget = (config: Record<string, string | number>, body: Parameters<typeof withBench>[1]) =>
  withBench({ config: { 'shard.memory_budget': BUDGET_BYTES, ...config } }, body);

async function waitingBytes(bench: SeamBench, shard: number): Promise<number> {
  const figures = await onEveryShard(bench.broker, (each) =>
    bench.broker.request(each, 'shard.figures', null),
  );
  return figures[shard]!.waitingBytes;
}

/** A persistent session of shard 0 that is away. */
async function away(bench: SeamBench, topic: string): Promise<string> {
  const client = await bench.connect(0, 4, { clean: false });
  await client.subscribe([[topic, 1]]);
  await client.disconnect();
  return client.clientId;
}

async function publishMany(publisher: RawClient, topic: string, count: number): Promise<void> {
  for (let n = 1; n <= count; n++) {
    publisher.sendPublish({ topic, payload: PAYLOAD + n, qos: 1, id: n });
    if (n % 50 === 0 || n === count) await publisher.finishPublishing(1, n % 50 || 50);
  }
}

const numberOf = ({ payload }: Received): number => Number(payload.slice(PAYLOAD.length));

/** What comes until the connection has nothing more, acknowledged. */
async function drain(client: RawClient): Promise<number[]> {
  const numbers: number[] = [];
  client.send([0xc0, 0]);
  for (let pings = 1; pings > 0; ) {
    const found = await client.next();
    if (found === null) throw new Error('the connection was closed');
    if (found.type === 'pingresp') {
      pings -= 1;
    } else {
      numbers.push(numberOf(found));
      client.sendAck('puback', found.id);
      client.send([0xc0, 0]);
      pings += 1;
    }
  }
  return numbers;
}

test.serial(
  'with 80 % of its budget waiting a shard takes no new client, and others do; with less it takes them again',
  withBudget({}, async (bench, t) => {
    const clientId = await away(bench, 'a/#');
    const publisher = await bench.connect(0, 5);
    const flow = await Flow.start(bench, { from: 0, to: 1, qos: 2 });
    await publishMany(publisher, 'a/1', 350);
    const waiting = await waitingBytes(bench, 0);
    t.true(waiting > 0.8 * BUDGET_BYTES && waiting < BUDGET_BYTES, `${waiting} bytes wait`);
    for (const [version, code] of [
      [3, 3],
      [4, 3],
      [5, 0x89],
    ] as const) {
      const refused = await bench.open(version);
      t.is((await refused.connect({ clientId: bench.clientId(0) })).code, code);
      await refused.expectClosed();
      await bench.connect(1, version);
    }
    await flow.goesOn();
    t.deepEqual(await flow.stop(), []);
    // The queue's own limits free the memory: its session ends.
    await advanceClock(bench.broker, 3 * 3_600_000);
    await until(async () => (await waitingBytes(bench, 0)) < 0.1 * BUDGET_BYTES, 'the session to expire');
    t.false((await bench.connect(0, 4, { clientId, clean: false })).connack!.sessionPresent);
  }),
);

test.serial(
  'above the budget the largest waiter loses the older half of its queue, and smaller ones nothing',
  withBudget({}, async (bench, t) => {
    const small = await away(bench, 'small/#');
    const large = await away(bench, 'large/#');
    // Both are taken in, before there is no room for new clients.
    const publisher = await bench.connect(0, 5);
    await publishMany(publisher, 'small/1', 50);
    await publishMany(publisher, 'large/1', 450);
    await until(async () => (await waitingBytes(bench, 0)) < 0.8 * BUDGET_BYTES, 'the largest to give way');
    t.true(bench.logger.has('warn', /memory budget exceeded/));
    const numbers = await drain(await bench.connect(0, 4, { clientId: large, clean: false }));
    t.true(numbers.length < 300 && numbers.length > 150, `${numbers.length} are left`);
    t.deepEqual(
      numbers,
      numbers.map((_, i) => 450 - numbers.length + 1 + i),
    );
    const kept = await drain(await bench.connect(0, 4, { clientId: small, clean: false }));
    t.deepEqual(
      kept,
      kept.map((_, i) => i + 1),
    );
    t.is(kept.length, 50);
  }),
);

test.serial(
  'above the budget a connected client that holds most of it is disconnected with 0x97, and nobody else',
  withBudget({ 'mqtt.session.max_inflight': 1 }, async (bench, t) => {
    const greedy = await bench.connect(0, 5, PERSISTENT);
    await greedy.subscribe([['g/#', 1]]);
    const modest = await bench.connect(0, 5);
    await modest.subscribe([['m/#', 1]]);
    const publisher = await bench.connect(0, 5);
    await publishMany(publisher, 'm/1', 10);
    const published = publishMany(publisher, 'g/1', 450);
    await greedy.expectPublish();
    await greedy.expectEnd(0x97);
    await published;
    const numbers = await drain(modest);
    t.is(numbers.length, 10);
    await publisher.expectSilence();
  }),
);

test.serial(
  'of several slow readers only the largest has to go',
  withBudget({ 'mqtt.client.max_write_buffer': '4MB' }, async (bench, t) => {
    const readers = [];
    for (const topic of ['large', 'small', 'small', 'small']) {
      const reader = await bench.connect(0, 5, PERSISTENT);
      await reader.subscribe([[`${topic}/#`, topic === 'large' ? 1 : 0]]);
      reader.pauseReading();
      readers.push(reader);
    }
    const publisher = await bench.connect(0, 5);
    const send = async (topic: string, wantedBytes: number): Promise<void> => {
      const wanted = (await waitingBytes(bench, 0)) + wantedBytes;
      while ((await waitingBytes(bench, 0)) < wanted) {
        for (let n = 0; n < 10; n++) publisher.sendPublish({ topic, payload: PAYLOAD });
        await publisher.expectSilence();
      }
    };
    await send('small/1', 0.4 * BUDGET_BYTES);
    // QoS 0 would be dropped near the budget; this is not.
    await publishMany(publisher, 'large/1', 900);
    await until(() => bench.logger.has('warn', /memory budget exceeded/), 'the budget to be exceeded');
    await advanceClock(bench.broker, 200);
    const figures = bench.broker.listenerFigures()[0]!;
    await until(() => figures.shutdownCount()['memory_budget'] !== undefined, 'the largest to go');
    t.is(figures.shutdownCount()['memory_budget'], 1);
    t.is(figures.current, 4);
  }),
);

test.serial(
  'near the budget QoS 0 to a reader with anything waiting is dropped, and QoS 1 for it waits',
  withBudget({ 'mqtt.client.max_write_buffer': '2MB' }, async (bench, t) => {
    await away(bench, 'fill/#');
    const slow = await bench.connect(0, 4, { clean: false });
    await slow.subscribe([['s/#', 1]]);
    const quick = await bench.connect(0, 4);
    await quick.subscribe([['s/#', 0]]);
    const publisher = await bench.connect(0, 5);
    slow.pauseReading();
    // First the kernel's buffers fill, then the broker's.
    let passed = 0;
    while ((await waitingBytes(bench, 0)) < BUDGET_BYTES / 4) {
      for (let n = 0; n < 10; n++) publisher.sendPublish({ topic: 's/0', payload: PAYLOAD });
      passed += (await quick.receiveAll(10)).length;
    }
    const before = await waitingBytes(bench, 0);
    await publishMany(publisher, 'fill/1', Math.ceil((0.85 * BUDGET_BYTES - before) / PAYLOAD.length));
    await advanceClock(bench.broker, 100);
    const tight = await waitingBytes(bench, 0);
    t.true(tight > 0.8 * BUDGET_BYTES && tight < BUDGET_BYTES, `${tight} bytes wait`);
    for (let n = 0; n < 20; n++) {
      publisher.sendPublish({ topic: 's/0', payload: PAYLOAD });
      await quick.receiveAll(1);
    }
    t.true((await waitingBytes(bench, 0)) < tight + 10 * PAYLOAD.length);
    await publisher.publish({ topic: 's/1', payload: 'kept', qos: 1 });
    slow.resumeReading();
    let received = 0;
    while ((await slow.expect('publish')).payload !== 'kept') received += 1;
    t.true(received <= passed + 1, `${received} of ${passed} came before`);
  }),
);

test.serial(
  'a queue gives up its oldest messages above mqtt.mqueue.max_bytes, and says so to the hook',
  withBench(
    { seam: { kind: 'hooks', mode: '' }, config: { 'mqtt.mqueue.max_bytes': '500KB' } },
    async (bench, t) => {
      const clientId = await away(bench, 'a/#');
      // On the same shard: whoever has been acknowledged by another one does not know that all have come to this.
      const publisher = await bench.connect(0, 5);
      await publishMany(publisher, 'a/1', 100);
      const numbers = await drain(await bench.connect(0, 4, { clientId, clean: false }));
      t.true(numbers.length >= 45 && numbers.length <= 51, `${numbers.length} are left`);
      t.deepEqual(
        numbers,
        numbers.map((_, i) => 100 - numbers.length + 1 + i),
      );
      await bench.remote.heard('queue_full a/1', 100 - numbers.length);
      t.is(bench.remote.count('queue_full a/1'), 100 - numbers.length);
    },
  ),
);

/** What a slow, a failing and a silent store do to acknowledgements: nothing is promised that is not safe. */
import test from 'ava';
import { PERSISTENT, publish } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import { advanceClock, onEveryShard, until, whileTimePasses } from '../helpers/with-broker.js';
import { type SeamBench, withBench } from './bench.js';

const HOLD = { seam: { kind: 'store', mode: 'hold' } } as const;
const FAIL = { seam: { kind: 'store', mode: 'fail' } } as const;
const SILENT = { seam: { kind: 'store', mode: 'silent' } } as const;
/** The store's deadline, and a little. */
const PAST_COMMIT_TIMEOUT_MS = 10_500;

/** A session on this shard that is away and wants everything below `t/`. */
async function awaySubscriber(bench: SeamBench, shard: number): Promise<string> {
  const subscriber = await bench.connect(shard, 4, { clean: false });
  await subscriber.subscribe([['t/#', 2]]);
  await subscriber.disconnect();
  return subscriber.clientId;
}

async function waitingBytes(bench: SeamBench, shard: number): Promise<number> {
  const figures = await onEveryShard(bench.broker, (each) =>
    bench.broker.request(each, 'shard.figures', null),
  );
  return figures[shard]!.waitingBytes;
}

for (const subscriberShard of [0, 1]) {
  const where = subscriberShard === 0 ? 'on the same shard' : 'on another shard';

  test.serial(
    `PUBACK and PUBREC wait for the commit when a persistent session ${where} takes the message`,
    withBench(HOLD, async (bench, t) => {
      await awaySubscriber(bench, subscriberShard);
      const publisher = await bench.connect(0, 5);
      publisher.sendPublish({ topic: 't/1', qos: 1, id: 11 });
      publisher.sendPublish({ topic: 't/2', qos: 2, id: 12 });
      await bench.remote.heard('commit');
      await publisher.expectSilence();
      bench.remote.tell('release');
      const answers = [await publisher.next(), await publisher.next()];
      t.deepEqual(
        answers.map((answer) => [answer?.type, answer?.id, answer?.code]),
        [
          ['puback', 11, 0],
          ['pubrec', 12, 0],
        ],
      );
    }),
  );
}

test.serial(
  'a shard reports another one’s messages as applied only after the commit of what they left in persistent sessions',
  withBench(HOLD, async (bench, t) => {
    await awaySubscriber(bench, 1);
    const publisher = await bench.connect(0, 4);
    publisher.sendPublish({ topic: 't/1', payload: 'x'.repeat(1_000), qos: 1, id: 1 });
    // One commit of the publisher's shard and one of the subscriber's.
    await bench.remote.heard('commit', 2);
    await publisher.expectSilence();
    t.true((await waitingBytes(bench, 0)) > 1_000);
    bench.remote.tell('release');
    await publisher.expect('puback');
    await until(async () => (await waitingBytes(bench, 0)) === 0, 'the report that it is applied');
  }),
);

test.serial(
  'acknowledgements keep the order of their messages, with a commit or without, and with the first or a later one',
  withBench(HOLD, async (bench, t) => {
    await awaySubscriber(bench, 0);
    const publisher = await bench.connect(0, 4);
    for (const id of [1, 2, 3]) {
      publisher.sendPublish({ topic: 't/1', qos: 1, id });
      publisher.sendPublish({ topic: 'nobody/wants', qos: 1, id: id + 10 });
      await publisher.expectSilence();
    }
    t.is(bench.remote.count('commit'), 1);
    bench.remote.tell('release');
    const ids: number[] = [];
    for (let i = 0; i < 6; i++) ids.push((await publisher.expect('puback')).id);
    t.deepEqual(ids, [1, 11, 2, 12, 3, 13]);
  }),
);

for (const subscriberShard of [0, 1]) {
  const where = subscriberShard === 0 ? 'on the same shard' : 'on another shard';

  test.serial(
    `QoS 0 and clean sessions ${where} pay nothing: all is delivered and acknowledged by a store that never answers`,
    withBench(SILENT, async (bench, t) => {
      const subscriber = await bench.connect(subscriberShard, 5);
      await subscriber.subscribe([['t/#', 2]]);
      const publisher = await bench.connect(0, 5);
      t.is((await publisher.publish({ topic: 't/1', payload: 'one', qos: 1 }))?.code, 0);
      t.is((await publisher.publish({ topic: 't/2', payload: 'two', qos: 2 }))?.code, 0);
      await publisher.publish({ topic: 't/0', payload: 'zero' });
      const payloads = (await subscriber.receiveAll(3)).map(({ payload }) => payload);
      t.deepEqual(payloads, ['one', 'two', 'zero']);
      t.is(bench.remote.count('commit'), 0);
      await until(async () => (await waitingBytes(bench, 0)) === 0, 'credit to return');
    }),
  );
}

/** @returns the reason of its acknowledgement; a store that fails is given up after 10 s. */
async function publishUnsafely(
  bench: SeamBench,
  publisher: RawClient,
  qos: 1 | 2,
  id: number,
): Promise<number | undefined> {
  // What is at the store's door is not read: that the message before it has gone out says that it stands there.
  const witness = await bench.connect(0, 4);
  await witness.subscribe([[`witness/${witness.clientId}`, 0]]);
  publisher.send(
    publish(publisher.version, { topic: `witness/${witness.clientId}`, payload: 'there' }),
    publish(publisher.version, { topic: 't/1', qos, id }),
  );
  await witness.receive('there');
  await advanceClock(bench.broker, PAST_COMMIT_TIMEOUT_MS);
  return (await publisher.next())?.code;
}

test.serial(
  'MQTT 5: what could not be stored is refused with 0x97, and its identifier is free for the next message',
  withBench(FAIL, async (bench, t) => {
    await awaySubscriber(bench, 0);
    const first = await bench.connect(0, 5);
    const second = await bench.connect(1, 5);
    t.is(await publishUnsafely(bench, first, 1, 5), 0x97);
    t.is(await publishUnsafely(bench, second, 2, 5), 0x97);
    // As often as it likes; at the store's door too.
    t.is(await publishUnsafely(bench, first, 1, 5), 0x97);
    t.is(await publishUnsafely(bench, second, 2, 5), 0x97);
    bench.remote.tell('release');
    for (const [qos, publisher] of [
      [1, first],
      [2, second],
    ] as const) {
      await until(async () => {
        publisher.sendPublish({ topic: 't/1', qos, id: 5 });
        return (await publisher.next())?.code === 0;
      }, 'the store to work again');
    }
    second.sendAck('pubrel', 5);
    t.is((await second.expect('pubcomp')).code, 0);
  }),
);

for (const version of [3, 4] as const) {
  test.serial(
    `MQTT ${version === 3 ? '3.1' : '3.1.1'}: a connection whose message could not be stored ends unacknowledged`,
    withBench(FAIL, async (bench, t) => {
      await awaySubscriber(bench, 0);
      for (const qos of [1, 2] as const) {
        const publisher = await bench.connect(0, version);
        publisher.sendPublish({ topic: 't/1', qos, id: 5 });
        const closed = publisher.expectClosed();
        await t.notThrowsAsync(whileTimePasses(closed, () => advanceClock(bench.broker, 1_000)));
      }
    }),
  );
}

test.serial(
  'a Receive Maximum of messages may fail again and again without using it up',
  withBench({ ...FAIL, config: { 'mqtt.receive_maximum': 2 } }, async (bench, t) => {
    await awaySubscriber(bench, 0);
    const publisher = await bench.connect(0, 5);
    for (const qos of [1, 2, 1, 2, 1, 2] as const)
      t.is(await publishUnsafely(bench, publisher, qos, qos), 0x97);
    await publisher.expectSilence();
  }),
);

test.serial(
  'a repeated PUBLISH whose first commit fails frees one place of the Receive Maximum, not two',
  withBench({ ...HOLD, config: { 'mqtt.receive_maximum': 1 } }, async (bench, t) => {
    const publisher = await bench.connect(0, 5, PERSISTENT);
    await awaySubscriber(bench, 0);
    publisher.sendPublish({ topic: 't/1', qos: 2, id: 1 });
    publisher.sendPublish({ topic: 't/1', qos: 2, id: 1, dup: true });
    await publisher.expectSilence();
    await advanceClock(bench.broker, PAST_COMMIT_TIMEOUT_MS);
    t.is((await publisher.expect('pubrec')).code, 0x97);
    t.is((await publisher.expect('pubrec')).code, 0x97);
    bench.remote.tell('release');
    publisher.sendPublish({ topic: 't/1', qos: 2, id: 2 });
    t.is((await publisher.expect('pubrec')).code, 0);
    publisher.sendPublish({ topic: 't/1', qos: 2, id: 3 });
    await publisher.expectEnd(0x93);
  }),
);

test.serial(
  'a store that has not answered for 10 s has failed: 0x97 in MQTT 5, the end of the connection in 3.x',
  withBench(SILENT, async (bench, t) => {
    await awaySubscriber(bench, 0);
    const five = await bench.connect(0, 5);
    const three = await bench.connect(0, 4);
    five.sendPublish({ topic: 't/5', qos: 1, id: 5 });
    three.sendPublish({ topic: 't/3', qos: 2, id: 3 });
    await five.expectSilence();
    await three.expectSilence();
    await advanceClock(bench.broker, PAST_COMMIT_TIMEOUT_MS);
    t.is((await five.expect('puback')).code, 0x97);
    await three.expectClosed();
    await five.expectSilence();
  }),
);

test.serial(
  'a batch that could not be stored is stored later, and no batch behind it is reported before',
  withBench(FAIL, async (bench, t) => {
    await awaySubscriber(bench, 1);
    const publisher = await bench.connect(0, 5);
    publisher.sendPublish({ topic: 't/1', qos: 1, id: 1 });
    // Of both shards.
    await bench.remote.heard('commit', 2);
    t.true((await waitingBytes(bench, 0)) > 0);
    bench.remote.tell('release');
    t.is((await publisher.expect('puback')).code, 0);
    t.is((await publisher.publish({ topic: 't/1', qos: 1, id: 2 }))?.code, 0);
    await until(async () => (await waitingBytes(bench, 0)) === 0, 'everything to be applied');
  }),
);

test.serial(
  'a connection that ends while the store works on its message takes no acknowledgement with it into its next one',
  withBench(HOLD, async (bench, t) => {
    await awaySubscriber(bench, 0);
    const publisher = await bench.connect(0, 5, PERSISTENT);
    publisher.sendPublish({ topic: 't/1', qos: 2, id: 7 });
    await bench.remote.heard('commit');
    publisher.drop();
    const back = await bench.connect(0, 5, { ...PERSISTENT, clientId: publisher.clientId });
    t.true(back.connack?.sessionPresent);
    bench.remote.tell('release');
    await back.expectSilence();
    back.sendPublish({ topic: 't/1', qos: 2, id: 7, dup: true });
    t.is((await back.expect('pubrec')).code, 0);
    back.sendAck('pubrel', 7);
    t.is((await back.expect('pubcomp')).code, 0);
  }),
);

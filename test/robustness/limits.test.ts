/** Limits that slow a client down or refuse what it asks for, without losing anything of what was accepted. */
import test from 'ava';
import { connect } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import { advanceClock, until } from '../helpers/with-broker.js';
import { type SeamBench, withBench } from '../seams/bench.js';

async function turnClockUntilReceived(
  bench: SeamBench,
  received: () => number,
  count: number,
): Promise<void> {
  await until(async () => {
    await advanceClock(bench.broker, 200);
    return received() >= count;
  }, `${count} messages`);
}

/** Takes this many messages and acknowledges them. */
async function receive(client: RawClient, count: number, take: (payload: string) => void): Promise<void> {
  for (let received = 0, open = 0; received < count || open > 0; ) {
    const found = await client.next();
    if (found?.type === 'pubrel') {
      client.sendAck('pubcomp', found.id);
      open -= 1;
      continue;
    }
    if (found?.type !== 'publish') throw new Error(`got ${found?.type}`);
    received += 1;
    take(found.payload);
    if (found.qos === 1) client.sendAck('puback', found.id);
    if (found.qos !== 2) continue;
    client.sendAck('pubrec', found.id);
    open += 1;
  }
}

for (const [title, config, payloadBytes] of [
  ['mqtt.client.max_publish_rate', { 'mqtt.client.max_publish_rate': 10 }, 10],
  ['rate_limit of the listener', { 'listener.tcp.external.rate_limit': '2,2' }, 200],
] as const) {
  for (const qos of [0, 1, 2] as const) {
    test.serial(
      `${title}: QoS ${qos} above it comes later, all of it and in order`,
      withBench({ config }, async (bench, t) => {
        const subscriber = await bench.connect(1, 5);
        await subscriber.subscribe([['t/#', qos]]);
        const publisher = await bench.connect(0, 5);
        const count = 60;
        const payload = 'x'.repeat(payloadBytes);
        for (let n = 1; n <= count; n++)
          publisher.sendPublish({ topic: 't/1', payload: payload + n, qos, id: n });
        const numbers: number[] = [];
        const reading = receive(subscriber, count, (text) => numbers.push(Number(text.slice(payloadBytes))));
        const finishing = publisher.finishPublishing(qos, count);
        // Some pass at once, and no more than the burst.
        await until(() => numbers.length > 0, 'the first');
        const burst = numbers.length;
        t.true(burst < count, `${burst} at once`);
        await turnClockUntilReceived(bench, () => numbers.length, count);
        await Promise.all([reading, finishing]);
        t.deepEqual(
          numbers,
          numbers.map((_, i) => i + 1),
        );
      }),
    );
  }
}

test.serial(
  'mqtt.session.max_subscriptions: filters above it are refused, those that are there may change',
  withBench({ config: { 'mqtt.session.max_subscriptions': 2 } }, async (bench, t) => {
    for (const version of [4, 5] as const) {
      const refused = version === 5 ? 0x97 : 0x80;
      const client = await bench.connect(0, version);
      const filters = ['a', 'b', 'c', 'd'].map((filter) => [filter, 1] as const);
      t.deepEqual((await client.subscribe(filters)).codes, [1, 1, refused, refused]);
      t.deepEqual((await client.subscribe([['a', 2]])).codes, [2]);
      await client.unsubscribe('b');
      t.deepEqual((await client.subscribe([['c', 0]])).codes, [0]);
      t.deepEqual((await client.subscribe([['b', 0]])).codes, [refused]);
    }
  }),
);

test.serial(
  'a CONNECT that is dripped is closed at its deadline, whatever its speed',
  withBench({ config: { 'mqtt.client.idle_timeout': '300ms' } }, async (bench, t) => {
    const bytes = connect({ version: 5, clientId: bench.clientId(0), username: 'x'.repeat(5_000) });
    const client = await bench.open(5);
    const timer = setInterval(() => client.send(bytes.subarray(0, 1)), 20);
    client.send(bytes.subarray(0, 10));
    try {
      await t.notThrowsAsync(client.expectClosed());
    } finally {
      clearInterval(timer);
    }
    t.is(bench.broker.listenerFigures()[0]!.shutdownCount()['idle_timeout'], 1);
  }),
);

test.serial(
  'a CONNECT above mqtt.client.max_connect_size is refused as soon as it is announced',
  withBench(
    { config: { 'mqtt.client.max_connect_size': '1KB', 'mqtt.max_packet_size': '1MB' } },
    async (bench, t) => {
      const bytes = connect({ version: 5, clientId: bench.clientId(0), username: 'x'.repeat(5_000) });
      const client = await bench.open(5);
      client.send(bytes.subarray(0, 4));
      await t.notThrowsAsync(client.expectClosed());
      const figures = bench.broker.listenerFigures()[0]!;
      await until(() => figures.shutdownCount()['invalid_mqtt_frame_len'] === 1, 'the reason to be counted');
      // After CONNECT packets may be as large as mqtt.max_packet_size says.
      const other = await bench.connect(0, 5);
      await other.subscribe('big');
      await other.publish({ topic: 'big', payload: 'y'.repeat(100_000) });
      t.is((await other.expectPublish()).payload.length, 100_000);
    },
  ),
);

/** What slow, failing and stuck links do: to their own client, and to nobody else. */
import test from 'ava';
import { advanceClock, onEveryShard, until } from '../helpers/with-broker.js';
import { type SeamBench, withBench } from './bench.js';

const link = (mode: string) => ({ kind: 'link', mode }) as const;
const PAYLOAD = 'x'.repeat(2_000);

async function totalWaiting(bench: SeamBench): Promise<number> {
  const figures = await onEveryShard(bench.broker, (shard) =>
    bench.broker.request(shard, 'shard.figures', null),
  );
  return figures.reduce((sum, { waitingBytes }) => sum + waitingBytes, 0);
}

for (const [qos, shard] of [
  [0, 0],
  [1, 1],
  [2, 0],
] as const) {
  test.serial(
    `QoS ${qos}: a link that takes its time gets everything, in order and once`,
    withBench({ seam: link('slow') }, async (bench, t) => {
      const reader = await bench.connect(shard, 5);
      await reader.subscribe([['t/#', qos]]);
      await reader.subscribe('trigger');
      const publisher = await bench.connect(0, 5);
      const count = 500;
      for (let n = 1; n <= count; n++) publisher.sendPublish({ topic: 't/1', payload: `${n}`, qos, id: n });
      await publisher.finishPublishing(qos, count);
      const payloads = (await reader.receiveAll(count)).map(({ payload }) => Number(payload));
      t.deepEqual(
        payloads,
        payloads.map((_, i) => i + 1),
      );
    }),
  );
}

test.serial(
  'a link that fails ends its connection, and its persistent session keeps what was not acknowledged',
  withBench({ seam: link('failing') }, async (bench, t) => {
    const reader = await bench.connect(0, 4, { clean: false });
    const other = await bench.connect(0, 4);
    await reader.subscribe([['t/#', 1]]);
    await other.subscribe('t/#');
    await other.subscribe('+');
    const publisher = await bench.connect(1, 4);
    reader.sendPublish({ topic: 'trigger', payload: 'now' });
    await other.receive('now');
    await publisher.publish({ topic: 't/1', payload: 'one', qos: 1 });
    await reader.expectClosed();
    await other.receive('one');
    const back = await bench.connect(0, 4, { clientId: reader.clientId, clean: false });
    await back.receive('one');
    await back.expectSilence();
    t.is(bench.broker.listenerFigures()[0]!.current, 3);
  }),
);

test.serial(
  'a link that never drains gets no more QoS 0 than its buffer holds, and is closed after the send timeout',
  withBench(
    {
      seam: link('stuck'),
      config: { 'mqtt.client.max_write_buffer': '64KB', 'listener.tcp.external.send_timeout': '5s' },
    },
    async (bench, t) => {
      const reader = await bench.connect(0, 4);
      const other = await bench.connect(0, 4);
      await reader.subscribe('t/#');
      await other.subscribe('t/#');
      reader.sendPublish({ topic: 'trigger' });
      const publisher = await bench.connect(0, 4);
      for (let n = 0; n < 200; n++) publisher.sendPublish({ topic: 't/1', payload: PAYLOAD });
      t.is((await other.receiveAll(200)).length, 200);
      const waiting = await totalWaiting(bench);
      t.true(waiting > 32_000 && waiting < 100_000, `${waiting} bytes wait`);
      await advanceClock(bench.broker, 6_000);
      await reader.expectClosed();
      await until(async () => (await totalWaiting(bench)) === 0, 'its memory to be given back');
      await until(() => bench.broker.listenerFigures()[0]!.current === 2, 'it to be counted as closed');
      t.is(bench.broker.listenerFigures()[0]!.shutdownCount()['send_timeout'], 1);
    },
  ),
);

test.serial(
  'QoS 1 for a link that never drains waits in the session, and reaches the client when it is back',
  withBench({ seam: link('stuck'), config: { 'mqtt.client.max_write_buffer': '16KB' } }, async (bench, t) => {
    const reader = await bench.connect(0, 5, { clean: false, properties: { sessionExpiry: 100 } });
    await reader.subscribe([['t/#', 1]]);
    reader.sendPublish({ topic: 'trigger' });
    const publisher = await bench.connect(0, 5);
    for (let n = 1; n <= 100; n++) await publisher.publish({ topic: 't/1', payload: PAYLOAD + n, qos: 1 });
    const back = await bench.connect(0, 5, {
      clientId: reader.clientId,
      clean: false,
      properties: { sessionExpiry: 100 },
    });
    const payloads = (await back.receiveAll(100)).map(({ payload }) => Number(payload.slice(PAYLOAD.length)));
    t.deepEqual(
      payloads,
      payloads.map((_, i) => i + 1),
    );
    await back.expectSilence();
  }),
);

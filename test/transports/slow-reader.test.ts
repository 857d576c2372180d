/** A reader that does not read, over each transport and with its session on the edge and not: nobody else notices. */
import test, { type ExecutionContext } from 'ava';
import { publish } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import { TRANSPORTS } from '../helpers/transports.js';
import { until } from '../helpers/with-broker.js';
import { COMBINATIONS, nameOf, TransportBench } from './bench.js';
import { type Room, type Rules, runRule } from './room.js';

const KIB = 1 << 10;
const PAYLOAD_BYTES = 10_000;
/** Messages under way to the reader that reads. */
const BATCH = 20;
const COUNT = 500;
/** Relays return credit in lumps, so a little of what has long arrived counts as under way. */
const SETTLED_BYTES = 64 * KIB;

let bench: TransportBench;
test.before(async () => {
  // Small kernel buffers: what a reader does not take soon waits in the broker.
  const perListener = TRANSPORTS.flatMap((type) => [
    [`listener.${type}.external.send_timeout`, '5s'],
    [`listener.${type}.external.sndbuf`, '64KB'],
  ]);
  bench = await TransportBench.start({
    'mqtt.client.max_write_buffer': '256KB',
    'mqtt.mqueue.max_length': 0,
    'mqtt.mqueue.max_bytes': '16MB',
    ...Object.fromEntries(perListener),
  });
});
test.after.always(() => bench?.stop());

const payloadOf = (n: number): string => `${n} ${'x'.repeat(PAYLOAD_BYTES)}`;
const numberOf = ({ payload }: { payload: string }): number => Number.parseInt(payload, 10);
const numbersFrom = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => first + i);

/** Publishes numbered messages, as fast as `fast` reads them. @returns the most bytes that waited in the broker */
async function flood(t: ExecutionContext, publisher: RawClient, fast: RawClient, topic: string, qos: number) {
  let mostBytes = 0;
  for (let n = 0; n < COUNT; n += BATCH) {
    const packets = numbersFrom(n, BATCH).map((number, i) =>
      publish(5, { topic, payload: payloadOf(number), qos, id: 1 + i }),
    );
    publisher.send(Buffer.concat(packets));
    const [received] = await Promise.all([fast.receiveAll(BATCH), publisher.finishPublishing(qos, BATCH)]);
    t.deepEqual(received.map(numberOf), numbersFrom(n, BATCH));
    mostBytes = Math.max(mostBytes, await bench.waitingBytes());
  }
  return mostBytes;
}

interface Cast {
  readonly slow: RawClient;
  readonly fast: RawClient;
  readonly publisher: RawClient;
}

/** One that does not read from now on, one that does, and one that tells both. */
async function cast(room: Room, qos: number): Promise<Cast> {
  const [slow, fast, publisher] = [await room.client(), await room.client(), await room.partner()];
  await slow.subscribe([[`${room.topic}/#`, 1]]);
  await fast.subscribe([[room.topic, qos]]);
  slow.pauseReading();
  return { slow, fast, publisher };
}

const RULES: Rules = {
  'QoS 0 is dropped in the middle for who does not read, and for nobody else': async (t, room) => {
    const { slow, fast, publisher } = await cast(room, 0);
    const mostBytes = await flood(t, publisher, fast, room.topic, 0);
    t.true(mostBytes > 100 * KIB, `${mostBytes} bytes waited`);
    t.true(mostBytes < 1_024 * KIB, `${mostBytes} bytes waited`);
    slow.resumeReading();
    await publisher.publish({ topic: `${room.topic}/end`, payload: '-1', qos: 1 });
    const received: number[] = [];
    while (received.at(-1) !== -1) received.push(numberOf((await slow.receiveAll(1))[0]!));
    received.pop();
    t.true(received.length > 0 && received.length < COUNT, `${received.length} messages came`);
    t.deepEqual(
      received,
      [...new Set(received)].sort((a, b) => a - b),
    );
    await until(async () => (await room.bench.waitingBytes()) <= SETTLED_BYTES, 'nothing to wait any more');
  },

  'QoS 1 waits for who does not read, and for nobody else': async (t, room) => {
    const { slow, fast, publisher } = await cast(room, 1);
    await flood(t, publisher, fast, room.topic, 1);
    slow.resumeReading();
    const received = await slow.receiveAll(COUNT);
    t.deepEqual(received.map(numberOf), numbersFrom(0, COUNT));
    await slow.expectSilence();
  },

  'who takes nothing for the send_timeout is closed, and nobody else': async (t, room) => {
    const { transport } = room.combination;
    const { slow, fast, publisher } = await cast(room, 0);
    const figures = room.bench.listener(transport);
    const before = figures.shutdownCount()['send_timeout'] ?? 0;
    const connections = room.bench.connections(transport);
    await flood(t, publisher, fast, room.topic, 0);
    const isCounted = (): boolean => figures.shutdownCount()['send_timeout'] === before + 1;
    for (let n = 0; n < 4 && !isCounted(); n++) await room.bench.advanceClock(6);
    await until(isCounted, 'the slow one to be closed');
    t.is(room.bench.connections(transport), connections - 1);
    t.false(await room.bench.isConnected(slow.clientId));
    await fast.expectSilence();
    await publisher.expectSilence();
    await until(async () => (await room.bench.waitingBytes()) <= SETTLED_BYTES, 'nothing to wait any more');
  },
};

for (const combination of COMBINATIONS) {
  for (const [title, rule] of Object.entries(RULES)) {
    test.serial(`${nameOf(combination)}: ${title}`, (t) => runRule(t, bench, combination, rule));
  }
}

/**
 * A live broker under hostile bytes: it answers or closes, its other clients notice nothing, no shard restarts (a
 * restart would end some watcher's connection), and its memory stays bounded. Streams that found something are kept in
 * seeds.json and replayed first. SHARDMQ_FUZZ_RUNS sets the number of runs.
 */
import { readFileSync } from 'node:fs';
import net from 'node:net';
import test from 'ava';
import fc from 'fast-check';
import { type BrokerUnderTest, startBrokerProcess } from '../../perf/lib/broker-process.js';
import { processUsage } from '../../perf/lib/cpu.js';
import { HOSTILE } from './hostile.js';
import { type Stream, stream } from './streams.js';
import { Watchers } from './watchers.js';

const RUNS = Number(process.env['SHARDMQ_FUZZ_RUNS'] ?? 150);
const SEEDS = new URL('../../../test/fuzz/seeds.json', import.meta.url);
/** What the broker may grow by, garbage that is not yet collected included. */
const GROWTH_BYTES_MAX = 250 * 2 ** 20;
const CLOSE_DEADLINE_MS = 10_000;

/** One kept stream: what it found, and its chunks in hexadecimal. */
interface Seed {
  readonly found: string;
  readonly chunks: readonly string[];
}

let broker: BrokerUnderTest;
let watchers: Watchers;

test.before(async () => {
  broker = await startBrokerProcess(2);
  watchers = await Watchers.connect(broker.port);
});

test.after.always(async () => {
  await watchers.end();
  await broker.stop();
});

test.serial('streams that once found something find nothing any more', async (t) => {
  for (const { found, chunks } of JSON.parse(readFileSync(SEEDS, 'utf8')) as Seed[]) {
    await t.notThrowsAsync(attack([chunks.map((hex) => Buffer.from(hex, 'hex'))]), found);
  }
  t.pass();
});

for (const [title, chunks] of Object.entries(HOSTILE)) {
  test.serial(`the broker stands ${title}`, async (t) => {
    await t.notThrowsAsync(attack([chunks]));
  });
}

test.serial('random and mutated packets harm nobody else, and memory stays bounded', async (t) => {
  t.timeout(10 * 60_000);
  const before = processUsage(broker.pid).rssBytes;
  const streams = fc.array(stream, { minLength: 1, maxLength: 8 });
  await fc.assert(fc.asyncProperty(streams, attack), { numRuns: RUNS, endOnFailure: true });
  const grownBytes = processUsage(broker.pid).rssBytes - before;
  t.true(grownBytes < GROWTH_BYTES_MAX, `grown by ${grownBytes} bytes`);
});

/** Sends every stream on a connection of its own, all at once, while the watchers exchange messages. */
async function attack(streams: readonly Stream[]): Promise<void> {
  await Promise.all([...streams.map(send), watchers.exchange()]);
  await watchers.exchange();
}

/** Writes a stream, ends it, and waits until the broker has closed too. */
async function send(chunks: Stream): Promise<void> {
  const socket = net.connect(broker.port, '127.0.0.1');
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined);
  // Answers are read and forgotten: a client that does not read is another matter, and another test.
  socket.resume();
  for (const chunk of chunks) socket.write(chunk);
  socket.end();
  const timer = setTimeout(() => socket.destroy(new Error('stuck')), CLOSE_DEADLINE_MS);
  try {
    await closed;
  } finally {
    clearTimeout(timer);
  }
  if (socket.errored?.message === 'stuck')
    throw new Error('the broker leaves open what its client has ended');
}

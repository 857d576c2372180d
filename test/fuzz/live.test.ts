/**
 * A live broker under hostile bytes: it answers or closes, its other clients notice nothing, no shard restarts (a
 * restart would end some watcher's connection), and its memory stays bounded. Streams that found something are kept in
 * seeds.json and replayed first. SHARDMQ_FUZZ_RUNS sets the number of runs.
 */
import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { twist } from './carriage.js';
import { HOSTILE } from './hostile.js';
import { FuzzSiege } from './siege.js';
import { stream } from './streams.js';

const RUNS = Number(process.env['SHARDMQ_FUZZ_RUNS'] ?? 100);
const SEEDS = new URL('../../../test/fuzz/seeds.json', import.meta.url);
/** What the broker may grow by, garbage that is not yet collected included. */
const GROWTH_BYTES_MAX = 250 * 2 ** 20;

/** One kept stream: what it found, and its chunks in hexadecimal. */
interface Seed {
  readonly found: string;
  readonly chunks: readonly string[];
}

let siege: FuzzSiege;

test.before(async () => {
  siege = await FuzzSiege.start('tcp');
});

test.after.always(() => siege?.stop());

test.serial('streams that once found something find nothing any more', async (t) => {
  for (const { found, chunks } of JSON.parse(readFileSync(SEEDS, 'utf8')) as Seed[]) {
    await t.notThrowsAsync(siege.attackWith(chunks.map((hex) => Buffer.from(hex, 'hex'))), found);
  }
  t.pass();
});

for (const [title, chunks] of Object.entries(HOSTILE)) {
  test.serial(`the broker stands ${title}`, async (t) => {
    await t.notThrowsAsync(siege.attackWith(chunks));
  });
}

test.serial('random and mutated packets harm nobody else, and memory stays bounded', async (t) => {
  t.timeout(10 * 60_000);
  const before = siege.rssBytes;
  const attacks = fc.array(fc.record({ chunks: stream, twist }), { minLength: 1, maxLength: 8 });
  const property = fc.asyncProperty(attacks, (each) => siege.attack(each));
  await fc.assert(property, { numRuns: RUNS, endOnFailure: true });
  const grownBytes = siege.rssBytes - before;
  t.true(grownBytes < GROWTH_BYTES_MAX, `grown by ${grownBytes} bytes`);
});

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { describeMended } from '../../../src/storage/damage-report.js';
import { ANY_VERSION, opened } from '../../../src/storage/framing.js';
import { journalKey } from '../../../src/storage/keys.js';
import { mendEnvironment } from '../../../src/storage/mending.js';
import { OVERFLOW } from '../../../src/storage/page-file.js';
import { findDamage } from '../../../src/storage/page-reader.js';
import { SHARD_LAYOUT } from '../../../src/storage/row-table.js';
import { TABLES, type Table } from '../../../src/storage/tables.js';
import { MOUNT, SmallDisc } from '../../durability/ledger/small-disc.js';
import { needs } from '../../helpers/needs.js';
import { quickDirectory } from '../../helpers/with-broker.js';
import { metaRows, realRow } from './real-rows.js';
import {
  countKept,
  keyOf,
  mendAndRead,
  nameOf,
  PAGE_BYTES,
  readAll,
  Written,
  writeSample,
} from './written.js';

test.before(async (t) => {
  const root = quickDirectory();
  t.context = { root, ...(await writeSample(join(root, 'sample'))) };
});

/** Rows of one page; or of the last commit, where it is the page on which all tables hang. */
const LOST_MAX = 48;

interface Sample {
  readonly root: string;
  readonly file: Buffer;
  readonly rows: Map<string, Buffer>;
}

test('a file that was never damaged is whole', (t) => {
  const { root } = t.context as Sample;
  t.is(findDamage(join(root, 'sample')), null);
  t.is(findDamage(join(root, 'nothing')), null);
});

test('a page that is overwritten costs the rows on it, or the last commit', async (t) => {
  const { root, file, rows } = t.context as Sample;
  const directory = join(root, 'pages');
  for (let page = 0; page < file.length / PAGE_BYTES; page++) {
    const bent = Buffer.from(file);
    const isZeroed = Math.random() < 0.5;
    for (let i = 0; i < PAGE_BYTES; i++) {
      bent[page * PAGE_BYTES + i] = isZeroed ? 0 : Math.floor(Math.random() * 256);
    }
    const left = await mendAndRead(directory, bent);
    const kept = countKept(rows, left.rows);
    t.true(kept >= rows.size - LOST_MAX, `page ${page}, ${isZeroed}: ${kept} of ${rows.size}`);
  }
});

test('a truncated file gives what is left of it', async (t) => {
  const { root, file, rows } = t.context as Sample;
  const directory = join(root, 'short');
  for (let page = 0; page < file.length / PAGE_BYTES; page++) {
    const more = page % 2 === 0 ? 0 : 1 + ((page * 1_237) % (PAGE_BYTES - 1));
    const left = await mendAndRead(directory, file.subarray(0, page * PAGE_BYTES + more));
    t.not(left.mended, null, `${page} pages and ${more} bytes`);
    for (const name of left.rows.keys()) if (!rows.has(name)) t.regex(name, /^journal:/);
  }
});

/** What lies where no page points to any more may be a row of any table, also of one that has lost nothing. */
test('whatever pages are lost, each row that is found is one that its own table has had', async (t) => {
  const root = quickDirectory();
  const commits = fc.array(fc.array(realRow, { minLength: 1, maxLength: 60 }), {
    minLength: 4,
    maxLength: 10,
  });
  const lost = fc.array(fc.tuple(fc.nat(200), fc.integer({ min: 1, max: 20 })), {
    minLength: 1,
    maxLength: 6,
  });
  let run = 0;
  const property = fc.asyncProperty(commits, lost, async (all, pages) => {
    const directory = join(root, `${run++}`);
    const written = new Written(directory);
    const had = new Set<string>();
    const textOf = (name: string, value: Buffer): string => `${name} ${value.toString('latin1')}`;
    for (const [i, rows] of [metaRows, ...all].entries()) {
      written.put(rows);
      for (const { table, key, value } of rows) had.add(textOf(nameOf(table, key), value));
      // So that pages of each kind become free, and are used again for another.
      if (i % 3 === 2) written.remove(rows.slice(0, rows.length >> 1));
    }
    const bent = await written.close();
    for (const [first, count] of pages) {
      const from = (2 + (first % (bent.length / PAGE_BYTES - 2))) * PAGE_BYTES;
      bent.fill(0, from, Math.min(bent.length, from + count * PAGE_BYTES));
    }
    const left = await mendAndRead(join(root, 'left'), bent);
    for (const [name, value] of left.rows) {
      // What is bent within a large value is for whoever reads the row to find.
      const { ok } = opened(keyOf(name), value, ANY_VERSION);
      if (ok) t.true(had.has(textOf(name, value)), name);
    }
    rmSync(directory, { recursive: true });
  });
  await fc.assert(property, { numRuns: 200 });
  t.pass();
});

test('bits that are flipped anywhere crash nothing and cost no more than a page', async (t) => {
  const { root, file, rows } = t.context as Sample;
  const bit = fc.integer({ min: 0, max: file.length * 8 - 1 });
  const property = fc.asyncProperty(bit, async (at) => {
    const bent = Buffer.from(file);
    bent[at >> 3]! ^= 1 << (at & 7);
    const left = await mendAndRead(join(root, 'bits'), bent);
    return countKept(rows, left.rows) >= rows.size - LOST_MAX;
  });
  await fc.assert(property, { numRuns: 40 });
  t.pass();
});

test('bits that are flipped where lmdb finds its way crash nothing and cost no more than a page', async (t) => {
  const { root, file, rows } = t.context as Sample;
  const at = fc.tuple(
    fc.integer({ min: 0, max: file.length / PAGE_BYTES - 1 }),
    fc.integer({ min: 0, max: 8 * 176 }),
  );
  const property = fc.asyncProperty(at, async ([page, bit]) => {
    const bent = Buffer.from(file);
    bent[page * PAGE_BYTES + (bit >> 3)]! ^= 1 << (bit & 7);
    const left = await mendAndRead(join(root, 'ways'), bent);
    return countKept(rows, left.rows) >= rows.size - LOST_MAX;
  });
  await fc.assert(property, { numRuns: 40 });
  t.pass();
});

/** lmdb would take it for one of its own and refuse each commit that writes over its row. */
test('a page of a large value that is of a later transaction is found', async (t) => {
  const { root, file } = t.context as Sample;
  const isLarge = (at: number): boolean =>
    file.readUIntLE(at, 6) === at / PAGE_BYTES && file.readUInt16LE(at + 18) === OVERFLOW;
  const pages = Array.from({ length: file.length / PAGE_BYTES }, (_, page) => page * PAGE_BYTES).filter(
    isLarge,
  );
  t.true(pages.length > 0);
  let found = 0;
  for (const at of pages) {
    const bent = Buffer.from(file);
    bent[at + 10]! ^= 1;
    const { mended, rows } = await mendAndRead(join(root, 'large'), bent);
    if (mended !== null) found += 1;
    t.deepEqual([...rows.keys()].sort(), [...(t.context as Sample).rows.keys()].sort());
  }
  // Others may be free by now.
  t.true(found > 0, `${found} of ${pages.length}`);
});

test('the root of an empty table that is bent is found', async (t) => {
  const { root, file, rows } = t.context as Sample;
  const name = Buffer.from('outbox\0');
  let found = 0;
  for (let at = file.indexOf(name); at >= 0; at = file.indexOf(name, at + 1)) {
    const bent = Buffer.from(file);
    // Behind the name, at the end of the description of the table.
    bent[at + name.length + 47]! ^= 0x10;
    const left = await mendAndRead(join(root, 'roots'), bent);
    if (left.mended !== null) found++;
    t.is(countKept(rows, left.rows), rows.size);
  }
  t.is(found, 1);
});

test('a meta page with a wrong transaction does not bring an older state back', async (t) => {
  const { root, file, rows } = t.context as Sample;
  for (const page of [0, 1]) {
    for (let bit = 0; bit < 64; bit += bit < 6 ? 1 : 7) {
      const bent = Buffer.from(file);
      bent[page * PAGE_BYTES + 152 + (bit >> 3)]! ^= 1 << (bit & 7);
      const left = await mendAndRead(join(root, 'turns'), bent);
      t.is(countKept(rows, left.rows), rows.size, `page ${page}, bit ${bit}`);
    }
  }
});

test('without both meta pages the latest rows are found', async (t) => {
  const { root, file, rows } = t.context as Sample;
  const bent = Buffer.from(file).fill(0, 0, 2 * PAGE_BYTES);
  const left = await mendAndRead(join(root, 'metas'), bent);
  t.is(countKept(rows, left.rows), rows.size);
});

test('what is no store is put aside, and the reason is said', async (t) => {
  const { root, file } = t.context as Sample;
  const swapped = Buffer.from(file);
  for (const page of [0, PAGE_BYTES]) swapped.subarray(page + 24, page + 28).reverse();
  const others: [Buffer, RegExp][] = [
    [Buffer.alloc(0), /is empty/],
    [Buffer.from('SQLite format 3'), /too short/],
    [Buffer.alloc(50_000, 'text '), /not one of lmdb/],
    [swapped, /another byte order/],
  ];
  const directory = join(root, 'others');
  for (const [content, reason] of others) {
    const { mended } = await mendAndRead(directory, content);
    t.regex(describeMended(mended!), reason);
    t.true(existsSync(`${directory}.bad`));
  }
});

test('what lies where a directory or a file ought to be is put aside as well', async (t) => {
  const root = quickDirectory();
  const directory = join(root, 'shard-0');
  writeFileSync(directory, 'a file');
  t.is((await mendEnvironment(directory, SHARD_LAYOUT))?.reason, 'is no directory');
  rmSync(directory, { recursive: true });
  mkdirSync(join(directory, 'data.mdb'), { recursive: true });
  t.is((await mendEnvironment(directory, SHARD_LAYOUT))?.reason, 'has a data.mdb that is no file');
  t.deepEqual(readdirSync(root).sort(), ['shard-0', 'shard-0.bad', 'shard-0.bad.2']);
  t.is((await readAll(directory)).size, 0);
});

test('of damaged copies only the latest stay, and it is said which are removed', async (t) => {
  const root = quickDirectory();
  const directory = join(root, 'shard-1');
  // Of another shard.
  mkdirSync(join(root, 'shard-1.badly'));
  mkdirSync(join(root, 'shard-11.bad'));
  const lines: string[] = [];
  for (let damage = 0; damage < 10; damage++) {
    rmSync(directory, { recursive: true, force: true });
    writeFileSync(directory, 'a file');
    lines.push(describeMended((await mendEnvironment(directory, SHARD_LAYOUT))!));
  }
  t.deepEqual(readdirSync(root).sort(), [
    ...['shard-1', 'shard-1.bad.10', 'shard-1.bad.8', 'shard-1.bad.9', 'shard-1.badly', 'shard-11.bad'],
  ]);
  t.regex(lines[2]!, /it is now shard-1\.bad\.3; all of it is lost/);
  t.regex(lines[3]!, /it is now shard-1\.bad\.4; shard-1\.bad was removed; all of it is lost/);
});

test('a store without its file is damaged, and a directory without anything is new', async (t) => {
  const directory = join(quickDirectory(), 'shard-0');
  await writeSample(directory);
  rmSync(join(directory, 'data.mdb'));
  t.is(findDamage(directory), 'has no data.mdb');
  rmSync(join(directory, 'lock.mdb'));
  t.is(findDamage(directory), null);
});

test('how far a large file is read is told all the time', async (t) => {
  const directory = join(quickDirectory(), 'large');
  const written = new Written(directory);
  const values = Array.from({ length: 30 }, (_, i) => ({
    key: journalKey(i),
    content: Buffer.alloc(5 << 20),
  }));
  written.commit(values.map((each) => ({ table: 'journal', ...each })));
  await written.close();
  const told: number[] = [];
  t.is(
    findDamage(directory, (bytes, ofBytes) => told.push(bytes / ofBytes)),
    null,
  );
  t.true(told.length >= 2 && told.every((share, i) => share > (told[i - 1] ?? 0) && share <= 1));
});

test('what was interrupted between the last two steps is finished', async (t) => {
  const root = quickDirectory();
  const { rows } = await writeSample(join(root, 'shard-0.new'));
  t.is(await mendEnvironment(join(root, 'shard-0'), SHARD_LAYOUT), null);
  t.is(countKept(rows, await readAll(join(root, 'shard-0'))), rows.size);
});

const change = fc.record({
  table: fc.constantFrom<Table>(...TABLES),
  key: fc.oneof(
    fc.nat(200).map(journalKey),
    fc.uint8Array({ minLength: 1, maxLength: 600 }).map(Buffer.from),
  ),
  content: fc.option(fc.oneof(fc.nat(300), fc.nat(20_000)).map((bytes) => Buffer.alloc(bytes, 7))),
});

test('whatever is written and removed, the file is whole, and all its rows are found without its meta pages', async (t) => {
  const root = quickDirectory();
  let run = 0;
  const property = fc.asyncProperty(
    fc.array(fc.array(change, { minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 12 }),
    async (commits) => {
      const directory = join(root, `${run++}`);
      const written = new Written(directory);
      for (const changes of commits) written.commit(changes);
      const file = await written.close();
      t.is(findDamage(directory), null);
      const left = await mendAndRead(join(root, 'left'), Buffer.from(file).fill(0, 0, 2 * PAGE_BYTES));
      t.is(countKept(written.rows, left.rows), written.rows.size);
      t.is(left.rows.size, written.rows.size);
      rmSync(directory, { recursive: true });
    },
  );
  await fc.assert(property, { numRuns: 40 });
});

needs(MOUNT)('without room for a new store the damaged one stays as it is', async (t) => {
  const disc = new SmallDisc(8 << 20);
  t.teardown(() => disc.unmount());
  const { file } = t.context as Sample;
  const directory = join(disc.path, 'shard-0');
  mkdirSync(directory);
  const bent = Buffer.from(file).fill(0, 0, 2 * PAGE_BYTES);
  writeFileSync(join(directory, 'data.mdb'), bent);
  // lmdb says so where a part of what it writes finds room: EIO.
  for (const leftBytes of [0, 128 << 10]) {
    disc.fill(leftBytes);
    await t.throwsAsync(mendEnvironment(directory, SHARD_LAYOUT), {
      message: /no space|input.output error/i,
    });
    t.deepEqual(readdirSync(disc.path).sort(), ['filler', 'shard-0']);
    t.true(readFileSync(join(directory, 'data.mdb')).equals(bent));
    disc.free();
  }
  t.not(await mendEnvironment(directory, SHARD_LAYOUT), null);
});

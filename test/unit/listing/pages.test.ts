import test from 'ava';
import fc from 'fast-check';
import type { ListCursor, ListLot, ListMarks } from '../../../src/actor/list-protocol.js';
import { BrokerError } from '../../../src/base/errors.js';
import { LISTED_PAGE_CHARS_MAX } from '../../../src/limits.js';
import { findStart } from '../../../src/listing/find-start.js';
import { takeRows } from '../../../src/listing/take-rows.js';
import { SortedKeys } from '../../../workers/listing/sorted-keys.js';

interface Row {
  readonly key: string;
  readonly number: number;
}

/** A shard that tells little at a time. */
class ModelShard {
  readonly keys = new SortedKeys();
  readonly rowsOf = new Map<string, number>();
  asked = 0;

  constructor(
    private readonly marksMax: number,
    private readonly lotMax: number,
  ) {}

  add(key: string, rows: number): void {
    this.keys.add(key, rows);
    this.rowsOf.set(key, rows);
  }

  marks(from: string | null, to: string | null): ListMarks {
    this.asked += 1;
    const marks = this.keys.marks(from, to, this.marksMax);
    return {
      keys: marks.keys,
      below: marks.weightsBelow,
      rows: marks.weights,
      isComplete: marks.isComplete,
      belowFrom: from === null ? 0 : this.keys.weightBelow(from),
      belowTo: to === null ? this.keys.weight : this.keys.weightBelow(to),
      total: this.keys.weight,
    };
  }

  lot(from: ListCursor | null, max: number): ListLot<Row> {
    const rows: Row[] = [];
    const lot = { rows, total: this.keys.weight, chars: 0 };
    for (const key of this.keys.keysFrom(from?.key ?? null, Number.POSITIVE_INFINITY, true)) {
      const skip = key === from?.key ? from.skip : 0;
      for (let number = skip; number < this.rowsOf.get(key)!; number += 1) {
        if (rows.length === Math.min(max, this.lotMax))
          return { ...lot, next: { key, skip: number, after: null } };
        rows.push({ key, number });
      }
    }
    return { ...lot, next: null };
  }
}

async function page(
  shards: readonly ModelShard[],
  skip: number,
  max: number,
): Promise<readonly Row[] | null> {
  const start = await findStart(async (from, to) => shards.map((shard) => shard.marks(from, to)), skip);
  if (start.cursor === null) return null;
  const ask = async (shard: number, from: ListCursor | null, most: number): Promise<ListLot<Row>> =>
    shards[shard]!.lot(from, most);
  const { rows, total } = await takeRows(shards.length, ask, (row) => row.key, start.cursor, max);
  if (total !== start.total) throw new Error(`${total} rows after ${start.total}`);
  return rows;
}

const owned = fc.record({
  key: fc.string({ minLength: 1, maxLength: 4, unit: fc.constantFrom('a', 'b', 'c', 'd') }),
  shard: fc.nat(4),
  rows: fc.oneof(fc.constant(1), fc.nat(3), fc.nat(60)),
});

test('a page is what a plain sort of all rows has there, however they lie on shards', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(owned, { maxLength: 80, selector: ({ key }) => key }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 2, max: 6 }),
      fc.integer({ min: 1, max: 7 }),
      fc.nat(400),
      fc.integer({ min: 1, max: 50 }),
      async (keys, count, marksMax, lotMax, skip, max) => {
        const shards = Array.from({ length: count }, () => new ModelShard(marksMax, lotMax));
        for (const { key, shard, rows } of keys) shards[shard % count]!.add(key, rows);
        const sorted = [...keys].sort((a, b) => (a.key < b.key ? -1 : 1));
        const all = sorted.flatMap(({ key, rows }) =>
          Array.from({ length: rows }, (_, number) => ({ key, number })),
        );
        const expected = all.slice(skip, skip + max);
        t.deepEqual(await page(shards, skip, max), skip < all.length ? expected : null);
      },
    ),
    { numRuns: 400 },
  );
});

test('the beginning of any page of a hundred thousand keys is found in two rounds', async (t) => {
  const shards = Array.from({ length: 3 }, () => new ModelShard(256, 500));
  for (let i = 0; i < 100_000; i += 1) shards[i % 3]!.add(`client-${((i * 7919) % 100_000) + 100_000}`, 1);
  for (const skip of [1, 50_000, 99_980, 77_777]) {
    for (const shard of shards) shard.asked = 0;
    const rows = await page(shards, skip, 20);
    t.is(rows?.[0]?.key, `client-${100_000 + skip}`);
    t.is(rows?.length, Math.min(20, 100_000 - skip));
    t.true(shards[0]!.asked <= 2);
  }
});

test('a key with very many rows beside many with few does not keep the search from its end', async (t) => {
  const shards = Array.from({ length: 2 }, () => new ModelShard(4, 500));
  shards[0]!.add('a', 100_000);
  for (let i = 0; i < 10_000; i += 1) shards[1]!.add(`b${10_000 + i}`, 1);
  t.deepEqual(await page(shards, 50_000, 1), [{ key: 'a', number: 50_000 }]);
  t.deepEqual(await page(shards, 100_500, 1), [{ key: 'b10500', number: 0 }]);
});

test('no row comes twice or out of order while keys come and go', async (t) => {
  const shards = Array.from({ length: 3 }, () => new ModelShard(8, 4));
  let next = 0;
  const turn = (): void => {
    for (const shard of shards) shard.add(`k${(next++ * 7919) % 5_000}`, 1);
    const gone = `k${(next * 31) % 5_000}`;
    for (const shard of shards) shard.keys.remove(gone);
  };
  const marks = async (from: string | null, to: string | null): Promise<readonly ListMarks[]> => {
    turn();
    return shards.map((shard) => shard.marks(from, to));
  };
  for (let i = 0; i < 300; i += 1) turn();
  for (let skip = 0; skip < 300; skip += 40) {
    const { cursor } = await findStart(marks, skip);
    const ask = async (shard: number, from: ListCursor | null, max: number): Promise<ListLot<Row>> => {
      turn();
      return shards[shard]!.lot(from, max);
    };
    const { rows } = await takeRows(3, ask, (row) => row.key, cursor, 50);
    const keys = rows.map(({ key }) => key);
    t.deepEqual(keys, [...new Set(keys)].sort());
  }
});

test('a page whose rows are too long is refused', async (t) => {
  const lot = { rows: [{ key: 'a', number: 0 }], next: null, total: 1, chars: LISTED_PAGE_CHARS_MAX };
  const error = await t.throwsAsync(
    takeRows(
      2,
      async () => lot,
      (row) => row.key,
      null,
      10,
    ),
    {
      instanceOf: BrokerError,
    },
  );
  t.is((error as BrokerError).code, 'REQUEST_FAILED');
});

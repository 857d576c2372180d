import test from 'ava';
import fc from 'fast-check';
import { framed } from '../../../src/storage/framing.js';
import { journalKey } from '../../../src/storage/keys.js';
import { SHARD_LAYOUT } from '../../../src/storage/row-table.js';
import { TABLES } from '../../../src/storage/tables.js';
import { metaRows, realRow } from './real-rows.js';

test('a row says of which table it is', (t) => {
  fc.assert(
    fc.property(realRow, (row) => SHARD_LAYOUT.tableOf(row) === row.table),
    { numRuns: 3_000 },
  );
  for (const row of metaRows) t.is(SHARD_LAYOUT.tableOf(row), 'meta');
});

test('whatever bytes it is given, it answers', (t) => {
  const key = fc.oneof(
    fc.nat(300).map(journalKey),
    fc.uint8Array({ minLength: 1, maxLength: 20 }).map(Buffer.from),
  );
  const content = fc.uint8Array({ maxLength: 80 }).map(Buffer.from);
  const property = fc.property(key, content, fc.boolean(), (own, bytes, isFramed) => {
    const table = SHARD_LAYOUT.tableOf({ key: own, value: isFramed ? framed(own, bytes, 1) : bytes });
    return table === null || (isFramed && TABLES.some((name) => name === table));
  });
  fc.assert(property, { numRuns: 3_000 });
  t.pass();
});

test('a row of a later version is of none', (t) => {
  const key = journalKey(1);
  t.is(SHARD_LAYOUT.tableOf({ key, value: framed(key, Buffer.alloc(0), 9) }), null);
});

import test from 'ava';
import { JOURNAL_RECORD_BYTES, JOURNAL_REWRITE_BYTES } from '../../../../src/limits.js';
import { framed } from '../../../../src/storage/framing.js';
import { ENTRY_BYTES, JOURNAL_VERSION } from '../../../../src/storage/journal-format.js';
import type { Change } from '../../../../src/storage/tables.js';
import { RELEASED } from '../../../../workers/session/exchange.js';
import { Journal } from '../../../../workers/store/journal.js';
import { MemoryStore } from '../../../../workers/store/store.js';
import { JournalBench, messageOf, type RestoredEntry } from './journal-bench.js';

const PAYLOAD_BYTES = 1_000;

function enter(bench: JournalBench, session: number, text = 'x'.repeat(PAYLOAD_BYTES), packetId = 0): number {
  return bench.journal.entered(session, messageOf(text), 1, 0, packetId, null, null);
}

const textOf = ({ message }: RestoredEntry): string => (message === null ? '' : message.payload().toString());

test('it is on where the store keeps anything', (t) => {
  t.true(new JournalBench().journal.isOn);
  t.false(new Journal(new MemoryStore(), { touch: () => {}, nowMs: 0 }).isOn);
});

test('what is over before the commit begins is not written', (t) => {
  const bench = new JournalBench();
  const entry = enter(bench, 1);
  bench.journal.sent(entry, 1, 1);
  bench.journal.done(entry);
  bench.commit();
  t.is(bench.store.count('journal'), 0);
  t.is(bench.journal.usedRecords, 0);
});

test('a message that all have acknowledged is not written with those that some have not', (t) => {
  const bench = new JournalBench();
  const entry = enter(bench, 1);
  enter(bench, 1, 'short');
  bench.journal.done(entry);
  bench.commit();
  t.true(bench.store.bytesOf('journal') < 200);
  t.deepEqual(bench.restored(bench.reopen(), 1).map(textOf), ['short']);
});

test('a record that is over is removed, and nothing is written about its entries', (t) => {
  const bench = new JournalBench();
  const entry = enter(bench, 1, 'a', 7);
  bench.commit();
  t.is(bench.store.count('journal'), 1);
  bench.journal.done(entry);
  bench.commit();
  t.is(bench.store.count('journal'), 0);
});

test('a message for a thousand sessions is stored once, and in memory once after a restart', (t) => {
  const bench = new JournalBench();
  const message = messageOf('x'.repeat(20_000));
  for (let i = 1; i <= 1_000; i++) bench.journal.entered(i, message, 1, 0, 0, null, null);
  bench.commit();
  t.is(bench.store.count('journal'), 1);
  t.true(bench.store.bytesOf('journal') < 20_000 + 1_000 * ENTRY_BYTES + 200);
  const restored = bench.reopen();
  const [first] = bench.restored(restored, 1);
  const [last] = bench.restored(restored, 1_000);
  t.is(first!.message, last!.message);
});

test('the bytes of groups and identifiers count, so that no record becomes huge', (t) => {
  const bench = new JournalBench();
  const message = messageOf('small');
  const group = { filter: 'x'.repeat(20_000), name: 'g' };
  const identifiers = Array.from({ length: 5_000 }, (_, i) => i + 1);
  for (let i = 1; i <= 20; i++) bench.journal.entered(i, message, 1, 0, 0, identifiers, group);
  bench.commit();
  for (const value of bench.store.table('journal').values()) t.true(value.length < 3 * JOURNAL_RECORD_BYTES);
  const [last] = bench.restored(bench.reopen(), 20);
  t.deepEqual([last!.identifiers, last!.group], [identifiers, group]);
});

test('a message larger than a record has a record of its own, which all its sessions share', (t) => {
  const bench = new JournalBench();
  enter(bench, 1, 'small');
  const large = messageOf('x'.repeat(1 << 20));
  for (let i = 1; i <= 100; i++) bench.journal.entered(i, large, 1, 0, 0, null, null);
  enter(bench, 1, 'after');
  bench.commit();
  t.is(bench.store.count('journal'), 3);
  t.true(bench.store.bytesOf('journal') < (1 << 20) + 2_000);
  const texts = bench.restored(bench.reopen(), 1).map((entry) => textOf(entry).slice(0, 5));
  t.deepEqual(texts, ['small', 'xxxxx', 'after']);
});

test('one commit may hold many records', (t) => {
  const bench = new JournalBench();
  const entries: number[] = [];
  for (let i = 0; i < 20_000; i++) entries.push(enter(bench, 1 + (i % 7), `m${i}`));
  bench.commit();
  t.true(bench.store.count('journal') > 10);
  for (const entry of entries) bench.journal.done(entry);
  bench.commit();
  t.is(bench.store.count('journal'), 0);
});

test('after three quarters of a long run are over, little more is stored than what lasts', (t) => {
  const bench = new JournalBench();
  let kept = 0;
  for (let i = 0; i < 20_000; i++) {
    const entry = enter(bench, 1 + (i % 7));
    // Every fourth lasts in some records, none in others, all in few.
    const lasts = i % 4_000 < 600 ? true : i % 97 === 0;
    if (lasts) kept++;
    if (i % 10 === 0) bench.commit();
    if (!lasts) bench.journal.done(entry);
    if (i % 100 === 0) bench.journal.sweep();
  }
  bench.settle();
  const stored = bench.store.bytesOf('journal');
  t.true(stored < 1.5 * kept * (PAYLOAD_BYTES + 60), `${stored} bytes for ${kept} messages`);
  t.true(bench.journal.usedRecords < 2 * kept);
});

test('one entry that lasts does not keep what came after it', (t) => {
  const bench = new JournalBench();
  const lasting = [enter(bench, 1), enter(bench, 1), enter(bench, 1)];
  let previous = enter(bench, 2);
  bench.commit();
  for (let i = 0; i < 1_000; i++) {
    const next = enter(bench, 2);
    bench.journal.done(previous);
    previous = next;
    bench.commit();
    if (i % 10 === 0) bench.journal.sweep();
  }
  bench.settle();
  t.true(bench.journal.usedRecords < 10, `${bench.journal.usedRecords} records`);
  t.deepEqual(
    bench.restored(bench.reopen(), 1).map(({ entry }) => entry),
    lasting,
  );
});

test('what records say about one that lasts is put into that one before it costs more than it', (t) => {
  const bench = new JournalBench();
  const message = messageOf('x'.repeat(PAYLOAD_BYTES));
  const entries: number[] = [];
  for (let i = 1; i <= 4_000; i++) entries.push(bench.journal.entered(i, message, 1, 0, 0, null, null));
  bench.commit();
  for (let i = 0; i < 2_000; i++) {
    bench.journal.done(entries[i]!);
    bench.commit();
    bench.journal.sweep();
  }
  bench.settle();
  t.true(bench.journal.usedRecords < 300, `${bench.journal.usedRecords} records`);
  t.is([...bench.reopen().sessions()].length, 2_000);
});

test('a record that was written anew is not set back by what an earlier record said', (t) => {
  const bench = new JournalBench();
  const message = messageOf('x'.repeat(PAYLOAD_BYTES), 2);
  const others = Array.from({ length: 9 }, () => enter(bench, 1));
  const entry = bench.journal.entered(2, message, 2, 0, 0, null, null);
  bench.commit();
  bench.journal.sent(entry, 5, 2);
  enter(bench, 3);
  bench.commit();
  bench.journal.released(entry);
  for (const other of others) bench.journal.done(other);
  bench.settle();
  const [only] = bench.restored(bench.reopen(), 2);
  t.is(only!.state, RELEASED);
  t.is(only!.message, null);
  t.is(only!.packetId, 5);
});

test('the order of sending goes on after a restart, though the record with the last step is gone', (t) => {
  const bench = new JournalBench();
  const queued = Array.from({ length: 10 }, () => enter(bench, 1));
  bench.commit();
  bench.journal.sent(queued[9]!, 1, 1);
  const last = enter(bench, 2);
  bench.commit();
  for (const entry of queued.slice(1, 9)) bench.journal.done(entry);
  bench.journal.done(last);
  bench.settle();
  t.is(bench.store.count('journal'), 1);
  bench.reopen();
  // Were its record numbered as those before, this step would count as one that is in the row.
  bench.journal.sent(queued[0]!, 2, 1);
  bench.commit();
  t.deepEqual(
    bench.restored(bench.reopen(), 1).map(({ packetId }) => packetId),
    [1, 2],
  );
});

test('packet identifiers that await PUBREL are kept, and may be used again in the same record', (t) => {
  const bench = new JournalBench();
  const first = bench.journal.inbound(1, 5);
  bench.journal.done(first);
  const second = bench.journal.inbound(1, 5);
  t.not(first, second);
  bench.commit();
  const third = bench.journal.inbound(1, 6);
  bench.journal.done(second);
  bench.journal.inbound(1, 5);
  bench.commit();
  bench.journal.done(third);
  bench.commit();
  const found = bench.restored(bench.reopen(), 1);
  t.deepEqual(
    found.map(({ kind, packetId }) => [kind, packetId]),
    [['inbound', 5]],
  );
});

test('what the session does not take is over', (t) => {
  const bench = new JournalBench();
  enter(bench, 1, 'a', 7);
  bench.journal.inbound(1, 8);
  bench.commit();
  const restored = bench.reopen();
  restored.restore(1, {
    restoreInFlight: () => false,
    restoreQueued: () => t.fail(),
    restoreInbound: () => false,
  });
  bench.settle();
  t.is(bench.store.count('journal'), 0);
});

test('entries of sessions that are gone are over, and their space is given back', (t) => {
  const bench = new JournalBench();
  for (let i = 1; i <= 10; i++) enter(bench, i);
  bench.commit();
  const restored = bench.reopen();
  t.is(bench.restored(restored, 3).length, 1);
  t.is(bench.restored(restored, 3).length, 0);
  for (const _ of restored.forgetRest());
  bench.settle();
  t.is(bench.store.count('journal'), 1);
  t.true(bench.store.bytesOf('journal') < PAYLOAD_BYTES + 200);
});

test('a row of a later version is left as it is, and told', (t) => {
  const bench = new JournalBench();
  enter(bench, 1);
  bench.commit();
  const rows = bench.store.table('journal');
  const [hex] = rows.keys();
  const key = Buffer.from(hex!, 'hex');
  rows.set(hex!, framed(key, Buffer.from('whatever it holds'), JOURNAL_VERSION + 1));
  const restored = bench.reopen();
  t.true(restored.isNewer);
  t.is(restored.damagedRows, 0);
});

test('what is to be written anew is spread over commits, so that none takes long', (t) => {
  const bench = new JournalBench();
  const entries = Array.from({ length: 4_000 }, () => enter(bench, 1));
  bench.commit();
  for (const [i, entry] of entries.entries()) if (i % 10 > 0) bench.journal.done(entry);
  bench.commit();
  bench.commit();
  const before = bench.store.bytesOf('journal');
  bench.journal.sweep();
  bench.touched = 0;
  bench.commit();
  const freed = before - bench.store.bytesOf('journal');
  t.true(freed > 0 && freed < JOURNAL_REWRITE_BYTES + JOURNAL_RECORD_BYTES, `${freed} bytes`);
  t.is(bench.touched, 1, 'the next commit comes soon, whether anybody waits for it or not');
  bench.settle();
  t.true(bench.store.bytesOf('journal') < before / 5);
  t.is(bench.restored(bench.reopen(), 1).length, 400);
});

test('a record that is written anew in a commit that fails is written again as it was', (t) => {
  const bench = new JournalBench();
  const entries = Array.from({ length: 10 }, () => enter(bench, 1));
  bench.commit();
  for (const entry of entries.slice(2)) bench.journal.done(entry);
  bench.journal.sweep();
  const refused: Change[] = [];
  bench.journal.collect(refused);
  // The commit has failed; what happens until it is tried again goes with the one after it.
  bench.journal.sent(entries[1]!, 9, 1);
  bench.journal.done(entries[0]!);
  bench.store.commit(refused, () => bench.journal.committed());
  t.is(bench.restored(bench.reopen(), 1).length, 2);
});

test('what happens to a record while the commit that writes it anew is tried again is not lost', (t) => {
  const bench = new JournalBench();
  const entries = Array.from({ length: 10 }, () => enter(bench, 1));
  bench.commit();
  for (const entry of entries.slice(2)) bench.journal.done(entry);
  bench.journal.sweep();
  const refused: Change[] = [];
  bench.journal.collect(refused);
  bench.journal.sent(entries[1]!, 9, 1);
  bench.journal.done(entries[0]!);
  bench.store.commit(refused, () => bench.journal.committed());
  bench.commit();
  t.deepEqual(
    bench.restored(bench.reopen(), 1).map(({ packetId, entry }) => [packetId, entry]),
    [[9, entries[1]!]],
  );
});

test('a damaged row is lost, counted and removed; the others are read', (t) => {
  const bench = new JournalBench();
  for (let i = 0; i < 5; i++) {
    enter(bench, 1, `m${i}`);
    bench.commit();
  }
  const rows = bench.store.table('journal');
  const key = [...rows.keys()][2]!;
  const value = Buffer.from(rows.get(key)!);
  value[value.length >> 1]! ^= 4;
  rows.set(key, value);
  const restored = bench.reopen();
  t.is(restored.damagedRows, 1);
  t.false(restored.isNewer);
  t.deepEqual(bench.restored(restored, 1).map(textOf), ['m0', 'm1', 'm3', 'm4']);
  bench.commit();
  t.is(bench.store.count('journal'), 4);
});

test('PUBREC for a message of which it is lost that it was sent: it is over, for its packet identifier is lost too', (t) => {
  const bench = new JournalBench();
  const entry = bench.journal.entered(1, messageOf('a'), 2, 0, 0, null, null);
  bench.commit();
  bench.journal.sent(entry, 7, 2);
  bench.commit();
  bench.journal.released(entry);
  bench.commit();
  const rows = bench.store.table('journal');
  t.is(rows.size, 3);
  rows.delete([...rows.keys()].sort()[1]!);
  t.deepEqual(bench.restored(bench.reopen(), 1), []);
  bench.settle();
  t.is(bench.store.count('journal'), 0);
});

test('a row that cannot be read when it is to be written anew is left alone', (t) => {
  const bench = new JournalBench();
  const entries = Array.from({ length: 10 }, () => enter(bench, 1));
  bench.commit();
  for (const [key, value] of bench.store.table('journal')) {
    bench.store.table('journal').set(key, value.subarray(0, 9));
  }
  for (const entry of entries.slice(1)) bench.journal.done(entry);
  bench.settle();
  t.is(bench.journal.usedRecords, 2);
  bench.journal.done(entries[0]!);
  bench.settle();
  t.is(bench.store.count('journal'), 0);
});

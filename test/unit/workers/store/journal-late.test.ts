/** What is written later, because it seldom matters by then. */
import test from 'ava';
import { JOURNAL_LATE_MS } from '../../../../src/limits.js';
import { JournalBench, messageOf, type RestoredEntry } from './journal-bench.js';

function enter(bench: JournalBench, session: number, text = 'text', packetId = 0): number {
  return bench.journal.entered(session, messageOf(text), 1, 0, packetId, null, null);
}

const textOf = ({ message }: RestoredEntry): string => (message === null ? '' : message.payload().toString());

test('nothing is written about messages with QoS 1 that are acknowledged soon', (t) => {
  const bench = new JournalBench(false);
  const entries = Array.from({ length: 3 }, () => enter(bench, 1));
  bench.commit();
  const bytes = bench.store.bytesOf('journal');
  for (const [i, entry] of entries.entries()) {
    bench.journal.sent(entry, i + 1, 1);
    bench.commit();
    bench.journal.acknowledged(entry);
    t.is(bench.store.bytesOf('journal'), bytes);
    bench.nowMs += JOURNAL_LATE_MS / 4;
    bench.commit();
  }
  t.is(bench.store.count('journal'), 0);
});

test('what still matters later is written: that it was sent, that it is acknowledged', (t) => {
  const bench = new JournalBench(false);
  const [first, second] = [enter(bench, 1, 'first'), enter(bench, 1, 'second'), enter(bench, 1, 'third')];
  bench.commit();
  bench.journal.sent(first, 7, 1);
  bench.journal.sent(second, 8, 1);
  bench.commit();
  bench.journal.acknowledged(first);
  bench.commit();
  const places = (): unknown[] =>
    bench.restored(bench.reopen(), 1).map((each) => [each.kind, each.packetId, textOf(each)]);
  for (let i = 0; i < 2; i++) {
    t.true(bench.touched > 0, 'another commit comes');
    bench.touched = 0;
    bench.nowMs += JOURNAL_LATE_MS;
    bench.commit();
  }
  t.deepEqual(places(), [
    ['inFlight', 8, 'second'],
    ['queued', 0, 'third'],
  ]);
});

test('when the last commit begins nothing is left for later', (t) => {
  const bench = new JournalBench(false);
  const [first, second] = [enter(bench, 1), enter(bench, 1)];
  bench.commit();
  bench.journal.sent(first, 7, 1);
  bench.journal.sent(second, 8, 1);
  bench.journal.acknowledged(first);
  bench.journal.tellLate();
  bench.commit();
  t.deepEqual(
    bench.restored(bench.reopen(), 1).map(({ packetId }) => packetId),
    [8],
  );
});

for (const qos of [1, 2]) {
  test(`a packet identifier that goes on to a message with QoS ${qos} is never that of two`, (t) => {
    const bench = new JournalBench(false);
    const first = enter(bench, 1, 'first', 5);
    const second = bench.journal.entered(1, messageOf('second', qos), qos, 0, 0, null, null);
    for (let i = 0; i < 3; i++) {
      bench.nowMs += JOURNAL_LATE_MS;
      bench.commit();
    }
    bench.journal.acknowledged(first);
    bench.journal.sent(second, 5, qos);
    for (let i = 0; i < 3; i++) {
      const crashed = new JournalBench();
      for (const [key, value] of bench.store.table('journal')) crashed.store.table('journal').set(key, value);
      const found = crashed.restored(crashed.reopen(), 1);
      t.true(found.some((each) => textOf(each) === 'second'));
      t.true(found.filter(({ kind }) => kind === 'inFlight').length <= 1);
      bench.nowMs += JOURNAL_LATE_MS;
      bench.commit();
    }
    t.deepEqual(
      bench.restored(bench.reopen(), 1).map((each) => [each.packetId, textOf(each)]),
      [[5, 'second']],
    );
  });
}

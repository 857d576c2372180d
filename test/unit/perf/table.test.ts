import test from 'ava';
import { collate, medianIn, spreadOf } from '../../../perf/lib/collate.js';
import { Progress } from '../../../perf/lib/progress.js';
import { table } from '../../../perf/lib/table.js';
import { gap, LINES, record } from './records.js';

test('medians are those of all rounds, beside lowest and highest', (t) => {
  t.deepEqual(spreadOf([5, 1, 3]), { median: 3, low: 1, high: 5 });
  t.deepEqual(spreadOf([4, 2]), { median: 3, low: 2, high: 4 });
  t.is(spreadOf([]), null);
  const { columns, rows } = collate(LINES);
  t.deepEqual(
    columns.map(({ label }) => label),
    ['shardmq, 1 shard', 'shardmq, 2 shards', 'peer 1'],
  );
  t.is(medianIn(rows[0]!.cells[0]!, 'perSecond'), 1500);
});

test('one entrant has a row for each scenario, with what is to be said of it', (t) => {
  const text = table(
    collate([record({ fault: 'lost 3' }), record({ scenario: 'other', title: 'idle', kind: 'idle' })]),
  );
  t.regex(text, /pairs & more +1,000 +2\.00 +1\.00 +5\.00 +128 +40% {2}FAILED in round 1: lost 3\n/);
  t.regex(text, /^idle .*per client, idle at 50\.0% of a core$/m);
});

test('several are side by side: shards against the first, a peer against the best of ours', (t) => {
  const text = table(collate(LINES));
  const [pairs = ''] = /^pairs.*$/m.exec(text) ?? [];
  t.regex(pairs, /1,500 .* 3,000 .* 2\.00x .* 500 .* 6\.00x$/);
  t.regex(text, /pairs & more, shardmq, 2 shards: 50% of deliveries cross shards/);
  t.regex(text, /pairs & more, peer 1: generator-bound in 1 of 2/);
  t.regex(text, /^shared .* -$/m, 'what a peer cannot do is empty');
  t.regex(text, /shared, peer 1: cannot/);
  t.regex(text, /Medians of 2 runs each, alternated\./);
});

test('the two numbers are geometric means over what all have done without a fault', (t) => {
  const two = [
    record({ perSecond: 100, cpuUsPerOperation: 1 }),
    record({ scenario: 'b', title: 'b', perSecond: 10_000, cpuUsPerOperation: 4 }),
    record({ scenario: 'c', title: 'c', perSecond: 7, fault: 'lost 1' }),
    record({ scenario: 'd', title: 'd', kind: 'storm' }),
  ];
  t.regex(table(collate(two)), /^1,000 deliveries\/s, 2\.00 us of .* \(geometric means of 2 scenarios\)$/m);
  t.notRegex(table(collate([gap({ isFailure: true })])), /geometric/);
});

function shown(isTTY: boolean): string {
  let text = '';
  const progress = new Progress({ isTTY, columns: 30, write: (more) => (text += more) }, 2);
  progress.begin('pairs');
  progress.end('pairs', '1,000/s and much more to be said');
  progress.clear();
  return text;
}

test('progress is one line on a terminal, and plain lines elsewhere', (t) => {
  t.is(shown(false), '[1/2] pairs: 1,000/s and much more to be said\n');
  t.notRegex(shown(true), /\n/);
  t.regex(shown(true), /\r\u001b\[K\[1\/2\] pairs\r/);
  for (const line of shown(true).split('\r')) t.true(line.replace('\u001b[K', '').length < 30, line);
});

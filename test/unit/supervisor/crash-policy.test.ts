import test from 'ava';
import { asShardId } from '../../../src/protocol/ids.js';
import { CrashPolicy } from '../../../src/supervisor/crash-policy.js';

const [a, b] = [asShardId(0), asShardId(1)];

test('each crash of a shard doubles its wait, and another shard has its own', (t) => {
  const policy = new CrashPolicy();
  t.is(policy.crashed(a, 0), 100);
  t.is(policy.crashed(a, 1), 200);
  t.is(policy.crashed(b, 2), 100);
  t.is(policy.crashed(a, 3), 400);
});

test('the fifth crash within a minute is one too many, whichever shards they were', (t) => {
  const policy = new CrashPolicy();
  for (const [shard, atMs] of [
    [a, 0],
    [b, 10_000],
    [a, 20_000],
    [b, 30_000],
  ] as const) {
    t.not(policy.crashed(shard, atMs), null);
  }
  t.is(policy.crashed(a, 59_999), null);
});

test('crashes more than a minute ago are forgotten', (t) => {
  const policy = new CrashPolicy();
  for (let n = 0; n < 20; n++) t.is(policy.crashed(a, n * 60_000), 100);
});

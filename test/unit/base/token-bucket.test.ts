/** The rate limit, in turned time. */
import test from 'ava';
import fc from 'fast-check';
import { TokenBucket } from '../../../src/base/token-bucket.js';

test('a full bucket lets a burst through, then asks to pause for what is owed', (t) => {
  const bucket = new TokenBucket(100, 10, 0);
  t.is(bucket.spend(10, 0), 0);
  t.is(bucket.spend(1, 0), 10);
  t.is(bucket.spend(1, 10), 10);
  t.true(bucket.trySpend(5, 1_000));
  t.false(bucket.trySpend(6, 1_000));
  t.true(bucket.trySpend(5, 1_000));
});

test('a clock set back gives nothing and takes nothing', (t) => {
  const bucket = new TokenBucket(100, 10, 1_000);
  bucket.spend(10, 1_000);
  t.false(bucket.trySpend(1, 0));
  t.false(bucket.trySpend(1, 1_000));
  t.true(bucket.trySpend(1, 1_010));
});

test('whoever pauses as told never exceeds the rate by more than the burst', (t) => {
  const step = fc.record({ tokens: fc.nat(20), idleMs: fc.nat(200) });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1 }), fc.integer({ min: 1, max: 1_000 }), (steps, perSecond) => {
      const bucket = new TokenBucket(perSecond, 20, 0);
      let nowMs = 0;
      let spent = 0;
      for (const { tokens, idleMs } of steps) {
        nowMs += idleMs;
        spent += tokens;
        nowMs += bucket.spend(tokens, nowMs);
        if (spent > 20 + (nowMs * perSecond) / 1_000 + 1e-6) throw new Error('above the rate');
      }
    }),
  );
  t.pass();
});

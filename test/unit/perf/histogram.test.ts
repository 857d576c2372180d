/** The histogram behind every latency that is reported. */
import test from 'ava';
import fc from 'fast-check';
import { bucketMiddleUs, bucketOf, HISTOGRAM_BUCKETS, percentileMs } from '../../../perf/lib/histogram.js';

test('a bucket stands for its durations within 2 %, up to the largest', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0x7fffffff }), (us) => {
      const bucket = bucketOf(us);
      return bucket < HISTOGRAM_BUCKETS && Math.abs(bucketMiddleUs(bucket) - us) <= Math.max(1, us * 0.02);
    }),
  );
  t.is(bucketOf(2 ** 40), HISTOGRAM_BUCKETS - 1);
  t.is(bucketOf(-5), 0);
});

test('buckets rise with the duration', (t) => {
  for (let us = 1; us < 100_000; us++) {
    if (bucketOf(us) < bucketOf(us - 1)) t.fail(`${us} us lies below ${us - 1} us`);
  }
  t.pass();
});

test('a percentile is the duration below which that share lies; of nothing it is 0', (t) => {
  const counts = new Float64Array(HISTOGRAM_BUCKETS);
  t.is(percentileMs(counts, 0.5), 0);
  for (let us = 1; us <= 1000; us++) counts[bucketOf(us)]! += 1;
  t.true(Math.abs(percentileMs(counts, 0.5) - 0.5) < 0.01);
  t.true(Math.abs(percentileMs(counts, 0.99) - 0.99) < 0.02);
});

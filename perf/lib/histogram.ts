/**
 * Latencies in buckets of logarithmic width: 1.6 % exact from a microsecond to half an hour, a few kilobytes,
 * and an addition is two shifts. Any thread.
 */

const SUB_BITS = 6;
const SUB = 1 << SUB_BITS;

/** Buckets that a histogram needs. */
export const HISTOGRAM_BUCKETS = (31 - SUB_BITS + 1) * SUB;

/** @returns the bucket of a duration in microseconds; negative ones (clocks of two threads) count as 0. */
export function bucketOf(us: number): number {
  const value = us < 0 ? 0 : us > 0x7fffffff ? 0x7fffffff : us | 0;
  if (value < SUB) return value;
  const shift = 31 - Math.clz32(value) - SUB_BITS;
  return (shift + 1) * SUB + (value >>> shift) - SUB;
}

/** @returns the middle of a bucket, in microseconds. */
export function bucketMiddleUs(bucket: number): number {
  if (bucket < SUB) return bucket + 0.5;
  const shift = (bucket >> SUB_BITS) - 1;
  return ((bucket & (SUB - 1)) + SUB + 0.5) * 2 ** shift;
}

/** @returns the duration in milliseconds below which `share` (0..1) of all counted ones lie; 0 when empty. */
export function percentileMs(counts: Float64Array, share: number): number {
  let total = 0;
  for (const count of counts) total += count;
  if (total === 0) return 0;
  let seen = 0;
  for (let bucket = 0; bucket < counts.length; bucket++) {
    seen += counts[bucket]!;
    if (seen >= total * share) return bucketMiddleUs(bucket) / 1000;
  }
  return bucketMiddleUs(counts.length - 1) / 1000;
}

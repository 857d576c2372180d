/** Whether memory is flat. Pure. */

/** Of all samples, those that are warm-up: caches fill, buffers grow, code is compiled. */
const WARM_UP_SHARE = 1 / 3;
/** What a line through the rest may rise from its beginning to its end: the larger of the two. */
const RISE_SHARE = 0.05;
const RISE_BYTES = 8 * 2 ** 20;
/** With fewer behind the warm-up a line says nothing. */
const SAMPLES_MIN = 4;

export interface Trend {
  /** How much the line rises over the samples behind the warm-up, in bytes. */
  readonly riseBytes: number;
  /** Null: too few samples to say. */
  readonly isFlat: boolean | null;
}

/** The rule by which a soak passes, in words. */
export const FLAT_RULE =
  'flat: a straight line through the samples behind the first third rises by less than 5 %, or 8 MB, from its beginning to its end';

/** @param bytes at equal distances in time */
export function trendOf(bytes: readonly number[]): Trend {
  const behind = bytes.slice(Math.ceil(bytes.length * WARM_UP_SHARE));
  if (behind.length < SAMPLES_MIN) return { riseBytes: 0, isFlat: null };
  const mean = behind.reduce((sum, value) => sum + value, 0) / behind.length;
  const middle = (behind.length - 1) / 2;
  let covariance = 0;
  let variance = 0;
  for (const [i, value] of behind.entries()) {
    covariance += (i - middle) * (value - mean);
    variance += (i - middle) ** 2;
  }
  const riseBytes = (covariance / variance) * (behind.length - 1);
  return { riseBytes, isFlat: riseBytes < Math.max(RISE_SHARE * mean, RISE_BYTES) };
}

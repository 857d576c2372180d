import test from 'ava';
import { trendOf } from '../../../perf/lib/soak/flat.js';

const MB = 2 ** 20;
const minutes = (bytes: (minute: number) => number): number[] =>
  Array.from({ length: 30 }, (_, i) => bytes(i) * MB);

test('what grows in the first third only, or goes up and down, is flat', (t) => {
  t.true(trendOf(minutes((i) => 100 + 30 * Math.min(i, 10))).isFlat);
  t.true(trendOf(minutes((i) => 100 + (i % 2) * 40)).isFlat);
  t.true(trendOf(minutes((i) => 300 - i)).isFlat, 'also what falls');
});

test('what goes on growing is not', (t) => {
  const { isFlat, riseBytes } = trendOf(minutes((i) => 100 + i));
  t.false(isFlat);
  t.is(Math.round(riseBytes / MB), 19);
});

test('a few minutes say nothing', (t) => {
  t.is(trendOf([1, 2, 3, 4].map((i) => i * 100 * MB)).isFlat, null);
});

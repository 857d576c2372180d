import test from 'ava';
import { chanceOf, verdictOf } from '../../../perf/lib/verdict.js';

test('the chance is that of the rank sum test', (t) => {
  // From its tables: five and five that do not overlap come by chance in 2 of 252 orders.
  t.is(chanceOf([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]), 2 / 252);
  t.is(chanceOf([6, 7, 8, 9, 10], [1, 2, 3, 4, 5]), 2 / 252);
  // One run that is out of place makes it 4 of 252.
  t.is(chanceOf([1, 2, 3, 4, 6], [5, 7, 8, 9, 10]), 4 / 252);
  t.is(chanceOf([1], [2]), 1);
});

test('what is mixed up says nothing', (t) => {
  t.is(chanceOf([1, 4, 5, 8], [2, 3, 6, 7]), 1);
  t.is(chanceOf([3, 3, 3], [3, 3, 3]), 1, 'all the same');
});

test('a verdict needs enough runs, and figures apart', (t) => {
  t.regex(verdictOf([1, 2, 3], [4, 5, 6]), /too few runs/);
  t.regex(verdictOf([1, 2, 3, 4], [5, 6, 7, 8]), /^beyond the spread/);
  t.regex(verdictOf([1, 2, 3, 6], [4, 5, 7, 8]), /^within the spread/);
});

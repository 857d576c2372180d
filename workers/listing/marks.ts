/** Marks of an index as main wants them. Runs on the shard's thread. */
import type { ListMarks } from '../../src/actor/list-protocol.js';
import { LISTED_MARKS_CHARS_MAX, LISTED_MARKS_MAX } from '../../src/limits.js';
import type { Marks, SortedKeys } from './sorted-keys.js';

/** Marks that are offered however long they are: with fewer than two a range would not get smaller. */
const MARKS_MIN = 8;

/** @param isWeighed a key stands for as many rows as it weighs, not for one */
export function marksOf(
  keys: SortedKeys,
  isWeighed: boolean,
  from: string | null,
  to: string | null,
): ListMarks {
  const marks = affordable(keys, from, to);
  const total = isWeighed ? keys.weight : keys.size;
  const below = (key: string): number => (isWeighed ? keys.weightBelow(key) : keys.countBelow(key));
  return {
    keys: marks.keys,
    below: isWeighed ? marks.weightsBelow : marks.counts,
    rows: isWeighed ? marks.weights : marks.keys.map(() => 1),
    isComplete: marks.isComplete,
    belowFrom: from === null ? 0 : below(from),
    belowTo: to === null ? total : below(to),
    total,
  };
}

/** Fewer where keys are long. */
function affordable(keys: SortedKeys, from: string | null, to: string | null): Marks {
  for (let max = LISTED_MARKS_MAX; ; max = max >>> 2) {
    const marks = keys.marks(from, to, Math.max(max, MARKS_MIN));
    const chars = marks.keys.reduce((sum, key) => sum + key.length, 0);
    if (chars <= LISTED_MARKS_CHARS_MAX || max <= MARKS_MIN) return marks;
  }
}

/**
 * Finds where a page begins in a list that lies in parts on several shards, each in order. No shard tells more than a
 * few hundred keys: from what lies below them follows between which two the row must be, and only that range is looked
 * at more closely. Main thread.
 */
import type { ListCursor, ListMarks } from '../actor/list-protocol.js';

/** Asks all shards about their keys from `from` (null: the first) to before `to` (null: to the last). */
export type AskMarks = (from: string | null, to: string | null) => Promise<readonly ListMarks[]>;

export interface Start {
  /** Null: there are not so many rows. */
  readonly cursor: ListCursor | null;
  /** Rows of all shards. */
  readonly total: number;
}

/** @returns where row number `skip` is, counted from 0 */
export async function findStart(ask: AskMarks, skip: number): Promise<Start> {
  let from: string | null = null;
  let to: string | null = null;
  for (;;) {
    const marks = await ask(from, to);
    const total = sum(marks.map((each) => each.total));
    if (skip >= total) return { cursor: null, total };
    // Rows may have come or gone below the range since it was chosen; the nearest row will do then.
    const belowFrom = sum(marks.map((each) => each.belowFrom));
    if (from !== null && belowFrom > skip) return { cursor: at(from, 0), total };
    if (to !== null && sum(marks.map((each) => each.belowTo)) <= skip) return { cursor: at(to, 0), total };
    const range = narrow(marks, skip);
    if (range === null) return { cursor: null, total };
    if (marks.every(({ isComplete }) => isComplete)) {
      return { cursor: at(range.from, skip - range.below), total };
    }
    from = range.from;
    to = range.to ?? to;
  }
}

interface Range {
  readonly from: string;
  /** Null: as before. */
  readonly to: string | null;
  /** Rows below `from`, no fewer than there are. */
  readonly below: number;
}

/** @returns the last key certainly not behind the row, and the first that certainly is; null: there is no key */
function narrow(shards: readonly ListMarks[], skip: number): Range | null {
  // By shard: how many of its marks have been passed. What lies below a key is at least what lies below and in the last
  // mark before it, and at most what lies below the next.
  const passed = shards.map(() => 0);
  let atLeast = sum(shards.map((marks) => marks.belowFrom));
  let atMost = sum(shards.map((marks) => marks.below[0] ?? marks.belowTo));
  let found: Range | null = null;
  for (;;) {
    const shard = lowest(shards, passed);
    if (shard === -1) return found;
    const marks = shards[shard]!;
    const index = passed[shard]!;
    const key = marks.keys[index]!;
    const before = index === 0 ? marks.belowFrom : marks.below[index - 1]! + marks.rows[index - 1]!;
    // Of its own keys a shard knows exactly what lies below.
    atLeast += marks.below[index]! - before;
    if (found !== null && atLeast > skip) return { ...found, to: key };
    if (found === null || atMost <= skip) found = { from: key, to: null, below: atMost };
    atLeast += marks.rows[index]!;
    atMost += (marks.below[index + 1] ?? marks.belowTo) - marks.below[index]!;
    passed[shard] = index + 1;
  }
}

/** @returns the shard whose next mark is the lowest; -1: there is none */
function lowest(shards: readonly ListMarks[], passed: readonly number[]): number {
  let found = -1;
  for (let shard = 0; shard < shards.length; shard += 1) {
    const key = shards[shard]!.keys[passed[shard]!];
    if (key === undefined) continue;
    if (found === -1 || key < shards[found]!.keys[passed[found]!]!) found = shard;
  }
  return found;
}

function at(key: string, skip: number): ListCursor {
  return { key, skip, after: null };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

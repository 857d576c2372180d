/** Ranges of keys, of which something is known. On shards and on main. */
import { KEY_RANGES_MAX } from '../limits.js';

/** Keys from `low` on and before `high`; null: no bound. */
export interface KeyRange {
  readonly low: Buffer | null;
  readonly high: Buffer | null;
}

export const ALL_KEYS: KeyRange = { low: null, high: null };

/** A set of keys, as ranges. Where there are too many, it holds what lies between some of them as well. */
export class KeyRanges {
  /** In order and apart from each other while `isOrdered`. */
  private ranges: KeyRange[] = [];
  private isOrdered = true;

  get isEmpty(): boolean {
    return this.ranges.length === 0;
  }

  add(range: KeyRange): void {
    this.ranges.push(range);
    this.isOrdered = false;
    if (this.ranges.length >= 2 * KEY_RANGES_MAX) this.order();
  }

  has(key: Buffer): boolean {
    this.order();
    const at = this.firstEndingAfter(key);
    const range = this.ranges[at];
    return range !== undefined && (range.low === null || range.low.compare(key) <= 0);
  }

  /** @returns the keys that are in both */
  and(other: KeyRanges): KeyRanges {
    this.order();
    other.order();
    const both = new KeyRanges();
    for (const range of this.ranges) {
      for (let i = range.low === null ? 0 : other.firstEndingAfter(range.low); i < other.ranges.length; i++) {
        const low = later(range.low, other.ranges[i]!.low);
        const high = earlier(range.high, other.ranges[i]!.high);
        if (low !== null && high !== null && low.compare(high) >= 0) break;
        both.add({ low, high });
      }
    }
    return both;
  }

  private firstEndingAfter(key: Buffer): number {
    let from = 0;
    let to = this.ranges.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      const { high } = this.ranges[middle]!;
      if (high === null || high.compare(key) > 0) to = middle;
      else from = middle + 1;
    }
    return from;
  }

  private order(): void {
    if (this.isOrdered) return;
    this.isOrdered = true;
    const sorted = this.ranges.sort((a, b) => compareLows(a.low, b.low));
    const joined: KeyRange[] = [];
    for (const range of sorted) {
      const last = joined.at(-1);
      const touches =
        last !== undefined && (last.high === null || range.low === null || range.low.compare(last.high) <= 0);
      if (last !== undefined && (touches || joined.length >= KEY_RANGES_MAX)) {
        joined[joined.length - 1] = { low: last.low, high: laterEnd(last.high, range.high) };
      } else joined.push(range);
    }
    this.ranges = joined;
  }
}

function compareLows(a: Buffer | null, b: Buffer | null): number {
  if (a === null) return b === null ? 0 : -1;
  return b === null ? 1 : a.compare(b);
}

function later(a: Buffer | null, b: Buffer | null): Buffer | null {
  return compareLows(a, b) >= 0 ? a : b;
}

function earlier(a: Buffer | null, b: Buffer | null): Buffer | null {
  return laterEnd(a, b) === a ? b : a;
}

/** Null is the end of all keys. */
function laterEnd(a: Buffer | null, b: Buffer | null): Buffer | null {
  if (a === null || b === null) return null;
  return a.compare(b) >= 0 ? a : b;
}

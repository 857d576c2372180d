/** Rows of a shard's filter tree in one array: nodes, and the text of levels. On its worker thread. */
import { makeTable, reach } from './int-arrays.js';

/** Words of one row: half a cache line, so that none lies across two. */
export const ROW_WORDS = 8;
/** In a free row: the next free one. */
const NEXT_FREE = 0;

/**
 * What is taken together lies together: a device's name and its node are often one cache line, and the same page. Freed
 * rows are used again, for whatever it is.
 */
export class RowTable {
  /** ROW_WORDS per row. Row 0 is the tree's root. */
  readonly words = makeTable();
  private used = 1;
  private firstFree = 0;

  /** The row that `take` returns next. */
  get next(): number {
    return this.firstFree !== 0 ? this.firstFree : this.used;
  }

  /** @returns a row, all 0 */
  take(): number {
    const free = this.firstFree;
    if (free !== 0) {
      const at = free * ROW_WORDS;
      this.firstFree = this.words[at + NEXT_FREE]!;
      for (let i = 0; i < ROW_WORDS; i += 1) this.words[at + i] = 0;
      return free;
    }
    const row = this.used;
    reach(this.words, (row + 1) * ROW_WORDS);
    this.used += 1;
    return row;
  }

  free(row: number): void {
    this.words[row * ROW_WORDS + NEXT_FREE] = this.firstFree;
    this.firstFree = row;
  }
}

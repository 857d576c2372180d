/** Open-addressed table of record numbers, on a shard's worker thread: finds records that lie elsewhere by hash. */

/** Segments by the top bits of the hash. Each grows alone, so no insert moves more than 1/64 of the entries. */
const SEGMENT_BITS = 6;
const SEGMENTS = 1 << SEGMENT_BITS;
const SEGMENT_SHIFT = 32 - SEGMENT_BITS;
const SEGMENT_ENTRIES_MIN = 8;

/**
 * Holds only the records' numbers: the key stays in the record, and the owner of the records compares it while it
 * walks a segment itself (`segmentOf`, then from `hash & mask` onward until `EMPTY`). Four bytes per entry at a
 * load of 3/8 to 3/4.
 */
export abstract class IdTable {
  /** Entries are record number + 1; 0 is empty. Lengths are powers of two. */
  private readonly segments: Int32Array[] = [];
  private readonly counts = new Int32Array(SEGMENTS);

  constructor() {
    for (let i = 0; i < SEGMENTS; i += 1) this.segments.push(new Int32Array(SEGMENT_ENTRIES_MIN));
  }

  /** The hash a record was inserted with. */
  protected abstract hashOf(id: number): number;

  /** Where records of this hash are found: number + 1 per entry, a chain ends with 0. */
  protected segmentOf(hash: number): Int32Array {
    return this.segments[hash >>> SEGMENT_SHIFT]!;
  }

  protected insert(id: number, hash: number): void {
    const which = hash >>> SEGMENT_SHIFT;
    let segment = this.segments[which]!;
    const count = this.counts[which]! + 1;
    if (count * 4 > segment.length * 3) {
      segment = this.doubled(segment);
      this.segments[which] = segment;
    }
    put(segment, id, hash);
    this.counts[which] = count;
  }

  private doubled(segment: Int32Array): Int32Array {
    const larger = new Int32Array(segment.length * 2);
    for (const entry of segment) {
      if (entry !== 0) put(larger, entry - 1, this.hashOf(entry - 1));
    }
    return larger;
  }

  /** Takes out a record that is in the table. */
  protected delete(id: number, hash: number): void {
    const which = hash >>> SEGMENT_SHIFT;
    const segment = this.segments[which]!;
    const mask = segment.length - 1;
    let hole = hash & mask;
    while (segment[hole] !== id + 1) hole = (hole + 1) & mask;
    // Close the gap: every later entry of the chain that may stand in the hole moves into it.
    for (let at = (hole + 1) & mask; segment[at] !== 0; at = (at + 1) & mask) {
      const home = this.hashOf(segment[at]! - 1) & mask;
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        segment[hole] = segment[at]!;
        hole = at;
      }
    }
    segment[hole] = 0;
    this.counts[which] = this.counts[which]! - 1;
  }
}

function put(segment: Int32Array, id: number, hash: number): void {
  const mask = segment.length - 1;
  let at = hash & mask;
  while (segment[at] !== 0) at = (at + 1) & mask;
  segment[at] = id + 1;
}

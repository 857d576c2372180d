/** Open-addressed table of record numbers, on a shard's worker thread: finds records that lie elsewhere by hash. */
import { assert } from '../../src/base/assert.js';

/** Segments by the top bits of the hash. Each grows alone, so no insert moves more than 1/128 of the entries. */
const SEGMENT_BITS = 7;
const SEGMENTS = 1 << SEGMENT_BITS;
const SEGMENT_SHIFT = 32 - SEGMENT_BITS;
const SEGMENT_ENTRIES_MIN = 8;

// An entry is the record's number + 1 in the low bits and six bits of its hash above them, 0 when empty. The tag
// spares 63 of 64 looks at a record that is not the one sought, each of which would be a cache miss.
const TAG_BITS = 6;
const ID_BITS = 32 - TAG_BITS;
const ID_MASK = 2 ** ID_BITS - 1;
const TAG_MASK = ~ID_MASK;

/** @returns the number of the record that an entry may stand for, -1 when the tag says that its hash is another. */
export function candidate(entry: number, hash: number): number {
  return ((entry ^ (hash << TAG_BITS)) & TAG_MASK) === 0 ? (entry & ID_MASK) - 1 : -1;
}

/** @returns the number of the record in an entry, whatever its tag; 0 of an empty one */
export function likelyRecord(entry: number): number {
  const record = (entry & ID_MASK) - 1;
  return record & ~(record >> 31);
}

/**
 * Holds only the records' numbers: the key stays in the record. The owner of the records walks a segment itself,
 * from `hash & mask` onward until 0, and compares the key of each `candidate`. Four bytes per entry at a load of 3/8
 * to 3/4.
 */
export abstract class IdTable {
  /** Lengths are powers of two. */
  private readonly segments: Int32Array[] = [];
  private readonly counts = new Int32Array(SEGMENTS);
  /** What a segment that grows has at least. */
  private entriesMin = SEGMENT_ENTRIES_MIN;

  constructor() {
    for (let i = 0; i < SEGMENTS; i += 1) this.segments.push(new Int32Array(SEGMENT_ENTRIES_MIN));
  }

  /** Bytes of the segments. */
  get segmentBytes(): number {
    let bytes = 0;
    for (const segment of this.segments) bytes += segment.byteLength;
    return bytes;
  }

  /** So many records are coming, about: tables grow to what they need at once, and nothing is moved so often. */
  expect(records: number): void {
    const perSegment = Math.ceil((records / SEGMENTS) * (4 / 3));
    this.entriesMin = Math.max(SEGMENT_ENTRIES_MIN, 2 ** Math.ceil(Math.log2(perSegment)));
  }

  /** The hash a record was inserted with. */
  protected abstract hashOf(id: number): number;

  /** Where records of this hash are found. */
  protected segmentOf(hash: number): Int32Array {
    return this.segments[hash >>> SEGMENT_SHIFT]!;
  }

  protected insert(id: number, hash: number): void {
    assert(id < ID_MASK, 'record numbers have 26 bits');
    const which = hash >>> SEGMENT_SHIFT;
    let segment = this.segments[which]!;
    const count = this.counts[which]! + 1;
    if (count * 4 > segment.length * 3) {
      segment = this.doubled(segment);
      this.segments[which] = segment;
    }
    put(segment, entryOf(id, hash), hash);
    this.counts[which] = count;
  }

  private doubled(segment: Int32Array): Int32Array {
    const larger = new Int32Array(Math.max(segment.length * 2, this.entriesMin));
    for (const entry of segment) {
      if (entry !== 0) put(larger, entry, this.hashOf(idOf(entry)));
    }
    return larger;
  }

  /** Takes out a record that is in the table. */
  protected delete(id: number, hash: number): void {
    const which = hash >>> SEGMENT_SHIFT;
    const segment = this.segments[which]!;
    const mask = segment.length - 1;
    let hole = hash & mask;
    const entry = entryOf(id, hash);
    while (segment[hole] !== entry) hole = (hole + 1) & mask;
    // Close the gap: every later entry of the chain that may stand in the hole moves into it.
    for (let at = (hole + 1) & mask; segment[at] !== 0; at = (at + 1) & mask) {
      const home = this.hashOf(idOf(segment[at]!)) & mask;
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        segment[hole] = segment[at]!;
        hole = at;
      }
    }
    segment[hole] = 0;
    this.counts[which] = this.counts[which]! - 1;
  }
}

function entryOf(id: number, hash: number): number {
  return ((hash << TAG_BITS) & TAG_MASK) | (id + 1);
}

function idOf(entry: number): number {
  return (entry & ID_MASK) - 1;
}

function put(segment: Int32Array, entry: number, hash: number): void {
  const mask = segment.length - 1;
  let at = hash & mask;
  while (segment[at] !== 0) at = (at + 1) & mask;
  segment[at] = entry;
}

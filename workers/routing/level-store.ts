/** The distinct levels of all topic filters of a shard, as bytes, each with a number. On its worker thread. */
import { TOPIC_BYTES_MAX } from '../../src/protocol/topic.js';
import type { ByteHash } from './byte-hash.js';
import { candidate, IdTable } from './id-table.js';
import { ROW_WORDS, type RowTable } from './row-table.js';

// A level lives in a chain of rows, so that freed memory always fits the next level, and a level of up to 24 bytes is
// compared within one row. First row: references, length, 24 bytes of text. Further rows: 32 bytes of text. Where text
// goes on, the last four bytes of a row are the next row's number instead.
const CELL_WORDS = ROW_WORDS;
const CELL_BYTES = CELL_WORDS * 4;
/** How many refer to it; below 0: one, which is -REFERENCES. */
const REFERENCES = 0;
const LENGTH = 1;
const NEXT = CELL_WORDS - 1;
const HEAD_BYTES = 8;
const NEXT_BYTES = 4;

/** Interns levels: equal bytes, equal number. Numbers of levels that nobody refers to are used again. */
export class LevelStore extends IdTable {
  private readonly words: Int32Array;
  private readonly bytes: Uint8Array;
  /** One level's text while its hash is calculated again. */
  private readonly text = new Uint8Array(TOPIC_BYTES_MAX);

  constructor(
    private readonly hash: ByteHash,
    private readonly rows: RowTable,
  ) {
    super();
    this.words = rows.words;
    this.bytes = new Uint8Array(rows.words.buffer);
  }

  protected override hashOf(level: number): number {
    this.read(level, this.text, 0);
    return this.hash.hash(this.text, 0, this.lengthOf(level));
  }

  /** @returns the level's number, -1 when no filter has it. `hash` is ByteHash's over the same bytes. */
  find(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const segment = this.segmentOf(hash);
    const mask = segment.length - 1;
    const words = this.words;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const entry = segment[at]!;
      if (entry === 0) return -1;
      const level = candidate(entry, hash);
      if (level === -1 || words[level * CELL_WORDS + LENGTH] !== end - start) continue;
      if (this.equals(level, bytes, start, end)) return level;
    }
  }

  private equals(level: number, bytes: Uint8Array, start: number, end: number): boolean {
    const stored = this.bytes;
    let cell = level;
    let room = CELL_BYTES - HEAD_BYTES;
    for (let from = start; ; room = CELL_BYTES) {
      const goesOn = end - from > room;
      const stop = goesOn ? from + room - NEXT_BYTES : end;
      for (let at = (cell + 1) * CELL_BYTES - room; from < stop; at += 1, from += 1) {
        if (stored[at] !== bytes[from]) return false;
      }
      if (!goesOn) return true;
      cell = this.words[cell * CELL_WORDS + NEXT]!;
    }
  }

  /** @returns the number of a level that `find` has not found, with one reference */
  add(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const level = this.write(bytes, start, end);
    this.words[level * CELL_WORDS + LENGTH] = end - start;
    this.words[level * CELL_WORDS + REFERENCES] = 1;
    this.insert(level, hash);
    return level;
  }

  /** One more refers to a level. */
  retain(level: number): void {
    const at = level * CELL_WORDS + REFERENCES;
    const references = this.words[at]!;
    this.words[at] = references < 0 ? 2 : references + 1;
  }

  /** Tells who has the only reference to a new level, above 0. */
  setSoleReference(level: number, by: number): void {
    this.words[level * CELL_WORDS + REFERENCES] = -by;
  }

  /** @returns who refers to the level, where it is one alone and always was; else 0 */
  soleReference(level: number): number {
    const references = this.words[level * CELL_WORDS + REFERENCES]!;
    return references < 0 ? -references : 0;
  }

  private write(bytes: Uint8Array, start: number, end: number): number {
    const level = this.rows.take();
    let cell = level;
    let room = CELL_BYTES - HEAD_BYTES;
    for (let from = start; ; room = CELL_BYTES) {
      const goesOn = end - from > room;
      const stop = goesOn ? from + room - NEXT_BYTES : end;
      // A loop, because most are short.
      for (let at = (cell + 1) * CELL_BYTES - room; from < stop; at += 1, from += 1)
        this.bytes[at] = bytes[from]!;
      if (!goesOn) return level;
      const next = this.rows.take();
      this.words[cell * CELL_WORDS + NEXT] = next;
      cell = next;
    }
  }

  /** Gives back one reference; the last one forgets the level. */
  release(level: number): void {
    const head = level * CELL_WORDS;
    const references = this.words[head + REFERENCES]!;
    if (references > 1) {
      this.words[head + REFERENCES] = references - 1;
      return;
    }
    this.delete(level, this.hashOf(level));
    let cell = level;
    let left = this.words[head + LENGTH]!;
    for (let room = CELL_BYTES - HEAD_BYTES; left > room; room = CELL_BYTES) {
      left -= room - NEXT_BYTES;
      const next = this.words[cell * CELL_WORDS + NEXT]!;
      this.rows.free(cell);
      cell = next;
    }
    this.rows.free(cell);
  }

  /** Bytes of the level's text. */
  lengthOf(level: number): number {
    return this.words[level * CELL_WORDS + LENGTH]!;
  }

  /** Writes the level's text to `out` at `to`. */
  read(level: number, out: Uint8Array, to: number): void {
    let cell = level;
    let left = this.lengthOf(level);
    for (let room = CELL_BYTES - HEAD_BYTES; ; room = CELL_BYTES) {
      const goesOn = left > room;
      const count = goesOn ? room - NEXT_BYTES : left;
      const from = (cell + 1) * CELL_BYTES - room;
      for (let i = 0; i < count; i += 1) out[to + i] = this.bytes[from + i]!;
      if (!goesOn) return;
      to += count;
      left -= count;
      cell = this.words[cell * CELL_WORDS + NEXT]!;
    }
  }
}

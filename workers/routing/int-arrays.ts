/// <reference lib="es2024.arraybuffer" />
/** Growing arrays of 32-bit integers, for one shard's worker thread. */
import { ROUTING_TABLE_BYTES_MAX } from '../../src/limits.js';

/** By how much a table grows at least, in bytes and as a part of what it has. */
const TABLE_STEP_BYTES = 4096;
const TABLE_STEP_SHARE = 1 / 8;

/**
 * A table that grows where it lies, for what may hold millions of rows: only addresses are reserved, so growing
 * copies nothing and never holds the loop (copying 32 MB took 35 ms), and nothing is allocated ahead. The array
 * stays the same object; its length follows. All words are 0 at first.
 */
export function makeTable(): Int32Array<ArrayBuffer> {
  return new Int32Array(new ArrayBuffer(TABLE_STEP_BYTES, { maxByteLength: ROUTING_TABLE_BYTES_MAX }));
}

/**
 * Makes a table hold at least `length` words.
 * @throws RangeError beyond ROUTING_TABLE_BYTES_MAX; the table is as before then
 */
export function reach(table: Int32Array<ArrayBuffer>, length: number): void {
  if (length <= table.length) return;
  const bytes = Math.max(length * 4, Math.floor(table.length * 4 * (1 + TABLE_STEP_SHARE)));
  const stepped = Math.ceil(bytes / TABLE_STEP_BYTES) * TABLE_STEP_BYTES;
  table.buffer.resize(Math.max(length * 4, Math.min(stepped, ROUTING_TABLE_BYTES_MAX)));
}

/** A list of 32-bit integers that keeps its memory between uses. */
export class IntVector {
  /** Valid below `length`; replaced when it grows. */
  items: Int32Array;
  length = 0;

  constructor(capacity = 16) {
    this.items = new Int32Array(capacity);
  }

  push(value: number): void {
    if (this.length === this.items.length) this.grow();
    this.items[this.length] = value;
    this.length += 1;
  }

  private grow(): void {
    const larger = new Int32Array(this.items.length * 2);
    larger.set(this.items);
    this.items = larger;
  }
}

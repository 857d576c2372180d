/** Growing arrays of 32-bit integers, for one shard's worker thread. */

/** @returns `array` itself when it holds `length` elements, else a copy at least twice as long. */
export function grown(array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  if (length <= array.length) return array;
  // Pages that nobody has written yet cost no memory, so doubling wastes addresses only.
  const larger = new Int32Array(Math.max(length, array.length * 2));
  larger.set(array);
  return larger;
}

/** A list of 32-bit integers that keeps its memory between uses. */
export class IntVector {
  /** Valid below `length`; replaced when it grows. */
  items: Int32Array<ArrayBuffer>;
  length = 0;

  constructor(capacity = 16) {
    this.items = new Int32Array(capacity);
  }

  push(value: number): void {
    if (this.length === this.items.length) this.items = grown(this.items, this.length + 1);
    this.items[this.length] = value;
    this.length += 1;
  }
}

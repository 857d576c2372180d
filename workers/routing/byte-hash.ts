/** The keyed hash of topic and level bytes. One per shard, on its worker thread. */
import { TOPIC_BYTES_MAX } from '../../src/protocol/topic.js';

/** Spreads every input bit over all 32: a bijection, so it adds no collision of its own. */
export function mixBits(value: number): number {
  value = Math.imul(value ^ (value >>> 16), 0x7feb352d);
  value = Math.imul(value ^ (value >>> 15), 0x846ca68b);
  return value ^ (value >>> 16);
}

/**
 * Each byte times the secret word of its position, summed up. For any two texts chosen without knowing the words
 * the chance of a collision is below 2^-24, which is what stands against floods of colliding topics; and unlike in
 * a chained hash the multiplications do not wait for one another.
 */
export class ByteHash {
  /** Secret words by position within the text; the last one belongs to its length. */
  readonly words = new Int32Array(TOPIC_BYTES_MAX + 1);

  constructor(seed: number) {
    let state = seed | 0;
    for (let i = 0; i < this.words.length; i += 1) {
      state = (state + 0x9e3779b9) | 0;
      this.words[i] = mixBits(mixBits(state) ^ seed) | 1;
    }
  }

  /** @returns 32 bits of `bytes[start, end)`, at most TOPIC_BYTES_MAX long. */
  hash(bytes: Uint8Array, start: number, end: number): number {
    const words = this.words;
    let sum = 0;
    for (let at = start, i = 0; at < end; at += 1, i += 1) {
      sum = (sum + Math.imul(words[i]!, bytes[at]!)) | 0;
    }
    return this.finish(sum, end - start);
  }

  /** For who sums up on the way: `sum` as above over `length` bytes. */
  finish(sum: number, length: number): number {
    return mixBits((sum + Math.imul(this.words[TOPIC_BYTES_MAX]!, length)) | 0);
  }
}

/**
 * Keys in order, each with a weight, of which one can ask how many lie below a key, and how much they weigh. Runs on
 * the shard's thread.
 */
import { SORTED_BLOCK_KEYS_MAX } from '../../src/limits.js';

/** Neighbours that together have no more keys than this become one block. */
const MERGED_KEYS_MAX = SORTED_BLOCK_KEYS_MAX / 2;

/** Keys of a block that is filled at once: some come, some go. */
const FILLED_BLOCK_KEYS = (SORTED_BLOCK_KEYS_MAX * 3) / 4;

class Block {
  /** Sum of `weights`. */
  weight = 0;

  constructor(
    readonly keys: string[],
    readonly weights: number[],
  ) {
    for (const weight of weights) this.weight += weight;
  }
}

/** Keys of a range at even distances, the first of them always, with what lies below each. */
export interface Marks {
  readonly keys: string[];
  /** By mark: keys below it, of the whole set. */
  readonly counts: number[];
  /** By mark: weight of the keys below it. */
  readonly weightsBelow: number[];
  /** By mark: its own weight. */
  readonly weights: number[];
  /** They are all keys of the range. */
  readonly isComplete: boolean;
}

/**
 * Blocks of sorted keys: a change searches the blocks, then one block, and moves a part of that block. What lies below
 * a key is summed up block by block, which is a few microseconds for a million keys.
 */
export class SortedKeys {
  /** Number of keys. */
  size = 0;
  /** Sum of all weights. */
  weight = 0;
  private readonly blocks: Block[] = [];

  /** Adds a key that is not there. @returns false, and changes nothing, when it is */
  add(key: string, weight: number): boolean {
    if (this.blocks.length === 0) this.blocks.push(new Block([], []));
    const index = this.blockOf(key);
    const block = this.blocks[index]!;
    const at = lowerBound(block.keys, key);
    if (block.keys[at] === key) return false;
    block.keys.splice(at, 0, key);
    block.weights.splice(at, 0, weight);
    block.weight += weight;
    this.size += 1;
    this.weight += weight;
    if (block.keys.length > SORTED_BLOCK_KEYS_MAX) this.split(index);
    return true;
  }

  /** Puts all `keys` in, which are in order and each there once, where nothing is yet. */
  fill(keys: readonly string[], weightOf: (key: string) => number): void {
    for (let at = 0; at < keys.length; at += FILLED_BLOCK_KEYS) {
      const part = keys.slice(at, at + FILLED_BLOCK_KEYS);
      const block = new Block(part, part.map(weightOf));
      this.blocks.push(block);
      this.size += part.length;
      this.weight += block.weight;
    }
  }

  /** @returns false when there is no such key */
  remove(key: string): boolean {
    const index = this.blockOf(key);
    const block = this.blocks[index];
    if (block === undefined) return false;
    const at = lowerBound(block.keys, key);
    if (block.keys[at] !== key) return false;
    const weight = block.weights[at]!;
    block.keys.splice(at, 1);
    block.weights.splice(at, 1);
    block.weight -= weight;
    this.size -= 1;
    this.weight -= weight;
    this.merge(index);
    return true;
  }

  has(key: string): boolean {
    const block = this.blocks[this.blockOf(key)];
    return block !== undefined && block.keys[lowerBound(block.keys, key)] === key;
  }

  /** Changes the weight of a key that is there. */
  addWeight(key: string, change: number): void {
    const block = this.blocks[this.blockOf(key)];
    if (block === undefined) return;
    const at = lowerBound(block.keys, key);
    if (block.keys[at] !== key) return;
    block.weights[at]! += change;
    block.weight += change;
    this.weight += change;
  }

  /** @returns how many keys are below this one, which need not be there */
  countBelow(key: string): number {
    const last = this.blockOf(key);
    let count = 0;
    for (let i = 0; i < last; i += 1) count += this.blocks[i]!.keys.length;
    const block = this.blocks[last];
    return block === undefined ? 0 : count + lowerBound(block.keys, key);
  }

  /** @returns what the keys below this one weigh together */
  weightBelow(key: string): number {
    const last = this.blockOf(key);
    let weight = 0;
    for (let i = 0; i < last; i += 1) weight += this.blocks[i]!.weight;
    const block = this.blocks[last];
    if (block === undefined) return 0;
    const end = lowerBound(block.keys, key);
    for (let at = 0; at < end; at += 1) weight += block.weights[at]!;
    return weight;
  }

  /** @returns up to `max` keys from this one on (null: from the first), with `isHeavy` only those that weigh anything */
  keysFrom(key: string | null, max: number, isHeavy: boolean): string[] {
    const found: string[] = [];
    const first = key === null ? 0 : this.blockOf(key);
    for (let i = first; i < this.blocks.length && found.length < max; i += 1) {
      const { keys, weights, weight } = this.blocks[i]!;
      if (isHeavy && weight === 0) continue;
      let at = key !== null && i === first ? lowerBound(keys, key) : 0;
      for (; at < keys.length && found.length < max; at += 1) {
        if (!isHeavy || weights[at]! > 0) found.push(keys[at]!);
      }
    }
    return found;
  }

  /** @returns up to `max` marks of the keys from `from` (null: the first) to before `to` (null: to the last) */
  marks(from: string | null, to: string | null, max: number): Marks {
    const start = from === null ? 0 : this.countBelow(from);
    const end = to === null ? this.size : this.countBelow(to);
    const length = Math.max(0, end - start);
    const count = Math.min(max, length);
    const marks: Marks = { keys: [], counts: [], weightsBelow: [], weights: [], isComplete: length <= max };
    let block = 0;
    let keysBefore = 0;
    let weightBefore = 0;
    let at = 0;
    for (let i = 0; i < count; i += 1) {
      const position = start + Math.floor((i * length) / count);
      for (; position >= keysBefore + this.blocks[block]!.keys.length; block += 1) {
        const { keys, weights } = this.blocks[block]!;
        for (; at < keys.length; at += 1) weightBefore += weights[at]!;
        keysBefore += keys.length;
        at = 0;
      }
      const { keys, weights } = this.blocks[block]!;
      for (; at < position - keysBefore; at += 1) weightBefore += weights[at]!;
      marks.keys.push(keys[at]!);
      marks.counts.push(position);
      marks.weightsBelow.push(weightBefore);
      marks.weights.push(weights[at]!);
    }
    return marks;
  }

  /** @returns the last block whose first key is not above `key`, else the first block */
  private blockOf(key: string): number {
    let low = 0;
    let high = this.blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.blocks[middle]!.keys[0]! <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  private split(index: number): void {
    const { keys, weights } = this.blocks[index]!;
    const half = keys.length >>> 1;
    const parts = [
      new Block(keys.slice(0, half), weights.slice(0, half)),
      new Block(keys.slice(half), weights.slice(half)),
    ];
    this.blocks.splice(index, 1, ...parts);
  }

  /** Joins a block that has shrunk with the one behind it, or drops it when it is empty. */
  private merge(index: number): void {
    const { keys, weights } = this.blocks[index]!;
    if (keys.length === 0) {
      this.blocks.splice(index, 1);
      return;
    }
    const next = this.blocks[index + 1];
    if (next === undefined || keys.length + next.keys.length > MERGED_KEYS_MAX) return;
    this.blocks.splice(index, 2, new Block(keys.concat(next.keys), weights.concat(next.weights)));
  }
}

/** @returns the place of the first key that is not below `key` */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

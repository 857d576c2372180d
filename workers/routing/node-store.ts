/** The nodes of a shard's filter tree and the edges between them. On its worker thread. */
import { NARROW_CHILDREN_MAX } from '../../src/limits.js';
import { mixBits } from './byte-hash.js';
import { candidate, IdTable, likelyRecord } from './id-table.js';
import type { IntVector } from './int-arrays.js';
import type { LevelStore } from './level-store.js';
import { ROW_WORDS, type RowTable } from './row-table.js';

/** Words of one node. Fields that hold "number + 1" are 0 for none. */
export const NODE_WORDS = ROW_WORDS;
export const PARENT = 0;
/** The level that leads here from the parent, LEVEL_PLUS for `+`. */
export const LEVEL = 1;
/** Filter that ends here, + 1. */
export const FILTER = 2;
/** Filter that ends here with one more level `#`, + 1. It needs no node of its own. */
export const HASH_FILTER = 3;
/** The child for `+`; the root is nobody's child, so 0 is none. */
export const PLUS_CHILD = 4;
/**
 * Children by level, without the one for `+`: the first of a chain of few; of a node that has had more than
 * NARROW_CHILDREN_MAX, their number below 0. Where CHILD_BITS says that there are none, ANSWER.
 */
const CHILDREN = 5;
/** Where one filter ends and no child by level goes on: what is known of that filter, above 0, else 0. */
export const ANSWER = CHILDREN;
/** The next in the parent's chain; 0 at its end. */
const NEXT = 6;
/**
 * A bit for each of the children's levels, 0 when there are none. Several may have the same: still most who ask for a
 * child that is not there see it here.
 */
export const CHILD_BITS = 7;

/** Stands where a level's number stands otherwise. */
export const LEVEL_PLUS = -1;
export const ROOT = 0;

/**
 * Most nodes have few children, which often come one after the other and so lie together: a chain finds them without
 * the cache miss that every edge in a table is. Edges of all nodes with many are in one table, but for those whose
 * level leads from one node only: `FilterTree` finds these by their level.
 */
export class NodeStore extends IdTable {
  /** NODE_WORDS per node. */
  readonly words: Int32Array;
  /** Secret odd factors: without them nobody can choose edges that collide. */
  private readonly parentFactor: number;
  private readonly levelFactor: number;

  constructor(
    hashSeed: number,
    private readonly rows: RowTable,
    private readonly levels: LevelStore,
  ) {
    super();
    this.words = rows.words;
    this.parentFactor = mixBits(hashSeed ^ 0x51ed270b) | 1;
    this.levelFactor = mixBits(hashSeed ^ 0x2545f491) | 1;
  }

  /** The bit of CHILD_BITS that a child by this level has set. */
  childBit(level: number): number {
    return 1 << (Math.imul(level, this.levelFactor) >>> 27);
  }

  private edgeHash(parent: number, level: number): number {
    return mixBits((Math.imul(parent, this.parentFactor) + Math.imul(level, this.levelFactor)) | 0);
  }

  protected override hashOf(node: number): number {
    const at = node * NODE_WORDS;
    return this.edgeHash(this.words[at + PARENT]!, this.words[at + LEVEL]!);
  }

  /** @returns the child of `parent` by `level` (not LEVEL_PLUS), 0 when there is none. */
  childOf(parent: number, level: number): number {
    const words = this.words;
    if ((words[parent * NODE_WORDS + CHILD_BITS]! & this.childBit(level)) === 0) return 0;
    let node = words[parent * NODE_WORDS + CHILDREN]!;
    if (node < 0) return this.wideChildOf(parent, level);
    while (node !== 0 && words[node * NODE_WORDS + LEVEL] !== level) node = words[node * NODE_WORDS + NEXT]!;
    return node;
  }

  private wideChildOf(parent: number, level: number): number {
    const hash = this.edgeHash(parent, level);
    const segment = this.segmentOf(hash);
    const mask = segment.length - 1;
    const words = this.words;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const entry = segment[at]!;
      if (entry === 0) return 0;
      const node = candidate(entry, hash);
      if (node === -1) continue;
      if (words[node * NODE_WORDS + PARENT] === parent && words[node * NODE_WORDS + LEVEL] === level)
        return node;
    }
  }

  /**
   * Loads what `childOf` will look at, for all these nodes: without branches in between the processor waits for all of
   * it at once. @returns a number that means nothing, but which cannot be had without loading
   */
  load(parents: IntVector, level: number): number {
    const { words } = this;
    let sum = 0;
    for (let i = 0; i < parents.length; i += 1) {
      const parent = parents.items[i]!;
      const hash = this.edgeHash(parent, level);
      const segment = this.segmentOf(hash);
      const likely = likelyRecord(segment[hash & (segment.length - 1)]!);
      sum ^= words[likely * NODE_WORDS]! ^ words[words[parent * NODE_WORDS + PLUS_CHILD]! * NODE_WORDS]!;
    }
    return sum;
  }

  /** Makes the child of `parent` by `level`, which must not exist. */
  addChild(parent: number, level: number): number {
    const node = this.rows.take();
    const at = node * NODE_WORDS;
    this.words[at + PARENT] = parent;
    this.words[at + LEVEL] = level;
    if (level === LEVEL_PLUS) this.words[parent * NODE_WORDS + PLUS_CHILD] = node;
    else this.link(node, parent, level);
    return node;
  }

  private link(node: number, parent: number, level: number): void {
    const words = this.words;
    const field = parent * NODE_WORDS + CHILDREN;
    const bits = words[parent * NODE_WORDS + CHILD_BITS]!;
    const first = bits === 0 ? 0 : words[field]!;
    words[parent * NODE_WORDS + CHILD_BITS] = bits | this.childBit(level);
    if (first >= 0 && this.chainLength(first) < NARROW_CHILDREN_MAX) {
      words[node * NODE_WORDS + NEXT] = first;
      words[field] = node;
      return;
    }
    if (first >= 0) this.widen(parent, first);
    words[field]! -= 1;
    if (this.levels.soleReference(level) === 0) this.insert(node, this.edgeHash(parent, level));
  }

  /** The level of a node led from one node only so far, and will lead from others too. */
  makeCommon(node: number): void {
    const at = node * NODE_WORDS;
    const parent = this.words[at + PARENT]!;
    if (this.words[parent * NODE_WORDS + CHILDREN]! < 0) this.insert(node, this.hashOf(node));
  }

  private chainLength(first: number): number {
    let length = 0;
    for (let node = first; node !== 0; node = this.words[node * NODE_WORDS + NEXT]!) length += 1;
    return length;
  }

  // Moves the chain's edges into the table. It stays so until there is none.
  private widen(parent: number, first: number): void {
    let count = 0;
    for (let node = first; node !== 0; node = this.words[node * NODE_WORDS + NEXT]!) {
      if (this.levels.soleReference(this.words[node * NODE_WORDS + LEVEL]!) === 0) {
        this.insert(node, this.hashOf(node));
      }
      count += 1;
    }
    this.words[parent * NODE_WORDS + CHILDREN] = -count;
  }

  /** Nothing ends here and nothing goes on from here. */
  isUnused(node: number): boolean {
    const at = node * NODE_WORDS;
    const words = this.words;
    return (
      (words[at + FILTER]! | words[at + HASH_FILTER]! | words[at + PLUS_CHILD]! | words[at + CHILD_BITS]!) ===
      0
    );
  }

  /** Removes an unused node other than the root. */
  removeChild(node: number): void {
    const at = node * NODE_WORDS;
    const parent = this.words[at + PARENT]!;
    const level = this.words[at + LEVEL]!;
    if (level === LEVEL_PLUS) this.words[parent * NODE_WORDS + PLUS_CHILD] = 0;
    else this.unlink(node, parent, level);
    this.rows.free(node);
  }

  private unlink(node: number, parent: number, level: number): void {
    const words = this.words;
    const children = parent * NODE_WORDS + CHILDREN;
    if (words[children]! < 0) {
      words[children]! += 1;
      if (this.levels.soleReference(level) === 0) this.delete(node, this.edgeHash(parent, level));
    } else {
      let field = children;
      while (words[field] !== node) field = words[field]! * NODE_WORDS + NEXT;
      words[field] = words[node * NODE_WORDS + NEXT]!;
    }
    // Which of its bits others have too could only be told by looking at all.
    if (words[children] === 0) words[parent * NODE_WORDS + CHILD_BITS] = 0;
  }
}

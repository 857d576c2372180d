/**
 * Walks the trees of an lmdb file and says what is wrong with their pages. One that is strict throws at the first thing
 * that is wrong; a tolerant one goes on with what can be read, and says which keys are lost. On shards and on main.
 */
import { ALL_KEYS, type KeyRange } from './key-ranges.js';
import {
  BRANCH,
  Damage,
  IS_BIG,
  IS_TREE,
  KIND_MASK,
  LEAF,
  NO_PAGE,
  NODE_HEADER_BYTES,
  OVERFLOW,
  PAGE_HEADER_BYTES,
  type PageFile,
  readPageNumber,
  type Tree,
} from './page-file.js';

/** As deep as lmdb goes. */
const DEPTH_MAX = 32;
/** Page number, transaction, number of pages: where a value lies that has pages of its own. */
const BIG_VALUE_BYTES = 24;

/** One row in a leaf, valid during the call. */
export interface LeafNode {
  readonly page: Buffer;
  readonly flags: number;
  readonly keyAt: number;
  readonly keyBytes: number;
  /** Where the value lies in `page`, or in pages of its own from `valuePage` on. */
  readonly valueAt: number;
  readonly valueBytes: number;
  /** NO_PAGE: in `page`. */
  readonly valuePage: number;
}

type MutableNode = { -readonly [Key in keyof LeafNode]: LeafNode[Key] };

export interface Visitor {
  /** Keys of `range` are lost, for `reason`. A strict walk throws instead. */
  lost(range: KeyRange, reason: string): void;
  /** Null: nobody wants to see the rows. */
  readonly row: ((node: LeafNode) => void) | null;
}

export type CompareKeys = (
  page: Buffer,
  at: number,
  end: number,
  other: Buffer,
  from: number,
  to: number,
) => number;

// A start compares millions of neighbours, which differ early: a loop is faster than to call `Buffer.compare`.
export const compareBytes: CompareKeys = (page, at, end, other, from, to) => {
  const bytes = Math.min(end - at, to - from);
  for (let i = 0; i < bytes; i++) {
    const difference = page[at + i]! - other[from + i]!;
    if (difference !== 0) return difference;
  }
  return end - at - (to - from);
};

/** Keys of the free list. */
export const compareNumbers: CompareKeys = (page, at, end, other, from, to) => {
  if (end - at !== 8 || to - from !== 8) return -1;
  const a = page.readBigUInt64LE(at);
  const b = other.readBigUInt64LE(from);
  return a < b ? -1 : Number(a > b);
};

export class TreeWalk {
  /** A bit per page that is in use by what has been walked. */
  readonly seen: Uint8Array;
  private tree!: Tree;
  private name = '';
  private visitor!: Visitor;
  private compare = compareBytes;
  private readonly node: MutableNode = {
    page: Buffer.alloc(0),
    flags: 0,
    keyAt: 0,
    keyBytes: 0,
    valueAt: 0,
    valueBytes: 0,
    valuePage: NO_PAGE,
  };

  /** @param newest pages of later transactions do not belong to what is walked */
  constructor(
    private readonly file: PageFile,
    private readonly newest: number,
    private readonly isStrict: boolean,
  ) {
    this.seen = new Uint8Array((file.pages >> 3) + 1);
  }

  /** Visits what can be read. @throws Damage when it is strict */
  walk(name: string, tree: Tree, visitor: Visitor, compare = compareBytes): void {
    this.name = name;
    this.tree = tree;
    this.visitor = visitor;
    this.compare = compare;
    if (tree.root === NO_PAGE) {
      if (tree.depth !== 0 || tree.entries !== 0) this.lose(ALL_KEYS, 'has lost its root');
    } else if (tree.depth < 1 || tree.depth > DEPTH_MAX) this.lose(ALL_KEYS, 'has a wrong depth');
    else this.visit(tree.root, 1, ALL_KEYS, ALL_KEYS);
  }

  isSeen(page: number): boolean {
    return (this.seen[page >> 3]! & (1 << (page & 7))) !== 0;
  }

  /** @returns false when it is in use already, or not in the file */
  take(first: number, count: number): boolean {
    if (first < 2 || first + count > this.file.pages) return false;
    for (let page = first; page < first + count; page++) if (this.isSeen(page)) return false;
    for (let page = first; page < first + count; page++) this.seen[page >> 3]! |= 1 << (page & 7);
    return true;
  }

  private lose(range: KeyRange, reason: string): void {
    const text = `table ${this.name} ${reason}`;
    if (this.isStrict) throw new Damage(text);
    // What holds the bounds is read over.
    const { low, high } = range;
    this.visitor.lost({ low: low && Buffer.from(low), high: high && Buffer.from(high) }, text);
  }

  /**
   * @param range where the keys of the page have to be
   * @param place where they probably are; narrower where the walk is tolerant and does not trust what is on the way
   */
  private visit(number: number, level: number, range: KeyRange, place: KeyRange): void {
    const page = this.take(number, 1) ? this.file.page(number, level) : null;
    const reason = page === null ? 'points where nothing is' : this.wrongHeader(page, number, level);
    if (page === null || reason !== null) {
      this.lose(place, `is damaged: page ${number} ${reason}`);
      return;
    }
    if (level < this.tree.depth) this.visitBranch(page, number, level, range);
    else this.visitLeaf(page, number, range, place);
  }

  private wrongHeader(page: Buffer, number: number, level: number): string | null {
    if (readPageNumber(page, 0) !== number) return 'has another number';
    if (Number(page.readBigUInt64LE(8)) > this.newest) return 'is of a later transaction';
    const expected = level < this.tree.depth ? BRANCH : LEAF;
    // The upper bits are lmdb's own while it writes; one that is set here would confuse it.
    const kind = page.readUInt16LE(18);
    if ((this.isStrict ? kind : kind & KIND_MASK) !== expected) return 'is of another kind';
    const room = page.length - PAGE_HEADER_BYTES;
    const lower = page.readUInt16LE(20);
    const upper = page.readUInt16LE(22);
    if (lower === 0 || lower % 2 === 1 || lower > room) return 'has no nodes';
    if (this.isStrict && (lower > upper || upper > room)) return 'has wrong bounds';
    // Only the free list may be left so for a while.
    const isThin = expected === BRANCH && lower < 4 && this.compare === compareBytes;
    return this.isStrict && isThin ? 'has too few nodes' : null;
  }

  private visitBranch(page: Buffer, number: number, level: number, range: KeyRange): void {
    const count = page.readUInt16LE(20) >> 1;
    let usedBytes = 0;
    let { low } = range;
    let isLowKnown = true;
    for (let i = 0; i < count; i++) {
      const isLast = i + 1 === count;
      const high = isLast ? range.high : this.separator(page, i + 1);
      const isHighKnown = isLast || high !== null;
      const isRight = isLowKnown && isHighKnown && this.isRising(low, high);
      const place = isRight ? { low, high } : range;
      const at = this.nodeAt(page, i);
      if (at < 0 || (this.isStrict && !isRight)) {
        this.lose(place, `is damaged: page ${number} has a wrong node`);
      } else {
        const child = page.readUInt16LE(at + 4) * 2 ** 32 + page.readUInt32LE(at);
        usedBytes += evenBytes(NODE_HEADER_BYTES + page.readUInt16LE(at + 6));
        this.visit(child, level + 1, this.isStrict ? place : range, place);
      }
      low = high;
      isLowKnown = isHighKnown;
    }
    this.checkRoom(page, number, usedBytes, range);
  }

  private isRising(low: Buffer | null, high: Buffer | null): boolean {
    return low === null || high === null || this.compare(low, 0, low.length, high, 0, high.length) < 0;
  }

  /** @returns the first key of a child; null: it cannot be read */
  private separator(page: Buffer, index: number): Buffer | null {
    const at = this.nodeAt(page, index);
    if (at < 0) return null;
    const keyAt = at + NODE_HEADER_BYTES;
    const end = keyAt + page.readUInt16LE(at + 6);
    return end > page.length ? null : page.subarray(keyAt, end);
  }

  private visitLeaf(page: Buffer, number: number, range: KeyRange, place: KeyRange): void {
    const count = page.readUInt16LE(20) >> 1;
    const { node, visitor } = this;
    node.page = page;
    let usedBytes = 0;
    let beforeAt = -1;
    let beforeEnd = -1;
    let isSound = true;
    for (let i = 0; i < count; i++) {
      const end = this.readNode(page, i);
      const { keyAt, keyBytes } = node;
      const keyEnd = keyAt + keyBytes;
      const isLast = i + 1 === count;
      if (end < 0 || !this.isPlaced(page, keyAt, keyEnd, beforeAt, beforeEnd, range, isLast)) {
        if (this.isStrict) this.lose(range, `is damaged: page ${number} has a wrong node`);
        isSound = false;
        continue;
      }
      usedBytes += evenBytes(end - keyAt + NODE_HEADER_BYTES);
      beforeAt = keyAt;
      beforeEnd = keyEnd;
      visitor.row?.(node);
    }
    if (isSound) this.checkRoom(page, number, usedBytes, range);
    else this.lose(place, `is damaged: page ${number} has a wrong node`);
  }

  private isPlaced(
    page: Buffer,
    at: number,
    end: number,
    beforeAt: number,
    beforeEnd: number,
    { low, high }: KeyRange,
    isLast: boolean,
  ): boolean {
    if (beforeAt >= 0 && this.isStrict) {
      if (this.compare(page, at, end, page, beforeAt, beforeEnd) <= 0) return false;
      // The last one speaks for those before it.
      if (!isLast) return true;
    } else if (low !== null && this.compare(page, at, end, low, 0, low.length) < 0) return false;
    return high === null || this.compare(page, at, end, high, 0, high.length) < 0;
  }

  /** Reads a row into `node`. @returns where it ends; negative: it is wrong */
  private readNode(page: Buffer, index: number): number {
    const at = this.nodeAt(page, index);
    if (at < 0) return -1;
    const { node } = this;
    node.valueBytes = page.readUInt32LE(at);
    node.flags = page.readUInt16LE(at + 4);
    node.keyBytes = page.readUInt16LE(at + 6);
    node.keyAt = at + NODE_HEADER_BYTES;
    node.valueAt = node.keyAt + node.keyBytes;
    node.valuePage = NO_PAGE;
    const isBig = node.flags === IS_BIG;
    const end = node.valueAt + (isBig ? BIG_VALUE_BYTES : node.valueBytes);
    if (node.keyBytes === 0 || node.keyBytes > page.length >> 1 || end > page.length) return -1;
    if (isBig) return this.readBig(page) ? end : -1;
    return node.flags === 0 || node.flags === IS_TREE ? end : -1;
  }

  private readBig(page: Buffer): boolean {
    const { node, file } = this;
    const needed = Math.ceil((PAGE_HEADER_BYTES + node.valueBytes) / file.pageBytes);
    const number = readPageNumber(page, node.valueAt);
    // A value that was written over a larger one of the same transaction has kept its pages.
    const count = this.isStrict ? readPageNumber(page, node.valueAt + 16) : needed;
    if (count < needed || !this.take(number, count)) return false;
    node.valuePage = number;
    if (!this.isStrict) return true;
    const head = file.read(number * file.pageBytes, PAGE_HEADER_BYTES);
    return (
      head !== null &&
      readPageNumber(head, 0) === number &&
      // lmdb would look for one of a later transaction among those that it is writing, and refuse the commit.
      Number(head.readBigUInt64LE(8)) <= this.newest &&
      head.readUInt16LE(18) === OVERFLOW &&
      head.readUInt32LE(20) === count
    );
  }

  /** @returns where a node begins; negative: nowhere */
  private nodeAt(page: Buffer, index: number): number {
    const offset = page.readUInt16LE(PAGE_HEADER_BYTES + 2 * index);
    const at = PAGE_HEADER_BYTES + offset;
    const isRight =
      offset % 2 === 0 && offset >= page.readUInt16LE(20) && at + NODE_HEADER_BYTES <= page.length;
    if (!isRight || (this.isStrict && offset < page.readUInt16LE(22))) return -1;
    return at;
  }

  // Nodes lie one beside the other: those that lie over each other would be more than there is room for.
  private checkRoom(page: Buffer, number: number, usedBytes: number, range: KeyRange): void {
    if (!this.isStrict) return;
    if (page.readUInt16LE(22) + usedBytes !== page.length - PAGE_HEADER_BYTES) {
      this.lose(range, `is damaged: page ${number} has nodes that lie over each other`);
    }
  }
}

function evenBytes(bytes: number): number {
  return bytes + (bytes & 1);
}

/** Tree of the topics that have a retained message, a node per level. Lives in one retained store, in its shard. */
import type { Message } from '../../src/protocol/message.js';
import { TextArena } from './text-arena.js';

/** Parent of the topics' first levels. It is nobody's child, and so its number also means "none". */
export const ROOT = 0;

// A node is eight numbers in a page of typed memory. Pages, because one growing array would be copied as a whole, and
// hold the loop, each time it doubles.
const PAGE_BITS = 12;
const PAGE_MASK = (1 << PAGE_BITS) - 1;
const STRIDE_BITS = 3;
const PARENT = 0;
const FIRST_CHILD = 1;
const NEXT = 2;
const PREVIOUS = 3;
const HASH = 4;
const TEXT = 5;
const TEXT_BYTES = 6;
const PINS = 7;

// Children are found by a hash of parent and text, in many small tables instead of one: each grows by itself, so that
// no insertion waits for all nodes to be put in anew.
const TABLE_BITS = 8;
const TABLE_SLOTS_MIN = 8;

/**
 * New nodes become the first child of their parent: whoever walks along siblings meets each that was there when it
 * came, and none that was added since. A pinned node stays, with all above it, even when it has nothing left to hold.
 */
export class TopicTree {
  /** Nodes in use, without the root. */
  size = 0;
  /** Above the number of every node in use. */
  end = 1;

  private readonly seed: number;
  private readonly multiplier: number;
  private readonly texts = new TextArena();
  private pages: Int32Array[] = [];
  private messages: (Message | null)[][] = [];
  private tables: Int32Array[] = [];
  private readonly tableSizes = new Int32Array(1 << TABLE_BITS);
  /** List of free nodes by NEXT. */
  private freeFirst = ROOT;

  /** `hashSeed`: any secret 32 bits, so that nobody can choose topics that collide. */
  constructor(hashSeed: number) {
    this.seed = Math.imul(hashSeed ^ 0x7f4a7c15, 0x9e3779b1);
    this.multiplier = Math.imul(hashSeed ^ 0x2545f491, 0x85ebca6b) | 1;
    this.clear();
  }

  messageAt(node: number): Message | null {
    return this.messages[node >>> PAGE_BITS]![node & PAGE_MASK]!;
  }

  setMessage(node: number, message: Message | null): void {
    this.messages[node >>> PAGE_BITS]![node & PAGE_MASK] = message;
  }

  parentOf(node: number): number {
    return this.field(node, PARENT);
  }

  /** ROOT: none. */
  firstChildOf(node: number): number {
    return this.field(node, FIRST_CHILD);
  }

  /** The next of the same parent's children; ROOT: none. */
  nextOf(node: number): number {
    return this.field(node, NEXT);
  }

  isDollar(node: number): boolean {
    return this.field(node, TEXT_BYTES) > 0 && this.texts.firstByte(this.field(node, TEXT) >>> 0) === 0x24;
  }

  /** @returns the child whose level is `bytes[start, end)`; ROOT: none. */
  child(parent: number, bytes: Uint8Array, start: number, end: number): number {
    return this.find(parent, this.hash(parent, bytes, start, end), bytes, start, end);
  }

  /** As `child`, and makes it where there is none. */
  grow(parent: number, bytes: Uint8Array, start: number, end: number): number {
    const hash = this.hash(parent, bytes, start, end);
    const found = this.find(parent, hash, bytes, start, end);
    if (found !== ROOT) return found;
    const node = this.takeNode();
    this.setField(node, PARENT, parent);
    this.setField(node, HASH, hash);
    this.setField(node, TEXT, this.texts.put(bytes, start, end));
    this.setField(node, TEXT_BYTES, end - start);
    this.linkFirst(node, parent);
    this.enter(node, hash);
    this.size += 1;
    return node;
  }

  pin(node: number): void {
    this.setField(node, PINS, this.field(node, PINS) + 1);
  }

  unpin(node: number): void {
    this.setField(node, PINS, this.field(node, PINS) - 1);
    this.prune(node);
  }

  /** Removes `node`, and then what is above it, as far as nothing is held. */
  prune(node: number): void {
    while (node !== ROOT && this.isIdle(node)) {
      const parent = this.field(node, PARENT);
      this.unlink(node, parent);
      this.leave(node);
      this.texts.free(this.field(node, TEXT) >>> 0, this.field(node, TEXT_BYTES));
      this.setField(node, NEXT, this.freeFirst);
      this.freeFirst = node;
      this.size -= 1;
      node = parent;
    }
    if (this.size === 0 && this.pages.length > 1) this.clear();
  }

  private isIdle(node: number): boolean {
    return (
      this.field(node, FIRST_CHILD) === ROOT && this.field(node, PINS) === 0 && this.messageAt(node) === null
    );
  }

  /** Back to a root alone; memory is given back. */
  private clear(): void {
    this.pages = [];
    this.messages = [];
    this.texts.clear();
    this.tables = Array.from({ length: 1 << TABLE_BITS }, () => new Int32Array(TABLE_SLOTS_MIN));
    this.tableSizes.fill(0);
    this.freeFirst = ROOT;
    this.end = 0;
    this.takeNode();
  }

  private field(node: number, field: number): number {
    return this.pages[node >>> PAGE_BITS]![((node & PAGE_MASK) << STRIDE_BITS) + field]!;
  }

  private setField(node: number, field: number, value: number): void {
    this.pages[node >>> PAGE_BITS]![((node & PAGE_MASK) << STRIDE_BITS) + field] = value;
  }

  private takeNode(): number {
    const node = this.freeFirst === ROOT ? this.end : this.freeFirst;
    if (node === this.end) {
      this.end += 1;
      if (node >>> PAGE_BITS === this.pages.length) {
        this.pages.push(new Int32Array((PAGE_MASK + 1) << STRIDE_BITS));
        this.messages.push(new Array<Message | null>(PAGE_MASK + 1).fill(null));
      }
    } else {
      this.freeFirst = this.field(node, NEXT);
    }
    this.setField(node, FIRST_CHILD, ROOT);
    this.setField(node, NEXT, ROOT);
    this.setField(node, PREVIOUS, ROOT);
    this.setField(node, PINS, 0);
    return node;
  }

  private linkFirst(node: number, parent: number): void {
    const first = this.field(parent, FIRST_CHILD);
    this.setField(node, NEXT, first);
    if (first !== ROOT) this.setField(first, PREVIOUS, node);
    this.setField(parent, FIRST_CHILD, node);
  }

  private unlink(node: number, parent: number): void {
    const next = this.field(node, NEXT);
    const previous = this.field(node, PREVIOUS);
    if (next !== ROOT) this.setField(next, PREVIOUS, previous);
    if (previous !== ROOT) this.setField(previous, NEXT, next);
    else this.setField(parent, FIRST_CHILD, next);
  }

  // The multiplier is secret as well: with a public one the differences between two texts do not depend on the seed.
  private hash(parent: number, bytes: Uint8Array, start: number, end: number): number {
    let hash = Math.imul(this.seed ^ parent, this.multiplier);
    for (let i = start; i < end; i += 1) {
      hash = Math.imul(hash ^ (hash >>> 15) ^ bytes[i]!, this.multiplier);
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    return hash ^ (hash >>> 13);
  }

  private find(parent: number, hash: number, bytes: Uint8Array, start: number, end: number): number {
    const table = this.tables[hash >>> (32 - TABLE_BITS)]!;
    const mask = table.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const node = table[slot]!;
      if (node === ROOT) return ROOT;
      const page = this.pages[node >>> PAGE_BITS]!;
      const at = (node & PAGE_MASK) << STRIDE_BITS;
      if (page[at + HASH] !== hash || page[at + PARENT] !== parent) continue;
      if (this.texts.equals(page[at + TEXT]! >>> 0, page[at + TEXT_BYTES]!, bytes, start, end)) return node;
    }
  }

  /** Puts a node into its table, which is at most half full. */
  private enter(node: number, hash: number): void {
    const number = hash >>> (32 - TABLE_BITS);
    let table = this.tables[number]!;
    this.tableSizes[number]! += 1;
    if (this.tableSizes[number]! * 2 > table.length) {
      const grown = new Int32Array(table.length * 2);
      for (const moved of table) if (moved !== ROOT) place(grown, moved, this.field(moved, HASH));
      this.tables[number] = table = grown;
    }
    place(table, node, hash);
  }

  /** Takes a node out of its table and moves up whatever had to pass it on the way from its home. */
  private leave(node: number): void {
    const hash = this.field(node, HASH);
    const number = hash >>> (32 - TABLE_BITS);
    const table = this.tables[number]!;
    const mask = table.length - 1;
    let hole = hash & mask;
    while (table[hole] !== node) hole = (hole + 1) & mask;
    for (let slot = (hole + 1) & mask; table[slot] !== ROOT; slot = (slot + 1) & mask) {
      const home = this.field(table[slot]!, HASH) & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      table[hole] = table[slot]!;
      hole = slot;
    }
    table[hole] = ROOT;
    this.tableSizes[number]! -= 1;
  }
}

function place(table: Int32Array, node: number, hash: number): void {
  const mask = table.length - 1;
  let slot = hash & mask;
  while (table[slot] !== ROOT) slot = (slot + 1) & mask;
  table[slot] = node;
}

/** All topic filters a shard knows, as a tree in typed arrays: no object per filter. On the shard's worker thread. */
import { assert } from '../../src/base/assert.js';
import { TOPIC_BYTES_MAX } from '../../src/protocol/topic.js';
import type { ByteHash } from './byte-hash.js';
import { FilterPath } from './filter-path.js';
import { type IntVector, makeTable, reach } from './int-arrays.js';
import { LevelStore } from './level-store.js';
import {
  ANSWER,
  CHILD_BITS,
  FILTER,
  HASH_FILTER,
  LEVEL,
  LEVEL_PLUS,
  NODE_WORDS,
  NodeStore,
  PARENT,
  PLUS_CHILD,
  ROOT,
} from './node-store.js';
import { RowTable } from './row-table.js';
import { TopicWalk } from './topic-walk.js';

const SLASH = 0x2f;
const PLUS = 0x2b;
const HASH = 0x23;

const EXPECTED_LEVELS_PER_FILTER = 0.25;

const encoder = new TextEncoder();

/**
 * Filters are numbered from 0, densely: numbers of removed filters are used again. All filters given must be valid
 * (`checkTopicFilter`).
 */
export class FilterTree {
  private readonly rows = new RowTable();
  private readonly levels: LevelStore;
  private readonly nodes: NodeStore;
  /** By filter: node * 2, plus 1 when the filter has `#` after that node; of a free number: -2 - next free. */
  private readonly places = makeTable();
  private filtersUsed = 0;
  private firstFree = -1;
  private count = 0;
  private readonly walk: TopicWalk;
  private readonly path = new FilterPath();
  /** A filter's text on its way in or out. */
  readonly text = Buffer.allocUnsafeSlow(TOPIC_BYTES_MAX);

  constructor(
    private readonly hash: ByteHash,
    hashSeed: number,
  ) {
    this.levels = new LevelStore(hash, this.rows);
    this.nodes = new NodeStore(hashSeed, this.rows, this.levels);
    this.walk = new TopicWalk(hash, this.levels, this.nodes);
  }

  /** Filters in the tree. */
  get size(): number {
    return this.count;
  }

  /** Every filter's number is below this. */
  get idsEnd(): number {
    return this.filtersUsed;
  }

  /** Bytes of all tables; they never shrink, for what is freed in them is used again. */
  get tableBytes(): number {
    const { levels, nodes, places, rows } = this;
    return rows.words.byteLength + levels.segmentBytes + nodes.segmentBytes + places.byteLength;
  }

  /** So many filters are coming, about, as those of many devices are: a few levels that are all their own. */
  expect(filters: number): void {
    this.levels.expect(filters * EXPECTED_LEVELS_PER_FILTER);
  }

  has(filter: number): boolean {
    return filter < this.filtersUsed && this.places[filter]! >= 0;
  }

  /** @returns the filter's number; the filter is added when it is new. */
  intern(filter: string): number {
    return this.internText(this.text, 0, this.encode(filter));
  }

  /** As `intern`, of the filter `bytes[start, end)`. */
  internBytes(bytes: Uint8Array, start: number, end: number): number {
    return this.internText(bytes, start, end);
  }

  /**
   * Of `bytes[from, end)`. Filters that come one after the other often begin alike: all of one session, all that
   * another shard tells. So the way to the last one is remembered, and followed as far as it is the same.
   */
  private internText(bytes: Uint8Array, from: number, end: number): number {
    const { path } = this;
    let node = path.follow(bytes, from, end);
    let start = from + path.bytes;
    while (start <= end) {
      let stop = start;
      while (stop < end && bytes[stop] !== SLASH) stop += 1;
      const isShort = stop - start === 1;
      if (isShort && bytes[start] === HASH) return this.placeFilter(node, HASH_FILTER);
      node =
        isShort && bytes[start] === PLUS ? this.descendPlus(node) : this.descend(node, bytes, start, stop);
      if (stop < end) path.push(bytes, start, stop, node);
      start = stop + 1;
    }
    return this.placeFilter(node, FILTER);
  }

  /** @returns the filter's number, -1 when it is not in the tree. */
  find(filter: string): number {
    const end = this.encode(filter);
    let node = ROOT;
    let start = 0;
    while (start <= end) {
      const stop = this.levelEnd(start, end);
      if (this.isWildcard(start, stop, HASH)) return this.nodes.words[node * NODE_WORDS + HASH_FILTER]! - 1;
      if (this.isWildcard(start, stop, PLUS)) {
        node = this.nodes.words[node * NODE_WORDS + PLUS_CHILD]!;
      } else {
        const level = this.levels.find(this.hash.hash(this.text, start, stop), this.text, start, stop);
        node = level === -1 ? 0 : this.childOf(node, level);
      }
      if (node === 0) return -1;
      start = stop + 1;
    }
    return this.nodes.words[node * NODE_WORDS + FILTER]! - 1;
  }

  /** Takes a filter out; its number may be given to another one. */
  remove(filter: number): void {
    const place = this.places[filter]!;
    let node = place >> 1;
    const words = this.nodes.words;
    words[node * NODE_WORDS + ((place & 1) === 1 ? HASH_FILTER : FILTER)] = 0;
    this.clearAnswer(node);
    this.places[filter] = -2 - this.firstFree;
    this.firstFree = filter;
    this.count -= 1;
    this.path.clear();
    while (node !== ROOT && this.nodes.isUnused(node)) {
      const parent = words[node * NODE_WORDS + PARENT]!;
      const level = words[node * NODE_WORDS + LEVEL]!;
      this.nodes.removeChild(node);
      if (level !== LEVEL_PLUS) this.levels.release(level);
      node = parent;
    }
  }

  /** @returns the filter's text. */
  filterOf(filter: number): string {
    return this.text.toString('utf8', this.writeText(filter), TOPIC_BYTES_MAX);
  }

  /** @returns the filter's text as bytes that the next call overwrites. */
  bytesOf(filter: number): Buffer {
    return this.text.subarray(this.writeText(filter));
  }

  /** @returns the filter's text when it has no wildcard, as bytes that the next call overwrites; else null. */
  exactBytesOf(filter: number): Uint8Array | null {
    const place = this.places[filter]!;
    if ((place & 1) === 1) return null;
    const words = this.nodes.words;
    for (let node = place >> 1; node !== ROOT; node = words[node * NODE_WORDS + PARENT]!) {
      if (words[node * NODE_WORDS + LEVEL] === LEVEL_PLUS) return null;
    }
    return this.text.subarray(this.writeText(filter));
  }

  /** See TopicWalk. */
  match(bytes: Uint8Array, start: number, end: number, out: IntVector): void {
    this.walk.match(bytes, start, end, out);
  }

  /**
   * Has `match` append -`answer` in the place of the filter's number, as long as the filter is there and there is room
   * for it; 0 takes it back. To be called whenever the answer has changed.
   */
  setAnswer(filter: number, answer: number): void {
    const place = this.places[filter]!;
    const { words } = this.nodes;
    const at = (place >> 1) * NODE_WORDS;
    if (words[at + CHILD_BITS] !== 0) return;
    const other = words[at + ((place & 1) === 1 ? FILTER : HASH_FILTER)]!;
    words[at + ANSWER] = other === 0 ? answer : 0;
  }

  private clearAnswer(node: number): void {
    const { words } = this.nodes;
    if (words[node * NODE_WORDS + CHILD_BITS] === 0) words[node * NODE_WORDS + ANSWER] = 0;
  }

  private descendPlus(node: number): number {
    const plus = this.nodes.words[node * NODE_WORDS + PLUS_CHILD]!;
    return plus !== 0 ? plus : this.nodes.addChild(node, LEVEL_PLUS);
  }

  private descend(node: number, bytes: Uint8Array, start: number, stop: number): number {
    const { levels, nodes } = this;
    const hash = this.hash.hash(bytes, start, stop);
    let level = levels.find(hash, bytes, start, stop);
    if (level !== -1) {
      const child = this.childOf(node, level);
      if (child !== 0) return child;
      const sole = levels.soleReference(level);
      levels.retain(level);
      if (sole !== 0) nodes.makeCommon(sole);
      return nodes.addChild(node, level);
    }
    level = levels.add(hash, bytes, start, stop);
    levels.setSoleReference(level, this.rows.next);
    return nodes.addChild(node, level);
  }

  /**
   * The child of `node` by `level`, 0 when there is none. Many levels, such as the name of a device, lead from one
   * node only, and know where to.
   */
  private childOf(node: number, level: number): number {
    const sole = this.levels.soleReference(level);
    if (sole === 0) return this.nodes.childOf(node, level);
    return this.nodes.words[sole * NODE_WORDS + PARENT] === node ? sole : 0;
  }

  private placeFilter(node: number, field: typeof FILTER | typeof HASH_FILTER): number {
    const at = node * NODE_WORDS + field;
    const known = this.nodes.words[at]! - 1;
    if (known !== -1) return known;
    let filter = this.firstFree;
    if (filter !== -1) {
      this.firstFree = -2 - this.places[filter]!;
    } else {
      filter = this.filtersUsed;
      reach(this.places, filter + 1);
      this.filtersUsed += 1;
    }
    this.places[filter] = node * 2 + (field === HASH_FILTER ? 1 : 0);
    this.nodes.words[at] = filter + 1;
    this.clearAnswer(node);
    this.count += 1;
    return filter;
  }

  /** Puts the text into `this.text`. @returns where it ends. */
  private encode(filter: string): number {
    const text = this.text;
    if (filter.length <= TOPIC_BYTES_MAX) {
      let at = 0;
      for (; at < filter.length; at += 1) {
        const unit = filter.charCodeAt(at);
        if (unit >= 0x80) break;
        text[at] = unit;
      }
      if (at === filter.length) return at;
    }
    const { read, written } = encoder.encodeInto(filter, text);
    assert(read === filter.length, 'a topic filter fits into TOPIC_BYTES_MAX');
    return written;
  }

  /** @returns the node that the filter's last level begins at; a `#` behind it belongs to that level */
  parentOf(filter: number): number {
    const node = this.places[filter]! >> 1;
    return node === ROOT ? ROOT : this.nodes.words[node * NODE_WORDS + PARENT]!;
  }

  /** @returns the bytes of a text up to the level that begins at `node`, each level with its slash */
  bytesBefore(node: number): number {
    const words = this.nodes.words;
    let bytes = 0;
    for (let at = node; at !== ROOT; at = words[at * NODE_WORDS + PARENT]!) {
      const level = words[at * NODE_WORDS + LEVEL]!;
      bytes += 1 + (level === LEVEL_PLUS ? 1 : this.levels.lengthOf(level));
    }
    return bytes;
  }

  /** Writes the filter's text, or what of it lies below `above`, to the end of `text`. @returns where it begins. */
  writeText(filter: number, above = ROOT): number {
    const words = this.nodes.words;
    const place = this.places[filter]!;
    let at = TOPIC_BYTES_MAX;
    let isLast = true;
    if ((place & 1) === 1) {
      this.text[--at] = HASH;
      isLast = false;
    }
    for (let node = place >> 1; node !== above; node = words[node * NODE_WORDS + PARENT]!) {
      if (!isLast) this.text[--at] = SLASH;
      isLast = false;
      const level = words[node * NODE_WORDS + LEVEL]!;
      if (level === LEVEL_PLUS) {
        this.text[--at] = PLUS;
      } else {
        at -= this.levels.lengthOf(level);
        this.levels.read(level, this.text, at);
      }
    }
    return at;
  }

  private levelEnd(start: number, end: number): number {
    let at = start;
    while (at < end && this.text[at] !== SLASH) at += 1;
    return at;
  }

  private isWildcard(start: number, stop: number, wildcard: number): boolean {
    return stop - start === 1 && this.text[start] === wildcard;
  }
}

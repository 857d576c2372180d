/** How a topic finds the filters that match it: the hot way through a shard's filter tree. On its worker thread. */
import type { ByteHash } from './byte-hash.js';
import { IntVector } from './int-arrays.js';
import type { LevelStore } from './level-store.js';
import {
  ANSWER,
  CHILD_BITS,
  FILTER,
  HASH_FILTER,
  NODE_WORDS,
  type NodeStore,
  PARENT,
  PLUS_CHILD,
  ROOT,
} from './node-store.js';

/** From as many nodes on it pays to load what is needed of all of them first. */
const LOADED_AT_ONCE_MIN = 4;

const SLASH = 0x2f;
const DOLLAR = 0x24;

/** What it costs are cache misses: who changes anything should count the rows it looks at. */
export class TopicWalk {
  /** Nodes reached by the levels so far, and by one level more. Kept, so that a match allocates nothing. */
  private reached = new IntVector();
  private reachedNext = new IntVector();
  /** Means nothing, see `NodeStore.load`. */
  private loaded = 0;

  constructor(
    private readonly hash: ByteHash,
    private readonly levels: LevelStore,
    private readonly nodes: NodeStore,
  ) {}

  /**
   * Appends the numbers of all filters that match the topic name `bytes[start, end)` to `out`, each once; instead of
   * some what `FilterTree.setAnswer` was told. Goes level by level over all nodes reached so far, so each level is
   * looked up once however many paths lead through it.
   */
  match(bytes: Uint8Array, start: number, end: number, out: IntVector): void {
    const hashWords = this.hash.words;
    // A leading wildcard does not match a topic that begins with $ [MQTT-4.7.2-1].
    let wildcards = bytes[start] !== DOLLAR;
    let from = this.reached;
    let to = this.reachedNext;
    from.length = 1;
    from.items[0] = ROOT;
    if (wildcards) this.find(ROOT, HASH_FILTER, out);

    for (let levelStart = start; from.length !== 0; ) {
      let sum = 0;
      let at = levelStart;
      for (let i = 0; at < end && bytes[at] !== SLASH; at += 1, i += 1) {
        sum = (sum + Math.imul(hashWords[i]!, bytes[at]!)) | 0;
      }
      this.step(from, to, wildcards, this.hash.finish(sum, at - levelStart), bytes, levelStart, at, out);
      const swap = from;
      from = to;
      to = swap;
      if (at >= end) break;
      levelStart = at + 1;
      wildcards = true;
    }

    for (let i = 0; i < from.length; i += 1) this.find(from.items[i]!, FILTER, out);
  }

  /**
   * From every node in `from` along the topic level `bytes[start, end)` to `to`; what ends in `#` there, to
   * `out`.
   */
  private step(
    from: IntVector,
    to: IntVector,
    wildcards: boolean,
    hash: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    out: IntVector,
  ): void {
    const words = this.nodes.words;
    to.length = 0;
    let isLookedUp = false;
    let level = -1;
    let bit = 0;
    // The only child that has this level, and whose it is: then nobody else's children are looked at.
    let sole = 0;
    let soleParent = -1;
    for (let i = 0; i < from.length; i += 1) {
      const node = from.items[i]!;
      const plus = words[node * NODE_WORDS + PLUS_CHILD]!;
      if (plus !== 0 && wildcards) this.arrive(plus, to, out);
      const bits = words[node * NODE_WORDS + CHILD_BITS]!;
      if (bits === 0) continue;
      if (!isLookedUp) {
        isLookedUp = true;
        level = this.levels.find(hash, bytes, start, end);
        if (level !== -1) {
          bit = this.nodes.childBit(level);
          sole = this.levels.soleReference(level);
          if (sole !== 0) soleParent = words[sole * NODE_WORDS + PARENT]!;
          else if (from.length >= LOADED_AT_ONCE_MIN) this.loaded ^= this.nodes.load(from, level);
        }
      }
      if (soleParent !== -1) {
        if (node === soleParent) this.arrive(sole, to, out);
      } else if ((bits & bit) !== 0) {
        const child = this.nodes.childOf(node, level);
        if (child !== 0) this.arrive(child, to, out);
      }
    }
  }

  private arrive(node: number, to: IntVector, out: IntVector): void {
    to.push(node);
    this.find(node, HASH_FILTER, out);
  }

  private find(node: number, field: typeof FILTER | typeof HASH_FILTER, out: IntVector): void {
    const words = this.nodes.words;
    const at = node * NODE_WORDS;
    const filter = words[at + field]!;
    if (filter === 0) return;
    const answer = words[at + CHILD_BITS] === 0 ? words[at + ANSWER]! : 0;
    out.push(answer !== 0 ? -answer : filter - 1);
  }
}

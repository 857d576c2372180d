/**
 * What one client was last allowed and denied to publish, by topic: a few of them, found by their bytes without making
 * a string. Runs on the shard's thread.
 */
import { ACCESS_CACHED_TOPIC_BYTES_MAX } from '../../src/limits.js';

/** The topic is not known, or not any more. */
export const UNKNOWN = 0;
export const ALLOWED = 1;
export const DENIED = 2;
export type Decision = typeof UNKNOWN | typeof ALLOWED | typeof DENIED;

interface Entry {
  readonly hash: number;
  readonly topic: Uint8Array;
  decision: Decision;
  /** Monotonic milliseconds. */
  decidedAtMs: number;
  /** Rises with every use of the cache. */
  usedAt: number;
}

export class DecisionCache {
  private readonly entries: Entry[] = [];
  private uses = 0;
  /** Where the last topic was found: most clients publish to one again and again. */
  private last = 0;

  /** @param ttlMs how long a decision counts; 0: for ever */
  constructor(
    private readonly topicsMax: number,
    private readonly ttlMs: number,
  ) {}

  /** @param hash of the topic in `bytes[start, end)`, by the same function as in `remember` */
  find(hash: number, bytes: Uint8Array, start: number, end: number, nowMs: number): Decision {
    const entry = this.entryOf(hash, bytes, start, end);
    if (entry === null || (this.ttlMs > 0 && nowMs - entry.decidedAtMs >= this.ttlMs)) return UNKNOWN;
    entry.usedAt = ++this.uses;
    return entry.decision;
  }

  remember(
    hash: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    nowMs: number,
    isAllowed: boolean,
  ): void {
    if (end - start > ACCESS_CACHED_TOPIC_BYTES_MAX) return;
    const decision: Decision = isAllowed ? ALLOWED : DENIED;
    const known = this.entryOf(hash, bytes, start, end);
    if (known !== null) {
      known.decision = decision;
      known.decidedAtMs = nowMs;
      known.usedAt = ++this.uses;
      return;
    }
    const entry: Entry = {
      hash,
      // A Buffer's own `slice` would share the memory of the read buffer.
      topic: Uint8Array.prototype.slice.call(bytes, start, end),
      decision,
      decidedAtMs: nowMs,
      usedAt: ++this.uses,
    };
    if (this.entries.length < this.topicsMax) this.entries.push(entry);
    else this.entries[this.leastRecent()] = entry;
  }

  /** The topic is decided about anew. */
  forget(hash: number, bytes: Uint8Array, start: number, end: number): void {
    const entry = this.entryOf(hash, bytes, start, end);
    if (entry === null) return;
    this.entries.splice(this.entries.indexOf(entry), 1);
    this.last = 0;
  }

  private entryOf(hash: number, bytes: Uint8Array, start: number, end: number): Entry | null {
    const { entries } = this;
    const { length } = entries;
    for (let i = 0, at = this.last; i < length; i++, at = at + 1 < length ? at + 1 : 0) {
      const entry = entries[at]!;
      if (entry.hash !== hash || !isTopic(entry.topic, bytes, start, end)) continue;
      this.last = at;
      return entry;
    }
    return null;
  }

  private leastRecent(): number {
    let found = 0;
    for (let i = 1; i < this.entries.length; i++) {
      if (this.entries[i]!.usedAt < this.entries[found]!.usedAt) found = i;
    }
    return found;
  }
}

function isTopic(topic: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (topic.length !== end - start) return false;
  for (let i = 0; i < topic.length; i++) {
    if (topic[i] !== bytes[start + i]) return false;
  }
  return true;
}

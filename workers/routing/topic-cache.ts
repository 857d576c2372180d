/** Routes of the topics published lately, found by the topic's bytes. One per shard, on its worker thread. */
import { TOPICS_CACHED_UNASKED_SHARE } from '../../src/limits.js';
import { TOPIC_BYTES_MAX } from '../../src/protocol/topic.js';
import type { ByteHash } from './byte-hash.js';
import type { Route, Subscriber } from './route.js';

/** Words per place of the table: the hash, and the entry's serial number. */
const PLACE_WORDS = 2;
/** Serial numbers start anew before they leave 31 bits. */
const SERIAL_MAX = 0x7fff_ffff;
const TEXT_BYTES_MIN = 4096;

/** Bounds of one cache. */
export interface TopicCacheLimits {
  readonly topicsCachedMax: number;
  /** Sum over all routes of sessions and groups, plus one per route. */
  readonly targetsCachedMax: number;
  /** Sum of the topics' bytes. */
  readonly bytesCachedMax: number;
}

/**
 * A full cache is emptied: that takes constant time, keeps nothing alive that has ended, and costs one walk of the
 * tree per topic still in use, while a finer choice would cost every hit. It is emptied too when a subscription with
 * wildcards changes; one without concerns a single topic, and only its entry goes. So that topics which never come
 * again do not empty it, a cache that has filled to a part takes a topic only when it comes again.
 */
export class TopicCache<S extends Subscriber> {
  /** Rises whenever all routes made so far may be wrong. */
  version = 1;
  /** Open addressed. A place is free when its serial is below `base`, so emptying is raising `base`. */
  private readonly places: Int32Array;
  private readonly mask: number;
  private base = 1;
  /** By serial - base. A forgotten entry is null and its place stays taken. */
  private routes: (Route<S> | null)[] = [];
  /** Where each entry's text begins; it ends where the next one's begins. */
  private readonly textStarts: Int32Array;
  private text = new Uint8Array(TEXT_BYTES_MIN);
  /** Serial of the topic found last: messages of one client come together, and mostly have one topic. */
  private foundLast = 0;
  private targets = 0;
  /** By the low bits of their hash: bytes of the hashes of topics that were to be remembered lately. */
  private readonly seen: Uint8Array;
  private coin = 1;

  constructor(
    private readonly hash: ByteHash,
    private readonly limits: TopicCacheLimits,
  ) {
    // At most half full, so that chains stay short.
    const places = 2 ** Math.ceil(Math.log2(Math.max(8, limits.topicsCachedMax * 2)));
    this.places = new Int32Array(places * PLACE_WORDS);
    this.mask = places - 1;
    this.seen = new Uint8Array(places / 2);
    this.textStarts = new Int32Array(limits.topicsCachedMax + 1);
  }

  /** Routes in the cache, forgotten ones included. */
  get size(): number {
    return this.routes.length;
  }

  /** @returns the current route of the topic, null when it is not in the cache. */
  lookup(bytes: Uint8Array, start: number, end: number): Route<S> | null {
    if (end - start > TOPIC_BYTES_MAX) return null;
    // A comparison costs a third of hashing and finding.
    const index = this.foundLast - this.base;
    if (index >= 0 && this.equals(index, bytes, start, end)) return this.routes[index]!;
    const hash = this.hash.hash(bytes, start, end);
    const serial = this.places[this.placeOf(hash, bytes, start, end) + 1]!;
    if (serial < this.base) return null;
    this.foundLast = serial;
    return this.routes[serial - this.base]!;
  }

  /**
   * Remembers the route of a topic as of now, if that is worth it and there can be room. Else the route keeps its
   * version: nobody could make it stale later, so it must not be that of now. @returns whether it is remembered
   */
  insert(bytes: Uint8Array, start: number, end: number, route: Route<S>): boolean {
    const cost = targetsOf(route);
    if (cost > this.limits.targetsCachedMax || end - start > this.limits.bytesCachedMax) return false;
    const hash = this.hash.hash(bytes, start, end);
    if (!this.admits(hash)) return false;
    if (!this.hasRoom(end - start, cost)) this.clear();
    route.version = this.version;
    const place = this.placeOf(hash, bytes, start, end);
    this.targets += cost;
    const known = this.places[place + 1]! - this.base;
    if (known >= 0) {
      this.targets -= this.costAt(known);
      this.routes[known] = route;
      return true;
    }
    const index = this.routes.length;
    this.places[place] = hash;
    this.places[place + 1] = this.base + index;
    this.routes.push(route);
    this.textStarts[index + 1] = this.appendText(bytes, start, end, this.textStarts[index]!);
    return true;
  }

  private admits(hash: number): boolean {
    const { topicsCachedMax, targetsCachedMax } = this.limits;
    const share = TOPICS_CACHED_UNASKED_SHARE;
    if (this.routes.length < topicsCachedMax * share && this.targets < targetsCachedMax * share) return true;
    const at = hash & (this.mask >>> 1);
    const byte = (hash >>> 24) | 1; // 0 is nobody's
    const known = this.seen[at]!;
    if (known === byte) {
      this.seen[at] = 0;
      return true;
    }
    // Another topic's byte gives way to every other one that comes, by chance: so of some that come in turn one gets
    // in, and then the next.
    this.coin = (Math.imul(this.coin, 1_664_525) + 1_013_904_223) | 0;
    if (known === 0 || this.coin < 0) this.seen[at] = byte;
    return false;
  }

  /** Forgets one topic; whoever holds its route sees version -1. */
  forget(bytes: Uint8Array): void {
    const hash = this.hash.hash(bytes, 0, bytes.length);
    const index = this.places[this.placeOf(hash, bytes, 0, bytes.length) + 1]! - this.base;
    if (index < 0) return;
    const route = this.routes[index]!;
    if (route === null) return;
    this.targets -= this.costAt(index);
    route.version = -1;
    this.routes[index] = null;
  }

  /** Forgets all topics; every route made so far has an old version now. */
  clear(): void {
    this.version += 1;
    if (this.routes.length === 0) return;
    this.base += this.routes.length;
    this.routes = [];
    this.targets = 0;
    if (this.base > SERIAL_MAX - this.limits.topicsCachedMax) {
      this.places.fill(0);
      this.base = 1;
      this.foundLast = 0;
    }
  }

  private costAt(index: number): number {
    const route = this.routes[index]!;
    return route === null ? 0 : targetsOf(route);
  }

  private hasRoom(bytes: number, cost: number): boolean {
    return (
      this.routes.length < this.limits.topicsCachedMax &&
      this.targets + cost <= this.limits.targetsCachedMax &&
      this.textStarts[this.routes.length]! + bytes <= this.limits.bytesCachedMax
    );
  }

  /** The place of the topic's entry, or the free place where it would go. */
  private placeOf(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const places = this.places;
    const base = this.base;
    for (let at = hash & this.mask; ; at = (at + 1) & this.mask) {
      const index = places[at * PLACE_WORDS + 1]! - base;
      if (index < 0) return at * PLACE_WORDS;
      if (places[at * PLACE_WORDS] === hash && this.equals(index, bytes, start, end)) return at * PLACE_WORDS;
    }
  }

  private equals(index: number, bytes: Uint8Array, start: number, end: number): boolean {
    const text = this.text;
    const from = this.textStarts[index]!;
    const length = this.textStarts[index + 1]! - from;
    if (length !== end - start) return false;
    // From the end: topics that are not the same mostly begin alike.
    for (let i = length - 1; i >= 0; i -= 1) {
      if (text[from + i] !== bytes[start + i]) return false;
    }
    return true;
  }

  private appendText(bytes: Uint8Array, start: number, end: number, at: number): number {
    const after = at + end - start;
    if (after > this.text.length) {
      const larger = new Uint8Array(Math.max(after, this.text.length * 2));
      larger.set(this.text);
      this.text = larger;
    }
    for (let from = start; from < end; from += 1, at += 1) this.text[at] = bytes[from]!;
    return after;
  }
}

function targetsOf<S extends Subscriber>(route: Route<S>): number {
  return 1 + route.subscribers.length + route.groups.length;
}

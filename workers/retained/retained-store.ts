/** The retained messages whose topics one shard owns. Runs in that shard. */
import { RETAINED_NODE_BYTES, RETAINED_SKEW_MAX_MS } from '../../src/limits.js';
import type { RetainedLimits } from '../../src/plugins/api.js';
import type { Message } from '../../src/protocol/message.js';
import type { RetainedRecord } from '../../src/storage/retained-record.js';
import { Removals } from './removals.js';
import { RetainedCursor } from './retained-cursor.js';
import { ROOT, TopicTree } from './topic-tree.js';

export const UNLIMITED: RetainedLimits = { messagesMax: 0, payloadBytesMax: 0, bytesMax: 0, expiryMs: 0 };

/**
 * What became of a write. `older`: a later one is known. `full` and `too-large`: it is not kept, and neither is what
 * it would have replaced, for that is out of date.
 */
export type RetainedChange = 'stored' | 'replaced' | 'removed' | 'absent' | 'older' | 'full' | 'too-large';

/** Is told what a topic is to have in a store: a message, the time at which it was removed, or nothing. */
export interface RetainedWatcher {
  /** Of `topic[0, length)`. `hadRow`: it had anything before. */
  changed(topic: Uint8Array, length: number, now: Message | number | null, hadRow: boolean): void;
}

const SLASH = 0x2f;
/** The longest topic. */
const TOPIC_BYTES_MAX = 65_535;

/**
 * The write received last wins, whichever arrives last, and however long it was under way. Where what is there was
 * received later than it is now, the clock was set back: then what arrives last wins.
 */
export class RetainedStore {
  /** Messages kept, expired ones included that have not been found out yet. */
  count = 0;

  /** May change at any time: it counts for writes and reads to come, and the sweep catches up. */
  limits = UNLIMITED;

  private readonly tree: TopicTree;
  private readonly removals: Removals;
  private readonly topic = Buffer.allocUnsafeSlow(TOPIC_BYTES_MAX);
  private messageBytes = 0;
  /** Messages that have an expiry of their own. */
  private expiring = 0;
  /** Node at which the next sweep goes on. */
  private sweepAt = 1;

  /** @param hashSeed any secret 32 bits */
  constructor(
    hashSeed: number,
    private readonly watcher: RetainedWatcher | null = null,
  ) {
    this.tree = new TopicTree(hashSeed);
    const onForgotten = watcher === null ? null : (topic: Buffer): void => this.removalForgotten(topic);
    this.removals = new Removals(hashSeed, onForgotten);
  }

  /** What messages and the tree above them take, about. */
  get bytes(): number {
    return this.messageBytes + this.tree.size * RETAINED_NODE_BYTES;
  }

  /**
   * Keeps a message in place of its topic's last one, or removes that where the payload is empty. `nowMs`: when it
   * arrives here, in milliseconds since 1970.
   */
  set(message: Message, nowMs = message.receivedAtMs): RetainedChange {
    const length = this.loadTopic(message);
    const found = this.find(this.topic, length);
    const known = found === ROOT ? null : this.tree.messageAt(found);
    if (this.isOlder(message, known, length, nowMs)) return 'older';
    const { watcher } = this;
    // What the broker says of itself it says again.
    if (watcher !== null && !message.isSys) {
      const hadRow = known !== null || this.removals.lastOf(this.topic, length) > Number.NEGATIVE_INFINITY;
      watcher.changed(this.topic, length, this.rowFor(message, known), hadRow);
    }
    if (message.payloadBytes === 0) {
      this.removals.remember(this.topic, length, message.receivedAtMs, nowMs);
      if (known === null) return 'absent';
      this.remove(found, known);
      return 'removed';
    }
    const refusal = this.refusal(message, known);
    if (refusal !== null) {
      if (known !== null) this.remove(found, known);
      return refusal;
    }
    if (known !== null) this.uncount(known);
    this.keep(found !== ROOT ? found : this.growTo(length), message);
    return known === null ? 'stored' : 'replaced';
  }

  /** @returns the message of exactly this topic name, in UTF-8; null: none that has not expired. */
  get(topic: Uint8Array, nowMs: number): Message | null {
    const node = this.find(topic, topic.length);
    const message = node === ROOT ? null : this.tree.messageAt(node);
    if (message === null || !this.isExpired(message, nowMs)) return message;
    this.expire(node, message);
    return null;
  }

  /** Begins a walk over all topics that match a filter, which must be valid. To be closed. */
  open(filter: string): RetainedCursor {
    return new RetainedCursor(this.tree, this, filter);
  }

  /** Whether the message counts as gone at `nowMs` (milliseconds since 1970). */
  isExpired(message: Message, nowMs: number): boolean {
    if (message.expiresAtMs <= nowMs) return true;
    const { expiryMs } = this.limits;
    return expiryMs > 0 && !message.isSys && message.receivedAtMs + expiryMs <= nowMs;
  }

  /**
   * Removes what has expired among the next `nodesMax` nodes of the tree. `forgetsRemovals`: no write can come that was
   * under way for long.
   * @returns true at the end of a pass; the next call begins a new one.
   */
  sweep(nowMs: number, nodesMax: number, forgetsRemovals = true): boolean {
    if (forgetsRemovals) this.removals.expire(nowMs, nodesMax);
    if (this.expiring === 0 && this.limits.expiryMs === 0) return true;
    for (let left = nodesMax; left > 0; left -= 1) {
      // Removal may have shrunk the tree to nothing.
      if (this.sweepAt >= this.tree.end) {
        this.sweepAt = 1;
        return true;
      }
      const message = this.tree.messageAt(this.sweepAt);
      if (message !== null && this.isExpired(message, nowMs)) this.expire(this.sweepAt, message);
      this.sweepAt += 1;
    }
    return false;
  }

  /** Takes what was retained, or removed, before the broker ended. Limits do not count, and nobody is told. */
  restore(record: RetainedRecord, nowMs: number): void {
    if (record.kind === 'removal') {
      this.removals.remember(record.topic, record.topic.length, record.receivedAtMs, nowMs);
      return;
    }
    const { message } = record;
    const node = this.growTo(this.loadTopic(message));
    const known = this.tree.messageAt(node);
    if (known !== null) this.uncount(known);
    this.keep(node, message);
  }

  private rowFor(message: Message, known: Message | null): Message | number | null {
    if (message.payloadBytes === 0) return message.receivedAtMs;
    return this.refusal(message, known) === null ? message : null;
  }

  private removalForgotten(topic: Buffer): void {
    const node = this.find(topic, topic.length);
    if (node === ROOT || this.tree.messageAt(node) === null) {
      this.watcher?.changed(topic, topic.length, null, true);
    }
  }

  // It has gone by itself.
  private expire(node: number, message: Message): void {
    if (!message.isSys) this.watcher?.changed(this.topic, this.loadTopic(message), null, true);
    this.remove(node, message);
  }

  private isOlder(message: Message, known: Message | null, length: number, nowMs: number): boolean {
    const lastMs = known === null ? this.removals.lastOf(this.topic, length) : known.receivedAtMs;
    const lateMs = lastMs - message.receivedAtMs;
    return lateMs > 0 && (lateMs <= RETAINED_SKEW_MAX_MS || lastMs <= nowMs);
  }

  private refusal(message: Message, known: Message | null): 'full' | 'too-large' | null {
    const { messagesMax, payloadBytesMax, bytesMax } = this.limits;
    if (payloadBytesMax > 0 && message.payloadBytes > payloadBytesMax) return 'too-large';
    if (known === null && messagesMax > 0 && this.count >= messagesMax) return 'full';
    const growth = message.size - (known === null ? 0 : known.size);
    // The limit may have been lowered below what is there.
    return bytesMax > 0 && growth > 0 && this.bytes + growth > bytesMax ? 'full' : null;
  }

  private keep(node: number, message: Message): void {
    this.tree.setMessage(node, message);
    this.count += 1;
    this.messageBytes += message.size;
    if (message.expiresAtMs !== Number.POSITIVE_INFINITY) this.expiring += 1;
  }

  private uncount(message: Message): void {
    this.count -= 1;
    this.messageBytes -= message.size;
    if (message.expiresAtMs !== Number.POSITIVE_INFINITY) this.expiring -= 1;
  }

  private remove(node: number, message: Message): void {
    this.uncount(message);
    this.tree.setMessage(node, null);
    this.tree.prune(node);
  }

  private find(topic: Uint8Array, length: number): number {
    let node = ROOT;
    for (let start = 0; start <= length; ) {
      const end = levelEnd(topic, start, length);
      node = this.tree.child(node, topic, start, end);
      if (node === ROOT) return ROOT;
      start = end + 1;
    }
    return node;
  }

  private growTo(length: number): number {
    let node = ROOT;
    for (let start = 0; start <= length; ) {
      const end = levelEnd(this.topic, start, length);
      node = this.tree.grow(node, this.topic, start, end);
      start = end + 1;
    }
    return node;
  }

  /** Brings a message's topic into `topic`, as bytes. @returns its length. */
  private loadTopic(message: Message): number {
    const { data, topicEnd } = message;
    if (typeof data !== 'string') data.copy(this.topic, 0, 0, topicEnd);
    else this.topic.write(data, 0, topicEnd, 'latin1');
    return topicEnd;
  }
}

function levelEnd(topic: Uint8Array, start: number, length: number): number {
  let end = start;
  while (end < length && topic[end] !== SLASH) end += 1;
  return end;
}

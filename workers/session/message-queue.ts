/**
 * Messages that one session has yet to be sent, because it is away or its window is full. Lives in the shard that owns
 * the session.
 */
import type { Message } from '../../src/protocol/message.js';
import { type Entry, type EntryGroup, NO_ENTRY } from '../store/journal.js';
import type { Identifiers } from './exchange.js';
import { MessageRing, type QueuedMessage } from './message-ring.js';
import type { TopicPriorities } from './topic-priorities.js';

/** What all queues of a configuration share. */
export interface QueueLimits {
  /** Messages in one queue; 0: as many as there are. */
  readonly messagesMax: number;
  /** Bytes in one queue, by the messages' `size`; 0: as many as there are. */
  readonly bytesMax: number;
  /** The alarm is raised above this share of `messagesMax`, 0 to 1. */
  readonly highWatermark: number;
  /** The alarm is cleared below this share of `messagesMax`. */
  readonly lowWatermark: number;
  /** Null: first in, first out. */
  readonly priorities: TopicPriorities | null;
}

/** Told what happens to messages that are not sent; the session. */
export interface QueueOwner {
  /** `message` has left the queue, or never entered it, and is not delivered. */
  onQueueDrop(message: Message, reason: 'overflow' | 'expired', entry: Entry): void;
  /** The length has risen above the high mark or fallen below the low one; each is said once. */
  onQueueMark(mark: 'high' | 'low', length: number): void;
}

/**
 * With priorities there is a lane per priority. A full queue gives up the oldest message of the lowest priority in it,
 * or the new message where that is lower still.
 */
export class MessageQueue {
  size = 0;
  /** Sum of the messages' `size`. */
  bytes = 0;

  private readonly limits: QueueLimits;
  private readonly owner: QueueOwner;
  private readonly messagesMax: number;
  private readonly bytesMax: number;
  /** By descending priority; null until used. */
  private readonly lanes: (MessageRing | null)[];
  private isHigh = false;
  /** There may be messages with QoS 0 in it: those that follow must not overtake them. */
  hasQos0 = false;
  /** A share group may have given some of the messages. */
  private hasShared = false;

  constructor(limits: QueueLimits, owner: QueueOwner) {
    this.limits = limits;
    this.owner = owner;
    this.messagesMax = limits.messagesMax === 0 ? Number.POSITIVE_INFINITY : limits.messagesMax;
    this.bytesMax = limits.bytesMax === 0 ? Number.POSITIVE_INFINITY : limits.bytesMax;
    this.lanes = new Array<MessageRing | null>(limits.priorities?.lanes ?? 1).fill(null);
  }

  /**
   * Puts a message last. `qos` and `flags` (a byte) are given back with it, as are `identifiers`, the share group and
   * what the journal knows it by.
   * @returns false when the message itself had to be dropped; the owner has been told of all that were.
   */
  push(
    message: Message,
    qos: number,
    flags: number,
    identifiers: Identifiers,
    group: EntryGroup | null,
    entry: Entry = NO_ENTRY,
  ): boolean {
    const lane = this.limits.priorities === null ? 0 : this.limits.priorities.laneOf(message);
    if (!this.makeRoom(message.size, lane)) {
      this.owner.onQueueDrop(message, 'overflow', entry);
      return false;
    }
    let ring = this.lanes[lane]!;
    if (ring === null) this.lanes[lane] = ring = new MessageRing();
    ring.push(message, qos, flags, identifiers, group, entry);
    if (group !== null) this.hasShared = true;
    this.size += 1;
    this.bytes += message.size;
    if (qos === 0) this.hasQos0 = true;
    if (!this.isHigh && this.size > this.highMark()) {
      this.isHigh = true;
      this.owner.onQueueMark('high', this.size);
    }
    return true;
  }

  /** @returns the message `shift` would give, expired or not; null when there is none. */
  peek(): Message | null {
    return this.size === 0 ? null : this.firstRing().peek();
  }

  /**
   * Takes the next message that has not expired at `nowMs` (milliseconds since 1970) into `out`.
   * @returns false, and `out` as it was, when there is none.
   */
  shift(nowMs: number, out: QueuedMessage): boolean {
    while (this.size > 0) {
      const ring = this.firstRing();
      const message = ring.peek()!;
      const isExpired = message.expiresAtMs <= nowMs;
      if (!isExpired) ring.read(out);
      const entry = ring.firstEntry;
      this.removeFirst(ring, message);
      if (!isExpired) return true;
      this.owner.onQueueDrop(message, 'expired', entry);
    }
    return false;
  }

  /**
   * Offers every message that a share group gave this session, in the order of the queue, to other members of the
   * group; what `take` accepts is removed. `take` must not touch this queue.
   */
  takeShared(out: QueuedMessage, take: (offered: QueuedMessage) => boolean): void {
    // Most queues have none, and may be long.
    if (!this.hasShared) return;
    for (const ring of this.lanes) {
      if (ring === null) continue;
      // Once round: what stays comes behind the last again, in its order.
      for (let left = ring.size; left > 0; left -= 1) {
        const message = ring.peek()!;
        ring.read(out);
        ring.drop();
        if (out.group === null || !take(out)) {
          ring.push(message, out.qos, out.flags, out.identifiers, out.group, out.entry);
        } else {
          this.size -= 1;
          this.bytes -= message.size;
        }
      }
    }
    this.lowered();
  }

  /** Gives up the oldest messages, lowest priority first, until at most `bytes` are left. */
  shed(bytes: number): void {
    while (this.bytes > bytes) {
      const ring = this.lastRing(0)!;
      this.giveUpFirst(ring);
    }
  }

  /** Calls `visit` with every entry that is known here. */
  forEachEntry(visit: (entry: Entry) => void): void {
    for (const ring of this.lanes) ring?.forEachEntry(visit);
  }

  /** The session is over: its owner is not told of the messages, only that the queue is no longer long. */
  clear(): void {
    for (const ring of this.lanes) ring?.clear();
    this.hasShared = false;
    this.size = 0;
    this.bytes = 0;
    this.lowered();
  }

  /** Drops what a message of `bytes` for `lane` may push out. @returns false when that would not be enough. */
  private makeRoom(bytes: number, lane: number): boolean {
    if (bytes > this.bytesMax) return false;
    while (this.size >= this.messagesMax || this.bytes + bytes > this.bytesMax) {
      const ring = this.lastRing(lane);
      if (ring === null) return false;
      this.giveUpFirst(ring);
    }
    return true;
  }

  private firstRing(): MessageRing {
    let lane = 0;
    while ((this.lanes[lane]?.size ?? 0) === 0) lane += 1;
    return this.lanes[lane]!;
  }

  /** The lane of the lowest priority that has messages, if that is not above `laneMin`'s. */
  private lastRing(laneMin: number): MessageRing | null {
    for (let lane = this.lanes.length - 1; lane >= laneMin; lane -= 1) {
      const ring = this.lanes[lane]!;
      if (ring !== null && ring.size > 0) return ring;
    }
    return null;
  }

  private giveUpFirst(ring: MessageRing): void {
    const message = ring.peek()!;
    const entry = ring.firstEntry;
    this.removeFirst(ring, message);
    this.owner.onQueueDrop(message, 'overflow', entry);
  }

  private removeFirst(ring: MessageRing, message: Message): void {
    ring.drop();
    this.size -= 1;
    this.bytes -= message.size;
    if (this.size === 0) this.hasShared = false;
    this.lowered();
  }

  private lowered(): void {
    if (this.size === 0) this.hasQos0 = false;
    if (!this.isHigh || (this.size > 0 && this.size >= this.lowMark())) return;
    this.isHigh = false;
    this.owner.onQueueMark('low', this.size);
  }

  private highMark(): number {
    return Math.round(this.messagesMax * this.limits.highWatermark);
  }

  private lowMark(): number {
    return Math.round(this.messagesMax * this.limits.lowWatermark);
  }
}

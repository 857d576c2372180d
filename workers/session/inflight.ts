/**
 * Messages with QoS 1 and 2 that one session has been sent and has not acknowledged in full. Lives in the shard that
 * owns the session.
 */
import { assert } from '../../src/base/assert.js';
import { INFLIGHT_SLOTS_MIN } from '../../src/limits.js';
import type { Message } from '../../src/protocol/message.js';

/** Where one packet id stands. */
export const FREE = 0;
/** PUBLISH sent with QoS 1: PUBACK is awaited. */
export const PUBLISHED_QOS1 = 1;
/** PUBLISH sent with QoS 2: PUBREC is awaited. */
export const PUBLISHED_QOS2 = 2;
/** PUBREC has come and the message is gone: PUBCOMP is awaited. */
export const RELEASED = 3;

/** Answers of `received`. */
export const PUBREC_OK = 0;
/** The id is released already: PUBREL is to be sent once more. */
export const PUBREC_REPEAT = 1;
/** No exchange with QoS 2 has this id: 0x92 in MQTT 5. */
export const PUBREC_MISSING = 2;

/** One subscription identifier per matching subscription; null: none. */
export type Identifiers = readonly number[] | null;

// A slot is four numbers in one typed array: a column each would cost a session several hundred bytes of headers.
const STRIDE_BITS = 2;
/** Packet id, state << 16, options << 24; 0: the slot is free. */
const META = 0;
/** Milliseconds as an int32 that wraps; only differences are used. */
const SENT_AT = 1;
/** Packet ids of the neighbours in the order of sending; 0: none. Ids outlive growth, slots do not. */
const PREVIOUS = 2;
const NEXT = 3;

const NO_NUMBERS = new Int32Array(0);
const PACKET_ID_MAX = 65_535;

/**
 * The slot of a packet id is its low bits. There are twice as many slots as ids in use, so that looking for the next id
 * whose slot is free takes a step or two on average whatever the client leaves unacknowledged. (Only a window of more
 * than 32,768 lacks that room: then a client that answers nothing but its newest message costs us tens of microseconds
 * for each.)
 */
export class Inflight {
  /** Messages under way, released ones included. */
  size = 0;
  /** What the messages held here count against budgets, in bytes. */
  bytes = 0;

  private limitCount: number;
  private numbers: Int32Array = NO_NUMBERS;
  private mask = -1;
  private messages: (Message | null)[] = [];
  // Most sessions never have either; the columns come with the first that does.
  private identifiers: Identifiers[] | null = null;
  private groups: (object | null)[] | null = null;
  private lastId = 0;
  // Two lists: what is published, in the order of sending, and what is released, in the order of the PUBRECs.
  private publishedFirst = 0;
  private publishedLast = 0;
  private releasedFirst = 0;
  private releasedLast = 0;

  constructor(limit: number) {
    this.limitCount = Math.min(limit, PACKET_ID_MAX);
  }

  /** Messages that may be under way; a lower one than `size` only stops new ones. */
  get limit(): number {
    return this.limitCount;
  }

  set limit(count: number) {
    assert(count >= 1, 'an inflight window has room for one message');
    this.limitCount = Math.min(count, PACKET_ID_MAX);
  }

  get isFull(): boolean {
    return this.size >= this.limitCount;
  }

  /**
   * Takes a message that is about to be sent with QoS 1 or 2. `flags` is any byte of the caller's, `group` the share
   * group that chose this session.
   * @returns its packet id, in use by nothing else (v3 [MQTT-2.3.1-2], v5 [MQTT-2.2.1-3]); 0 when the window is full.
   */
  add(
    message: Message,
    qos: number,
    flags: number,
    identifiers: Identifiers,
    group: object | null,
    nowMs: number,
  ): number {
    if (this.size >= this.limitCount) return 0;
    if (this.size * 2 >= this.messages.length && this.messages.length <= PACKET_ID_MAX) this.grow();
    const id = this.nextId();
    const slot = id & this.mask;
    const at = slot << STRIDE_BITS;
    const state = qos === 2 ? PUBLISHED_QOS2 : PUBLISHED_QOS1;
    this.numbers[at + META] = id | (state << 16) | (flags << 24);
    this.numbers[at + SENT_AT] = nowMs | 0;
    this.messages[slot] = message;
    if (identifiers !== null) this.identifiersColumn()[slot] = identifiers;
    if (group !== null) this.groupsColumn()[slot] = group;
    this.linkPublished(id, at);
    this.size += 1;
    this.bytes += message.size;
    return id;
  }

  /** PUBACK, whatever its reason code. @returns false when no message with QoS 1 has this id. */
  acked(id: number): boolean {
    const slot = this.slotOf(id);
    if (slot < 0 || this.stateAt(slot) !== PUBLISHED_QOS1) return false;
    this.free(slot);
    return true;
  }

  /** PUBREC with success: the message is let go, its id waits for PUBCOMP. */
  received(id: number, nowMs: number): number {
    const slot = this.slotOf(id);
    if (slot < 0) return PUBREC_MISSING;
    const state = this.stateAt(slot);
    if (state === RELEASED) return PUBREC_REPEAT;
    if (state !== PUBLISHED_QOS2) return PUBREC_MISSING;
    const at = slot << STRIDE_BITS;
    this.unlink(slot);
    this.dropContents(slot);
    this.numbers[at + META] = (this.numbers[at + META]! & 0xff00ffff) | (RELEASED << 16);
    this.numbers[at + SENT_AT] = nowMs | 0;
    this.linkReleased(id, at);
    return PUBREC_OK;
  }

  /** PUBREC with an error: the exchange is over. @returns false when no unreleased message with QoS 2 has this id. */
  refused(id: number): boolean {
    const slot = this.slotOf(id);
    if (slot < 0 || this.stateAt(slot) !== PUBLISHED_QOS2) return false;
    this.free(slot);
    return true;
  }

  /** PUBCOMP. @returns false when this id is not released. */
  completed(id: number): boolean {
    const slot = this.slotOf(id);
    if (slot < 0 || this.stateAt(slot) !== RELEASED) return false;
    this.free(slot);
    return true;
  }

  /** @returns the slot of a packet id in use, -1 otherwise. Any `add` may move slots. */
  slotOf(id: number): number {
    if (this.size === 0 || id === 0) return -1;
    const slot = id & this.mask;
    return (this.numbers[slot << STRIDE_BITS]! & 0xffff) === id ? slot : -1;
  }

  /**
   * First slot in the order of sending anew: released ids in the order of their PUBRECs (v3 [MQTT-4.6.0-4]), then
   * messages in the order in which they were first sent (v3 [MQTT-4.6.0-1]). -1: the window is empty.
   */
  first(): number {
    const id = this.releasedFirst !== 0 ? this.releasedFirst : this.publishedFirst;
    return id === 0 ? -1 : id & this.mask;
  }

  /** @returns the slot that follows `slot`, -1 at the end. */
  next(slot: number): number {
    let id = this.numbers[(slot << STRIDE_BITS) + NEXT]!;
    if (id === 0 && this.stateAt(slot) === RELEASED) id = this.publishedFirst;
    return id === 0 ? -1 : id & this.mask;
  }

  idAt(slot: number): number {
    return this.numbers[slot << STRIDE_BITS]! & 0xffff;
  }

  /** `PUBLISHED_QOS1`, `PUBLISHED_QOS2` or `RELEASED`. */
  stateAt(slot: number): number {
    return (this.numbers[slot << STRIDE_BITS]! >>> 16) & 0xff;
  }

  flagsAt(slot: number): number {
    return this.numbers[slot << STRIDE_BITS]! >>> 24;
  }

  /** Null once released. */
  messageAt(slot: number): Message | null {
    return this.messages[slot]!;
  }

  identifiersAt(slot: number): Identifiers {
    return this.identifiers === null ? null : this.identifiers[slot]!;
  }

  groupAt(slot: number): object | null {
    return this.groups === null ? null : this.groups[slot]!;
  }

  /** The packet of this slot has just been sent again. */
  resent(slot: number, nowMs: number): void {
    this.numbers[(slot << STRIDE_BITS) + SENT_AT] = nowMs | 0;
  }

  /**
   * Calls `visit` for each slot last sent `intervalMs` ago or earlier, in the order of sending anew, until it answers
   * false. What it accepts counts as sent now. `visit` must not change the window.
   */
  overdue(nowMs: number, intervalMs: number, visit: (slot: number) => boolean): void {
    for (let slot = this.first(); slot >= 0; slot = this.next(slot)) {
      const at = (slot << STRIDE_BITS) + SENT_AT;
      if (((nowMs | 0) - this.numbers[at]!) >>> 0 < intervalMs) continue;
      if (!visit(slot)) return;
      this.numbers[at] = nowMs | 0;
    }
  }

  /**
   * Offers every message with QoS 1 that a share group gave this session, oldest first, to other members of the
   * group; what `take` accepts is removed. One with QoS 2 stays: it may have arrived, and only this client can tell.
   * `take` must not touch this window.
   */
  takeShared(take: (message: Message, group: object) => boolean): void {
    if (this.groups === null) return;
    for (let id = this.publishedFirst; id !== 0; ) {
      const slot = id & this.mask;
      id = this.numbers[(slot << STRIDE_BITS) + NEXT]!;
      const group = this.groups[slot]!;
      const message = this.messages[slot]!;
      if (group === null || message === null || this.stateAt(slot) !== PUBLISHED_QOS1) continue;
      if (take(message, group)) this.free(slot);
    }
  }

  /** Forgets everything; packet ids go on from where they were. */
  clear(): void {
    this.size = 0;
    this.bytes = 0;
    this.publishedFirst = this.publishedLast = 0;
    this.releasedFirst = this.releasedLast = 0;
    this.trim();
  }

  /** Gives an empty window's memory back: for sessions that have fallen silent. */
  trim(): void {
    if (this.size > 0) return;
    this.numbers = NO_NUMBERS;
    this.mask = -1;
    this.messages = [];
    this.identifiers = null;
    this.groups = null;
  }

  private nextId(): number {
    let id = this.lastId;
    do {
      id = id === PACKET_ID_MAX ? 1 : id + 1;
    } while (this.numbers[(id & this.mask) << STRIDE_BITS] !== 0);
    this.lastId = id;
    return id;
  }

  private linkPublished(id: number, at: number): void {
    this.numbers[at + PREVIOUS] = this.publishedLast;
    this.numbers[at + NEXT] = 0;
    if (this.publishedLast === 0) this.publishedFirst = id;
    else this.numbers[((this.publishedLast & this.mask) << STRIDE_BITS) + NEXT] = id;
    this.publishedLast = id;
  }

  private linkReleased(id: number, at: number): void {
    this.numbers[at + PREVIOUS] = this.releasedLast;
    this.numbers[at + NEXT] = 0;
    if (this.releasedLast === 0) this.releasedFirst = id;
    else this.numbers[((this.releasedLast & this.mask) << STRIDE_BITS) + NEXT] = id;
    this.releasedLast = id;
  }

  private unlink(slot: number): void {
    const at = slot << STRIDE_BITS;
    const previous = this.numbers[at + PREVIOUS]!;
    const next = this.numbers[at + NEXT]!;
    if (previous !== 0) this.numbers[((previous & this.mask) << STRIDE_BITS) + NEXT] = next;
    if (next !== 0) this.numbers[((next & this.mask) << STRIDE_BITS) + PREVIOUS] = previous;
    const id = this.idAt(slot);
    if (this.stateAt(slot) === RELEASED) {
      if (this.releasedFirst === id) this.releasedFirst = next;
      if (this.releasedLast === id) this.releasedLast = previous;
    } else {
      if (this.publishedFirst === id) this.publishedFirst = next;
      if (this.publishedLast === id) this.publishedLast = previous;
    }
  }

  private free(slot: number): void {
    this.unlink(slot);
    this.dropContents(slot);
    this.numbers[slot << STRIDE_BITS] = 0;
    this.size -= 1;
  }

  private dropContents(slot: number): void {
    const message = this.messages[slot]!;
    if (message === null) return;
    this.bytes -= message.size;
    this.messages[slot] = null;
    if (this.identifiers !== null) this.identifiers[slot] = null;
    if (this.groups !== null) this.groups[slot] = null;
  }

  private identifiersColumn(): Identifiers[] {
    this.identifiers ??= new Array<Identifiers>(this.messages.length).fill(null);
    return this.identifiers;
  }

  private groupsColumn(): (object | null)[] {
    this.groups ??= new Array<object | null>(this.messages.length).fill(null);
    return this.groups;
  }

  /** Doubles the slots. Ids with different low bits still differ in one bit more, so nothing collides. */
  private grow(): void {
    const slots = Math.max(INFLIGHT_SLOTS_MIN, this.messages.length * 2);
    const numbers = new Int32Array(slots << STRIDE_BITS);
    for (let slot = this.first(); slot >= 0; slot = this.next(slot)) {
      const from = slot << STRIDE_BITS;
      const to = (this.idAt(slot) & (slots - 1)) << STRIDE_BITS;
      for (let i = 0; i < 1 << STRIDE_BITS; i += 1) numbers[to + i] = this.numbers[from + i]!;
    }
    this.messages = this.moved(this.messages, slots);
    if (this.identifiers !== null) this.identifiers = this.moved(this.identifiers, slots);
    if (this.groups !== null) this.groups = this.moved(this.groups, slots);
    this.numbers = numbers;
    this.mask = slots - 1;
  }

  private moved<T>(column: readonly (T | null)[], slots: number): (T | null)[] {
    const grown = new Array<T | null>(slots).fill(null);
    for (let slot = this.first(); slot >= 0; slot = this.next(slot)) {
      grown[this.idAt(slot) & (slots - 1)] = column[slot]!;
    }
    return grown;
  }
}

/**
 * Messages with QoS 1 and 2 that one session has been sent and has not acknowledged in full. Lives in the shard that
 * owns the session.
 */
import { assert } from '../../src/base/assert.js';
import type { Message } from '../../src/protocol/message.js';
import { type Entry, type EntryGroup, NO_ENTRY } from '../store/journal.js';
import {
  HELD,
  type Identifiers,
  PUBLISHED_QOS1,
  PUBLISHED_QOS2,
  READY,
  RELEASED,
  RELEASING,
} from './exchange.js';
import { ExchangeSlots, PACKET_ID_MAX, SENT_AT, STRIDE_BITS } from './exchange-slots.js';

/** Answers of `received`. */
export const PUBREC_OK = 0;
/** The id is released already: PUBREL is to be sent once more. */
export const PUBREC_REPEAT = 1;
/** No exchange with QoS 2 has this id: 0x92 in MQTT 5. */
export const PUBREC_MISSING = 2;
/** It is kept: PUBREL is to be sent when it is safe that this PUBREC has come. */
export const PUBREC_KEPT = 3;
/** The same, once more. */
export const PUBREC_SAFE_LATER = 4;

export class Inflight extends ExchangeSlots {
  private limitCount: number;

  constructor(limit: number) {
    super();
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
    group: EntryGroup | null,
    nowMs: number,
  ): number {
    if (this.size >= this.limitCount) return 0;
    const id = this.take(qos === 2 ? PUBLISHED_QOS2 : PUBLISHED_QOS1, flags, nowMs);
    this.fill(id & this.mask, message, identifiers, group);
    this.linkPublished(id, (id & this.mask) << STRIDE_BITS);
    return id;
  }

  /** As `add`, for a message with QoS 2 that is sent when `ready` has been said of it. */
  addHeld(message: Message, flags: number, identifiers: Identifiers, group: EntryGroup | null): number {
    if (this.size >= this.limitCount) return 0;
    const id = this.take(HELD, flags, 0);
    this.fill(id & this.mask, message, identifiers, group);
    this.linkHeld(id, (id & this.mask) << STRIDE_BITS);
    this.heldCount += 1;
    return id;
  }

  /**
   * Puts back what was in flight when the broker ended, in the order of `first`; the limit does not count. `state`:
   * PUBLISHED_QOS1, PUBLISHED_QOS2 or RELEASED; of a released one there is no message.
   * @returns false, and nothing has changed, when the id is in use
   */
  restore(
    id: number,
    state: number,
    message: Message | null,
    flags: number,
    identifiers: Identifiers,
    group: EntryGroup | null,
    nowMs: number,
  ): boolean {
    assert(id >= 1 && id <= PACKET_ID_MAX, 'what is in flight has a packet id');
    if (this.slotOf(id) >= 0) return false;
    if (this.isCrowded) this.grow();
    while (this.numbers[(id & this.mask) << STRIDE_BITS] !== 0) this.grow();
    const slot = id & this.mask;
    this.occupy(id, state, flags, nowMs);
    if (message !== null) this.fill(slot, message, identifiers, group);
    if (state === RELEASED) this.linkReleased(id, slot << STRIDE_BITS);
    else this.linkPublished(id, slot << STRIDE_BITS);
    this.lastId = id;
    return true;
  }

  /** PUBACK, whatever its reason code. @returns false when no message with QoS 1 has this id. */
  acked(id: number): boolean {
    const slot = this.slotOf(id);
    if (slot < 0 || this.stateAt(slot) !== PUBLISHED_QOS1) return false;
    this.free(slot);
    return true;
  }

  /** PUBREC with success: the message is let go, its id waits for PUBCOMP. One that is kept becomes RELEASING. */
  received(id: number, nowMs: number): number {
    const slot = this.slotOf(id);
    if (slot < 0) return PUBREC_MISSING;
    const state = this.stateAt(slot);
    if (state === RELEASED) return PUBREC_REPEAT;
    if (state === RELEASING) return PUBREC_SAFE_LATER;
    if (state !== PUBLISHED_QOS2) return PUBREC_MISSING;
    const at = slot << STRIDE_BITS;
    this.lastEntry = this.entryAt(slot);
    this.unlink(slot);
    this.dropContents(slot);
    this.setState(slot, this.lastEntry === NO_ENTRY ? RELEASED : RELEASING);
    this.numbers[at + SENT_AT] = nowMs | 0;
    this.linkReleased(id, at);
    return this.lastEntry === NO_ENTRY ? PUBREC_OK : PUBREC_KEPT;
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

  /** What was HELD is safe, and waits to be sent. */
  ready(slot: number): void {
    this.setState(slot, READY);
    this.heldCount -= 1;
  }

  /** What was READY is being sent. */
  published(slot: number, nowMs: number): void {
    const at = slot << STRIDE_BITS;
    this.unlink(slot);
    this.setState(slot, PUBLISHED_QOS2);
    this.numbers[at + SENT_AT] = nowMs | 0;
    this.linkPublished(this.idAt(slot), at);
  }

  /** It is safe that PUBREC has come: PUBREL is being sent, or will be when the client is back. */
  released(slot: number): void {
    this.setState(slot, RELEASED);
  }

  /** The exchange ends without the client's doing. */
  drop(slot: number): void {
    this.free(slot);
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
      if (this.stateAt(slot) > RELEASED || ((nowMs | 0) - this.numbers[at]!) >>> 0 < intervalMs) continue;
      if (!visit(slot)) return;
      this.numbers[at] = nowMs | 0;
    }
  }

  /**
   * Offers every message that a share group gave this session and no client may have in part, oldest first, to other
   * members of the group; what `take` accepts is removed. One with QoS 2 that was sent stays: it may have arrived, and
   * only this client can tell. `take` must not touch this window.
   */
  takeShared(take: (message: Message, group: EntryGroup, entry: Entry) => boolean): void {
    if (this.groups === null) return;
    for (let slot = this.first(); slot >= 0; ) {
      const at = slot;
      slot = this.next(slot);
      const group = this.groups[at]!;
      const message = this.messages[at]!;
      if (group === null || message === null || this.stateAt(at) === PUBLISHED_QOS2) continue;
      if (take(message, group, this.entryAt(at))) this.free(at);
    }
  }
}

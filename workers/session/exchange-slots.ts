/**
 * Where a session's exchanges lie, by packet id and in order; what happens to them is inflight.ts. Lives in the shard
 * that owns the session.
 */
import { INFLIGHT_SLOTS_MIN } from '../../src/limits.js';
import type { Message } from '../../src/protocol/message.js';
import { type Entry, type EntryGroup, NO_ENTRY } from '../store/journal.js';
import { HELD, type Identifiers, isReleased, isUnsent, PUBLISHED_QOS2 } from './exchange.js';

// A slot is four numbers in one typed array: a column each would cost a session several hundred bytes of headers.
export const STRIDE_BITS = 2;
/** Packet id, state << 16, options << 24; 0: the slot is free. */
const META = 0;
/** Milliseconds as an int32 that wraps; only differences are used. */
export const SENT_AT = 1;
/** Packet ids of the neighbours in the order of sending; 0: none. Ids outlive growth, slots do not. */
const PREVIOUS = 2;
const NEXT = 3;

const NO_NUMBERS = new Int32Array(0);
export const PACKET_ID_MAX = 65_535;

/**
 * The slot of a packet id is its low bits. There are twice as many slots as ids in use, so that looking for the next id
 * whose slot is free takes a step or two on average whatever the client leaves unacknowledged. (Only a window of more
 * than 32,768 lacks that room: then a client that answers nothing but its newest message costs us tens of microseconds
 * for each.)
 */
export class ExchangeSlots {
  /** Messages under way, released ones included. */
  size = 0;
  /** What the messages held here count against budgets, in bytes. */
  bytes = 0;
  /** Those of them that are HELD. */
  heldCount = 0;
  /** Of the exchange that has ended or was released last. */
  lastEntry: Entry = NO_ENTRY;

  protected numbers: Int32Array = NO_NUMBERS;
  protected mask = -1;
  protected messages: (Message | null)[] = [];
  // Most sessions never have any of them; the columns come with the first that does.
  private identifiers: Identifiers[] | null = null;
  protected groups: (EntryGroup | null)[] | null = null;
  private entries: Entry[] | null = null;
  protected lastId = 0;
  // Three lists: what is published, in the order of sending; what is released, in the order of the PUBRECs; and what
  // has not been sent yet, in the order of its coming.
  private publishedFirst = 0;
  private publishedLast = 0;
  private releasedFirst = 0;
  private releasedLast = 0;
  private heldFirst = 0;
  private heldLast = 0;

  /** @returns the slot of a packet id in use, -1 otherwise. Any `add` may move slots. */
  slotOf(id: number): number {
    if (this.size === 0 || id === 0) return -1;
    const slot = id & this.mask;
    return (this.numbers[slot << STRIDE_BITS]! & 0xffff) === id ? slot : -1;
  }

  /**
   * First slot in the order of sending anew: released ids in the order of their PUBRECs (v3 [MQTT-4.6.0-4]), then
   * messages in the order in which they were first sent (v3 [MQTT-4.6.0-1]), then those that never were. -1: the window
   * is empty.
   */
  first(): number {
    const id = this.releasedFirst || this.publishedFirst || this.heldFirst;
    return id === 0 ? -1 : id & this.mask;
  }

  /** @returns the slot that follows `slot`, -1 at the end. */
  next(slot: number): number {
    let id = this.numbers[(slot << STRIDE_BITS) + NEXT]!;
    if (id === 0) {
      const state = this.stateAt(slot);
      if (isReleased(state)) id = this.publishedFirst || this.heldFirst;
      else if (!isUnsent(state)) id = this.heldFirst;
    }
    return id === 0 ? -1 : id & this.mask;
  }

  idAt(slot: number): number {
    return this.numbers[slot << STRIDE_BITS]! & 0xffff;
  }

  /** One of the states of exchange.ts, but not FREE. */
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

  groupAt(slot: number): EntryGroup | null {
    return this.groups === null ? null : this.groups[slot]!;
  }

  entryAt(slot: number): Entry {
    return this.entries === null ? NO_ENTRY : this.entries[slot]!;
  }

  /** What the journal knows a packet id in use by. */
  setEntry(id: number, entry: Entry): void {
    this.entries ??= new Array<Entry>(this.messages.length).fill(NO_ENTRY);
    this.entries[id & this.mask] = entry;
  }

  /** Calls `visit` with every entry that is known here. */
  forEachEntry(visit: (entry: Entry) => void): void {
    if (this.entries === null) return;
    for (const entry of this.entries) if (entry !== NO_ENTRY) visit(entry);
  }

  /** Forgets everything; packet ids go on from where they were. */
  clear(): void {
    this.size = 0;
    this.bytes = 0;
    this.heldCount = 0;
    this.publishedFirst = this.publishedLast = 0;
    this.releasedFirst = this.releasedLast = 0;
    this.heldFirst = this.heldLast = 0;
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
    this.entries = null;
  }

  /** Half of the slots are in use, and there may be more. */
  protected get isCrowded(): boolean {
    return this.size * 2 >= this.messages.length && this.messages.length <= PACKET_ID_MAX;
  }

  /** @returns a packet id whose slot is taken with it */
  protected take(state: number, flags: number, nowMs: number): number {
    if (this.isCrowded) this.grow();
    const id = this.nextId();
    this.occupy(id, state, flags, nowMs);
    return id;
  }

  protected occupy(id: number, state: number, flags: number, nowMs: number): void {
    const at = (id & this.mask) << STRIDE_BITS;
    this.numbers[at + META] = id | (state << 16) | (flags << 24);
    this.numbers[at + SENT_AT] = nowMs | 0;
    this.size += 1;
  }

  protected fill(slot: number, message: Message, identifiers: Identifiers, group: EntryGroup | null): void {
    this.messages[slot] = message;
    if (identifiers !== null) this.identifiersColumn()[slot] = identifiers;
    if (group !== null) this.groupsColumn()[slot] = group;
    this.bytes += message.size;
  }

  protected setState(slot: number, state: number): void {
    const at = (slot << STRIDE_BITS) + META;
    this.numbers[at] = (this.numbers[at]! & 0xff00ffff) | (state << 16);
  }

  private nextId(): number {
    let id = this.lastId;
    do {
      id = id === PACKET_ID_MAX ? 1 : id + 1;
    } while (this.numbers[(id & this.mask) << STRIDE_BITS] !== 0);
    this.lastId = id;
    return id;
  }

  protected linkPublished(id: number, at: number): void {
    this.linkBehind(this.publishedLast, id, at);
    if (this.publishedLast === 0) this.publishedFirst = id;
    this.publishedLast = id;
  }

  protected linkReleased(id: number, at: number): void {
    this.linkBehind(this.releasedLast, id, at);
    if (this.releasedLast === 0) this.releasedFirst = id;
    this.releasedLast = id;
  }

  protected linkHeld(id: number, at: number): void {
    this.linkBehind(this.heldLast, id, at);
    if (this.heldLast === 0) this.heldFirst = id;
    this.heldLast = id;
  }

  private linkBehind(last: number, id: number, at: number): void {
    this.numbers[at + PREVIOUS] = last;
    this.numbers[at + NEXT] = 0;
    if (last !== 0) this.numbers[((last & this.mask) << STRIDE_BITS) + NEXT] = id;
  }

  protected unlink(slot: number): void {
    const { numbers } = this;
    const at = slot << STRIDE_BITS;
    const previous = numbers[at + PREVIOUS]!;
    const next = numbers[at + NEXT]!;
    if (previous !== 0) numbers[((previous & this.mask) << STRIDE_BITS) + NEXT] = next;
    if (next !== 0) numbers[((next & this.mask) << STRIDE_BITS) + PREVIOUS] = previous;
    const id = numbers[at]! & 0xffff;
    const state = (numbers[at]! >>> 16) & 0xff;
    if (state <= PUBLISHED_QOS2) {
      if (this.publishedFirst === id) this.publishedFirst = next;
      if (this.publishedLast === id) this.publishedLast = previous;
    } else if (isReleased(state)) {
      if (this.releasedFirst === id) this.releasedFirst = next;
      if (this.releasedLast === id) this.releasedLast = previous;
    } else {
      if (state === HELD) this.heldCount -= 1;
      if (this.heldFirst === id) this.heldFirst = next;
      if (this.heldLast === id) this.heldLast = previous;
    }
  }

  protected free(slot: number): void {
    this.unlink(slot);
    this.dropContents(slot);
    this.numbers[slot << STRIDE_BITS] = 0;
    this.size -= 1;
    this.lastEntry = NO_ENTRY;
    if (this.entries === null) return;
    this.lastEntry = this.entries[slot]!;
    this.entries[slot] = NO_ENTRY;
  }

  protected dropContents(slot: number): void {
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

  private groupsColumn(): (EntryGroup | null)[] {
    this.groups ??= new Array<EntryGroup | null>(this.messages.length).fill(null);
    return this.groups;
  }

  /** Doubles the slots. Ids with different low bits still differ in one bit more, so nothing collides. */
  protected grow(): void {
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
    if (this.entries !== null) this.entries = this.movedEntries(this.entries, slots);
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

  private movedEntries(column: readonly Entry[], slots: number): Entry[] {
    const grown = new Array<Entry>(slots).fill(NO_ENTRY);
    for (let slot = this.first(); slot >= 0; slot = this.next(slot)) {
      grown[this.idAt(slot) & (slots - 1)] = column[slot]!;
    }
    return grown;
  }
}

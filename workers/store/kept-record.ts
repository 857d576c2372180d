/**
 * What a shard knows of one record of its journal: which of its entries still matter, and what could be saved by
 * writing it anew. Runs on the shard's thread.
 */
import { JOURNAL_EVENT_RECORD_BYTES, JOURNAL_LIVE_SHARE, JOURNAL_SAVED_BYTES_MIN } from '../../src/limits.js';
import {
  ENTRY_BYTES,
  NO_MESSAGE,
  PLACES_MAX,
  STATE_RELEASED,
  STATE_SENT,
} from '../../src/storage/journal-format.js';
import type { PendingRecord } from './pending-record.js';

/** In `messageOf`: the entry is over, or was never written. */
export const OVER = 0xffff;

const NO_NUMBERS = new Uint16Array(0);
const NO_SIZES = new Uint32Array(0);
const STATE_BITS = 2;
const EVENT_RECORDS_COUNTED = 16;

/** What is in a row that is being made. */
export class RowIndex {
  entries = 0;
  readonly messageOf: Uint16Array;
  readonly receivers: Uint16Array;

  /** `sizes`: the bytes of each message. */
  constructor(
    places: number,
    readonly sizes: Uint32Array,
  ) {
    this.messageOf = new Uint16Array(places).fill(OVER);
    this.receivers = new Uint16Array(sizes.length);
  }

  /** An entry. `message`: the how manieth, or NO_MESSAGE. */
  put(place: number, message: number): void {
    this.messageOf[place] = message;
    if (message !== NO_MESSAGE) this.receivers[message]!++;
    this.entries++;
  }
}

export class KeptRecord {
  /** What its entries begin from. */
  readonly base: number;
  /** Entries that are not over. */
  live = 0;
  /** Entries in its row. */
  written = 0;
  /** Of its row. */
  bytes = 0;
  /** Of its row, without what belongs to entries that are over. */
  liveBytes = 0;
  /** Earlier records that need what is said about them here. */
  pins = 0;
  /** What later records up to this one say about its entries is in its row already. */
  settled = 0;
  /** Later records that say something about its entries which is not in its row; each once. */
  eventsIn: KeptRecord[] | null = null;
  /** Its row is removed, or there will never be one. */
  isGone = false;
  /** It is to be written anew. */
  isListed = false;

  /** By place: the how manieth message of the record, NO_MESSAGE, or OVER. */
  private messageOf: Uint16Array = NO_NUMBERS;
  /** By message: entries that need it, and its bytes. */
  private receivers: Uint16Array = NO_NUMBERS;
  private sizes: Uint32Array = NO_SIZES;
  /** By place: order, and packet id with state, of entries that have moved on since the row was written. */
  private latest: Float64Array | null = null;
  private entryBytes = ENTRY_BYTES;
  private eventBytes = 0;
  private pinsWritten = 0;

  constructor(
    readonly sequence: number,
    /** Where its entries are, until its row is written. */
    public pending: PendingRecord | null,
  ) {
    this.base = sequence * PLACES_MAX;
  }

  /** Nothing of it is needed any more. */
  get isOver(): boolean {
    return this.live === 0 && this.pins === 0;
  }

  /** Bytes of its row that are needed. */
  get neededBytes(): number {
    if (this.pins === 0) return this.liveBytes;
    return this.liveBytes + (this.eventBytes * this.pins) / this.pinsWritten;
  }

  /** It is worth writing anew. One that only lasts for what it says about others must not be waited for itself. */
  get isSparse(): boolean {
    if (this.live === 0) return this.written > 0;
    const needed = this.neededBytes;
    return needed < this.bytes * JOURNAL_LIVE_SHARE && this.bytes - needed >= JOURNAL_SAVED_BYTES_MIN;
  }

  /** Its row is made; in it are events about `pins` earlier records, and entries of which each took `entryBytes`. */
  made(index: RowIndex, bytes: number, entryBytes: number, eventBytes: number, pins: number): void {
    this.pending = null;
    this.messageOf = index.messageOf;
    this.receivers = index.receivers;
    this.sizes = index.sizes;
    this.latest = null;
    this.live = this.written = index.entries;
    this.bytes = bytes;
    this.liveBytes = bytes - eventBytes;
    this.entryBytes = entryBytes;
    this.eventBytes = eventBytes;
    this.pins = this.pinsWritten = pins;
  }

  /** Places of its entries, gaps included. */
  get places(): number {
    return this.messageOf.length;
  }

  /** @returns the how manieth message an entry has, NO_MESSAGE, or OVER. */
  messageAt(place: number): number {
    return place < this.messageOf.length ? this.messageOf[place]! : OVER;
  }

  /** @returns whether some entry needs the message. */
  isNeeded(message: number): boolean {
    return this.receivers[message]! > 0;
  }

  /** @returns false when it was over already, or has never been written. */
  end(place: number): boolean {
    const message = this.messageAt(place);
    if (message === OVER) return false;
    this.messageOf[place] = OVER;
    this.live--;
    this.liveBytes -= this.entryBytes;
    this.dropMessage(message);
    return true;
  }

  /** @returns false when it is over. */
  step(place: number, order: number, packetId: number, state: number): boolean {
    const message = this.messageAt(place);
    if (message === OVER) return false;
    this.latest ??= new Float64Array(2 * this.messageOf.length);
    this.latest[2 * place] = order;
    // RELEASED names no packet id: it is that of the entry, unless a step has given it one.
    const before = this.latest[2 * place + 1]! >>> STATE_BITS;
    const id = state === STATE_SENT ? packetId : before;
    this.latest[2 * place + 1] = (id << STATE_BITS) | state;
    if (state === STATE_RELEASED && message !== NO_MESSAGE) {
      this.messageOf[place] = NO_MESSAGE;
      this.dropMessage(message);
    }
    return true;
  }

  /** @returns the order of its latest step since the row was written; 0: there was none. */
  orderOf(place: number): number {
    return this.latest === null ? 0 : this.latest[2 * place]!;
  }

  /** Of an entry that has an order. */
  stateOf(place: number): number {
    return this.latest![2 * place + 1]! & ((1 << STATE_BITS) - 1);
  }

  /** Of an entry that has an order; 0: as in the row. */
  packetIdOf(place: number): number {
    return this.latest![2 * place + 1]! >>> STATE_BITS;
  }

  /** A later record says something about this one. @returns false when that was known */
  pin(by: KeptRecord): boolean {
    this.eventsIn ??= [];
    const { eventsIn } = this;
    if (eventsIn.length > 0 && eventsIn[eventsIn.length - 1] === by) return false;
    eventsIn.push(by);
    return true;
  }

  /** So many records last only for what they say about this one that it should be written anew. Asked after `pin`. */
  get isCostly(): boolean {
    const { eventsIn } = this;
    if (eventsIn === null) return false;
    const { length } = eventsIn;
    // Counted seldom enough to cost nothing in the long run.
    if (length < EVENT_RECORDS_COUNTED || (length & (length - 1)) !== 0) return false;
    let lasting = 0;
    for (const { live } of eventsIn) if (live === 0) lasting++;
    return lasting * JOURNAL_EVENT_RECORD_BYTES >= this.bytes;
  }

  private dropMessage(message: number): void {
    if (message === NO_MESSAGE) return;
    if (--this.receivers[message]! === 0) this.liveBytes -= this.sizes[message]!;
  }
}

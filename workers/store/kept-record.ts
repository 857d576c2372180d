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

/** A typed array has 200 bytes of its own, which is much for a record with one message. */
const PLAIN_CELLS_MAX = 24;
const NO_CELLS: number[] = [];
const CELL_BITS = 16;

const STATE_BITS = 2;
const EVENT_RECORDS_COUNTED = 16;

/**
 * What is in a row that is being made, in cells of 16 bits: by place the how manieth message the entry has, NO_MESSAGE
 * or OVER; by message the entries that need it; by message its size.
 */
export class RowIndex {
  entries = 0;
  readonly cells: Uint16Array | number[];
  /** Sizes are in units of two to the power of this many bytes. */
  readonly sizeShift: number;

  /** `sizes`: the bytes of each message. */
  constructor(
    readonly places: number,
    readonly messages: number,
    sizes: Uint32Array,
  ) {
    const count = places + 2 * messages;
    this.cells = count <= PLAIN_CELLS_MAX ? new Array<number>(count).fill(0) : new Uint16Array(count);
    this.cells.fill(OVER, 0, places);
    let largest = 0;
    for (let i = 0; i < messages; i++) largest = Math.max(largest, sizes[i]!);
    this.sizeShift = Math.max(0, 32 - Math.clz32(largest) - CELL_BITS);
    for (let i = 0; i < messages; i++) this.cells[places + messages + i] = sizes[i]! >>> this.sizeShift;
  }

  /** An entry. `message`: the how manieth, or NO_MESSAGE. */
  put(place: number, message: number): void {
    this.cells[place] = message;
    if (message !== NO_MESSAGE) this.cells[this.places + message]!++;
    this.entries++;
  }
}

export class KeptRecord {
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

  /** Of its row; see RowIndex. */
  places = 0;
  private messages = 0;
  private sizeShift = 0;
  private cells: Uint16Array | number[] = NO_CELLS;
  /** By place: order, and packet id with state, of entries that have moved on since the row was written. */
  private latest: Float64Array | null = null;
  private entryBytes = ENTRY_BYTES;
  private eventBytes = 0;
  private pinsWritten = 0;

  constructor(
    readonly sequence: number,
    /** Where its entries are, until its row is written. */
    public pending: PendingRecord | null,
  ) {}

  /** What its entries begin from. */
  get base(): number {
    return this.sequence * PLACES_MAX;
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
    this.places = index.places;
    this.messages = index.messages;
    this.sizeShift = index.sizeShift;
    this.cells = index.cells;
    this.latest = null;
    this.live = this.written = index.entries;
    this.bytes = bytes;
    this.liveBytes = bytes - eventBytes;
    this.entryBytes = entryBytes;
    this.eventBytes = eventBytes;
    this.pins = this.pinsWritten = pins;
  }

  /** @returns the how manieth message an entry has, NO_MESSAGE, or OVER. */
  messageAt(place: number): number {
    return place < this.places ? this.cells[place]! : OVER;
  }

  /** @returns whether some entry needs the message. */
  isNeeded(message: number): boolean {
    return this.cells[this.places + message]! > 0;
  }

  /** @returns false when it was over already, or has never been written. */
  end(place: number): boolean {
    const message = this.messageAt(place);
    if (message === OVER) return false;
    this.cells[place] = OVER;
    this.live--;
    this.liveBytes -= this.entryBytes;
    this.dropMessage(message);
    return true;
  }

  /** @returns false when it is over. */
  step(place: number, order: number, packetId: number, state: number): boolean {
    const message = this.messageAt(place);
    if (message === OVER) return false;
    this.latest ??= new Float64Array(2 * this.places);
    this.latest[2 * place] = order;
    // RELEASED names no packet id: it is that of the entry, unless a step has given it one.
    const before = this.latest[2 * place + 1]! >>> STATE_BITS;
    const id = state === STATE_SENT ? packetId : before;
    this.latest[2 * place + 1] = (id << STATE_BITS) | state;
    if (state === STATE_RELEASED && message !== NO_MESSAGE) {
      this.cells[place] = NO_MESSAGE;
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
    const at = this.places + message;
    if (--this.cells[at]! === 0) this.liveBytes -= this.cells[at + this.messages]! << this.sizeShift;
  }
}

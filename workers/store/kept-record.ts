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
import { type Cells, NO_CELLS, OVER, type RowIndex } from './row-index.js';

const STATE_BITS = 2;
const EVENT_RECORDS_COUNTED = 16;

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

  // Of its row; see RowIndex.
  private slots = 0;
  private places: Cells | null = null;
  private messages = 0;
  private sizeShift = 0;
  private cells: Cells = NO_CELLS;
  /** By slot: order, and packet id with state, of entries that have moved on since the row was written. */
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
    this.slots = index.slots;
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
    const slot = this.slotOf(place);
    return slot < 0 ? OVER : this.cells[slot]!;
  }

  /** @returns whether some entry needs the message. */
  isNeeded(message: number): boolean {
    return this.cells[this.slots + message]! > 0;
  }

  /** @returns false when it was over already, or has never been written. */
  end(place: number): boolean {
    const slot = this.slotOf(place);
    const message = slot < 0 ? OVER : this.cells[slot]!;
    if (message === OVER) return false;
    this.cells[slot] = OVER;
    this.live--;
    this.liveBytes -= this.entryBytes;
    this.dropMessage(message);
    return true;
  }

  /** @returns false when it is over. */
  step(place: number, order: number, packetId: number, state: number): boolean {
    const slot = this.slotOf(place);
    const message = slot < 0 ? OVER : this.cells[slot]!;
    if (message === OVER) return false;
    this.latest ??= new Float64Array(2 * this.slots);
    this.latest[2 * slot] = order;
    // RELEASED names no packet id: it is that of the entry, unless a step has given it one.
    const before = this.latest[2 * slot + 1]! >>> STATE_BITS;
    const id = state === STATE_SENT ? packetId : before;
    this.latest[2 * slot + 1] = (id << STATE_BITS) | state;
    if (state === STATE_RELEASED && message !== NO_MESSAGE) {
      this.cells[slot] = NO_MESSAGE;
      this.dropMessage(message);
    }
    return true;
  }

  /** @returns the order of its latest step since the row was written; 0: there was none. Of an entry that lives. */
  orderOf(place: number): number {
    return this.latest === null ? 0 : this.latest[2 * this.slotOf(place)]!;
  }

  /** Of an entry that has an order. */
  stateOf(place: number): number {
    return this.latest![2 * this.slotOf(place) + 1]! & ((1 << STATE_BITS) - 1);
  }

  /** Of an entry that has an order; 0: as in the row. */
  packetIdOf(place: number): number {
    return this.latest![2 * this.slotOf(place) + 1]! >>> STATE_BITS;
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

  // @returns -1: it was not written
  private slotOf(place: number): number {
    const { places } = this;
    if (places === null) return place < this.slots ? place : -1;
    let from = 0;
    let to = this.slots;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (places[middle]! < place) from = middle + 1;
      else to = middle;
    }
    return from < this.slots && places[from] === place ? from : -1;
  }

  private dropMessage(message: number): void {
    if (message === NO_MESSAGE) return;
    const at = this.slots + message;
    if (--this.cells[at]! === 0) this.liveBytes -= this.cells[at + this.messages]! << this.sizeShift;
  }
}

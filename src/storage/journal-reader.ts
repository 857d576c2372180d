/**
 * Reads one record of the journal after the other; whatever bytes it is given, it says whether they are one. Used on
 * shards, and on main.
 */
import { BatchReader } from '../protocol/batch-reader.js';
import { recordBytes } from '../protocol/batch-record.js';
import type { PublishView } from '../protocol/mqtt/publish-view.js';
import {
  BITS_AT,
  END_BYTES,
  ENTRY_BYTES,
  type EntryGroup,
  FLAGS_AT,
  HEAD_BYTES,
  isEntry,
  MARK_GROUP,
  MARK_IDENTIFIERS,
  MESSAGE_AT,
  NO_MESSAGE,
  ORDER_BYTES,
  PACKET_ID_AT,
  PLACE_AT,
  PLACES_MAX,
  QOS_MASK,
  SEQUENCE_MAX,
  STATE_INBOUND,
  STATE_QUEUED,
  STATE_RELEASED,
  STATE_SENT,
  STATE_SHIFT,
  STEP_BYTES,
  TWO_32,
} from './journal-format.js';

const NO_BYTES = Buffer.alloc(0);
const NO_VIEW = new DataView(NO_BYTES.buffer, 0, 0);

export class JournalReader {
  settled = 0;
  entries = 0;
  ends = 0;
  steps = 0;
  messages = 0;
  /** Of entries, gaps included. */
  places = 0;

  // Of the entry that `nextEntry` has read last.
  session = 0;
  place = 0;
  /** The how manieth of the record's messages; NO_MESSAGE: none. */
  message = 0;
  packetId = 0;
  state = 0;
  qos = 0;
  flags = 0;
  /** 0 where it is neither SENT nor RELEASED. */
  order = 0;

  private bytes: Buffer = NO_BYTES;
  private view: DataView = NO_VIEW;
  private nextAt = 0;
  /** Where identifiers and group of the entry read last lie. */
  private extrasAt = 0;
  private marks = 0;
  private endsAt = 0;
  private stepsAt = 0;
  /** Where each message begins; one more: where the last ends. */
  private readonly messagesAt = new Uint32Array(PLACES_MAX + 1);
  private readonly batch = new BatchReader();

  /**
   * Begins with the content of a record, which must stay as it is until the next. @returns false when it is none; then
   * nothing else may be asked.
   */
  open(content: Buffer): boolean {
    if (content.length < HEAD_BYTES) return false;
    this.bytes = content;
    this.view = new DataView(content.buffer, content.byteOffset, content.length);
    const from = this.view;
    this.settled = from.getFloat64(0, true);
    this.entries = from.getUint16(8, true);
    this.ends = from.getUint16(10, true);
    this.steps = from.getUint16(12, true);
    this.messages = from.getUint16(14, true);
    if (!isCount(this.settled, SEQUENCE_MAX)) return false;
    if (this.entries > PLACES_MAX || this.messages > PLACES_MAX) return false;
    return this.checkEntries() && this.checkEvents() && this.checkMessages();
  }

  /** Bytes of all entries. */
  get entriesBytes(): number {
    return this.endsAt - HEAD_BYTES;
  }

  /** Bytes of all ends and steps. */
  get eventsBytes(): number {
    return this.ends * END_BYTES + this.steps * STEP_BYTES;
  }

  /** Lets go of the bytes. */
  close(): void {
    this.bytes = NO_BYTES;
    this.view = NO_VIEW;
    this.batch.close();
  }

  /** Reads the next entry; there must be one. */
  nextEntry(): void {
    const from = this.view;
    let at = this.nextAt;
    this.readEntry(at);
    at += this.sizeAt(at);
    this.extrasAt = at;
    if ((this.marks & MARK_IDENTIFIERS) !== 0) at += 4 + 4 * from.getUint32(at, true);
    if ((this.marks & MARK_GROUP) !== 0) at += 4 + from.getUint16(at, true) + from.getUint16(at + 2, true);
    this.nextAt = at;
  }

  /** Of the entry read last; null: none. */
  identifiers(): number[] | null {
    if ((this.marks & MARK_IDENTIFIERS) === 0) return null;
    const at = this.extrasAt;
    const identifiers = new Array<number>(this.view.getUint32(at, true));
    for (let i = 0; i < identifiers.length; i++) identifiers[i] = this.view.getUint32(at + 4 + 4 * i, true);
    return identifiers;
  }

  /** Of the entry read last; null: no group chose its session. */
  group(): EntryGroup | null {
    if ((this.marks & MARK_GROUP) === 0) return null;
    let at = this.extrasAt;
    if ((this.marks & MARK_IDENTIFIERS) !== 0) at += 4 + 4 * this.view.getUint32(at, true);
    const nameAt = at + 4 + this.view.getUint16(at, true);
    return {
      filter: this.bytes.toString('utf8', at + 4, nameAt),
      name: this.bytes.toString('utf8', nameAt, nameAt + this.view.getUint16(at + 2, true)),
    };
  }

  /** @returns an entry of an earlier record that is over. */
  endAt(index: number): number {
    return this.view.getFloat64(this.endsAt + index * END_BYTES, true);
  }

  /** @returns an entry of an earlier record that has moved on: when, to what, with which packet id. */
  stepEntry(index: number): number {
    return this.view.getFloat64(this.stepsAt + index * STEP_BYTES, true);
  }

  stepOrder(index: number): number {
    return this.view.getFloat64(this.stepsAt + index * STEP_BYTES + 8, true);
  }

  stepPacketId(index: number): number {
    return this.view.getUint16(this.stepsAt + index * STEP_BYTES + 16, true);
  }

  stepState(index: number): number {
    return this.view.getUint16(this.stepsAt + index * STEP_BYTES + 18, true);
  }

  /** Where the bytes of a message begin in the content; of the number behind the last one, where they end. */
  messageAt(index: number): number {
    return this.messagesAt[index]!;
  }

  /** Fills `view` from the next message, from the first on; there must be one. */
  nextMessage(view: PublishView): void {
    this.batch.next(view);
  }

  private readEntry(at: number): void {
    const from = this.view;
    const bits = from.getUint8(at + BITS_AT);
    this.session = from.getUint32(at, true) + from.getUint16(at + 4, true) * TWO_32;
    this.place = from.getUint16(at + PLACE_AT, true);
    this.message = from.getUint16(at + MESSAGE_AT, true);
    this.packetId = from.getUint16(at + PACKET_ID_AT, true);
    this.qos = bits & QOS_MASK;
    this.state = (bits >>> STATE_SHIFT) & 3;
    this.marks = bits & (MARK_IDENTIFIERS | MARK_GROUP);
    this.flags = from.getUint8(at + FLAGS_AT);
    this.order = hasOrder(this.state) ? from.getFloat64(at + ENTRY_BYTES, true) : 0;
  }

  private checkEntries(): boolean {
    const { bytes, view } = this;
    let at = HEAD_BYTES;
    let lastPlace = -1;
    for (let i = 0; i < this.entries; i++) {
      if (at + ENTRY_BYTES > bytes.length || at + this.sizeAt(at) > bytes.length) return false;
      this.readEntry(at);
      if (this.place <= lastPlace || this.place >= PLACES_MAX || !this.isSound()) return false;
      lastPlace = this.place;
      at += this.sizeAt(at);
      if ((this.marks & MARK_IDENTIFIERS) !== 0) {
        if (at + 4 > bytes.length) return false;
        at += 4 + 4 * view.getUint32(at, true);
      }
      if ((this.marks & MARK_GROUP) !== 0) {
        if (at + 4 > bytes.length) return false;
        at += 4 + view.getUint16(at, true) + view.getUint16(at + 2, true);
      }
      if (at > bytes.length) return false;
    }
    this.nextAt = HEAD_BYTES;
    this.endsAt = at;
    this.places = lastPlace + 1;
    return true;
  }

  // Bytes of an entry without identifiers and group.
  private sizeAt(at: number): number {
    const state = (this.view.getUint8(at + BITS_AT) >>> STATE_SHIFT) & 3;
    return hasOrder(state) ? ENTRY_BYTES + ORDER_BYTES : ENTRY_BYTES;
  }

  private isSound(): boolean {
    const { state, message, packetId } = this;
    if (hasOrder(state) && !isCount(this.order, Number.MAX_SAFE_INTEGER)) return false;
    if (state === STATE_RELEASED || state === STATE_INBOUND) return packetId > 0 && message === NO_MESSAGE;
    if (message >= this.messages || this.qos < 1 || this.qos > 2) return false;
    return state === STATE_QUEUED || packetId > 0;
  }

  private checkEvents(): boolean {
    this.stepsAt = this.endsAt + this.ends * END_BYTES;
    if (this.stepsAt + this.steps * STEP_BYTES > this.bytes.length) return false;
    for (let i = 0; i < this.ends; i++) if (!isEntry(this.endAt(i))) return false;
    for (let i = 0; i < this.steps; i++) {
      const state = this.stepState(i);
      if (!isEntry(this.stepEntry(i)) || !hasOrder(state)) return false;
      if (!isCount(this.stepOrder(i), Number.MAX_SAFE_INTEGER)) return false;
      if (state === STATE_SENT && this.stepPacketId(i) === 0) return false;
    }
    return true;
  }

  private checkMessages(): boolean {
    const { bytes, messagesAt } = this;
    const first = this.stepsAt + this.steps * STEP_BYTES;
    let at = first;
    for (let i = 0; i < this.messages; i++) {
      messagesAt[i] = at;
      const size = recordBytes(this.view, at, bytes.length);
      if (size < 0) return false;
      at += size;
    }
    messagesAt[this.messages] = at;
    if (at !== bytes.length) return false;
    this.batch.open(bytes.buffer as ArrayBuffer, at - first, bytes.byteOffset + first);
    return true;
  }
}

function hasOrder(state: number): boolean {
  return state === STATE_SENT || state === STATE_RELEASED;
}

function isCount(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}

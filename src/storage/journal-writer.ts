/** Writes one record of the journal after the other. Used on shards, and on main. */
import { JOURNAL_SCRATCH_BYTES } from '../limits.js';
import { BatchWriter } from '../protocol/batch.js';
import type { Message } from '../protocol/message.js';
import { CONTENT_AT, FRAME_BYTES, seal } from './framing.js';
import {
  BITS_AT,
  END_BYTES,
  ENTRY_BYTES,
  type EntryGroup,
  FLAGS_AT,
  HEAD_BYTES,
  JOURNAL_VERSION,
  MARK_GROUP,
  MARK_IDENTIFIERS,
  MESSAGE_AT,
  ORDER_BYTES,
  PACKET_ID_AT,
  PLACE_AT,
  STATE_RELEASED,
  STATE_SENT,
  STATE_SHIFT,
  STEP_BYTES,
  TWO_32,
} from './journal-format.js';

/** To be called: `begin`, all entries, all ends, all steps, `take`; messages in between. */
export class JournalWriter {
  entries = 0;
  ends = 0;
  steps = 0;

  private bytes = Buffer.allocUnsafeSlow(JOURNAL_SCRATCH_BYTES);
  private view = new DataView(this.bytes.buffer);
  private at = HEAD_BYTES;
  private lastEntry = 0;
  private readonly batch = new BatchWriter();

  begin(): void {
    this.at = HEAD_BYTES;
    this.entries = this.ends = this.steps = 0;
  }

  /** Bytes of content so far, without messages. */
  get length(): number {
    return this.at;
  }

  /** Nothing is in it that would have to be kept. */
  get isEmpty(): boolean {
    return this.entries + this.ends + this.steps === 0;
  }

  /** `order`: of the latest step, where it is SENT or RELEASED. `message`: the how manieth of the record. */
  entry(
    session: number,
    place: number,
    message: number,
    packetId: number,
    state: number,
    qos: number,
    flags: number,
    order: number,
  ): void {
    const at = this.need(ENTRY_BYTES + ORDER_BYTES);
    const out = this.view;
    out.setUint32(at, session % TWO_32, true);
    out.setUint16(at + 4, Math.floor(session / TWO_32), true);
    out.setUint16(at + PLACE_AT, place, true);
    out.setUint16(at + MESSAGE_AT, message, true);
    out.setUint16(at + PACKET_ID_AT, packetId, true);
    out.setUint8(at + BITS_AT, qos | (state << STATE_SHIFT));
    out.setUint8(at + FLAGS_AT, flags);
    this.at = at + ENTRY_BYTES;
    if (state === STATE_SENT || state === STATE_RELEASED) {
      out.setFloat64(this.at, order, true);
      this.at += ORDER_BYTES;
    }
    this.lastEntry = at;
    this.entries++;
  }

  /** Of the entry written last. */
  identifiers(identifiers: readonly number[]): void {
    this.mark(MARK_IDENTIFIERS);
    const { length } = identifiers;
    const at = this.need(4 + 4 * length);
    this.view.setUint32(at, length, true);
    for (let i = 0; i < length; i++) this.view.setUint32(at + 4 + 4 * i, identifiers[i]!, true);
    this.at = at + 4 + 4 * length;
  }

  /** Of the entry written last, after its identifiers. */
  group(group: EntryGroup): void {
    this.mark(MARK_GROUP);
    const filterBytes = Buffer.byteLength(group.filter, 'utf8');
    const nameBytes = Buffer.byteLength(group.name, 'utf8');
    const at = this.need(4 + filterBytes + nameBytes);
    this.view.setUint16(at, filterBytes, true);
    this.view.setUint16(at + 2, nameBytes, true);
    this.bytes.write(group.filter, at + 4, 'utf8');
    this.bytes.write(group.name, at + 4 + filterBytes, 'utf8');
    this.at = at + 4 + filterBytes + nameBytes;
  }

  /** An entry of an earlier record is over. */
  end(entry: number): void {
    const at = this.need(END_BYTES);
    this.view.setFloat64(at, entry, true);
    this.at = at + END_BYTES;
    this.ends++;
  }

  /** An entry of an earlier record is SENT or RELEASED now; the latter needs no packet id. */
  step(entry: number, order: number, packetId: number, state: number): void {
    const at = this.need(STEP_BYTES);
    this.view.setFloat64(at, entry, true);
    this.view.setFloat64(at + 8, order, true);
    this.view.setUint16(at + 16, packetId, true);
    this.view.setUint16(at + 18, state, true);
    this.at = at + STEP_BYTES;
    this.steps++;
  }

  /** The next message. @returns its bytes */
  message(message: Message): number {
    return this.batch.appendMessage(message);
  }

  /** The next message, as it lies in another record. */
  copyMessage(bytes: Buffer, start: number, end: number): void {
    this.batch.appendRecord(bytes, start, end);
  }

  /** @returns the framed value for `key`. */
  take(key: Buffer, settled: number): Buffer {
    const { batch, view } = this;
    view.setFloat64(0, settled, true);
    view.setUint16(8, this.entries, true);
    view.setUint16(10, this.ends, true);
    view.setUint16(12, this.steps, true);
    view.setUint16(14, batch.records, true);
    const value = Buffer.allocUnsafe(FRAME_BYTES + this.at + batch.length);
    this.bytes.copy(value, CONTENT_AT, 0, this.at);
    batch.moveTo(value, CONTENT_AT + this.at);
    if (this.bytes.length > JOURNAL_SCRATCH_BYTES) this.allocate(JOURNAL_SCRATCH_BYTES);
    return seal(key, value, JOURNAL_VERSION);
  }

  private mark(mark: number): void {
    const at = this.lastEntry + BITS_AT;
    this.view.setUint8(at, this.view.getUint8(at) | mark);
  }

  private need(bytes: number): number {
    const { at } = this;
    if (at + bytes > this.bytes.length) {
      const old = this.bytes;
      this.allocate(Math.max(old.length * 2, at + bytes));
      old.copy(this.bytes, 0, 0, at);
    }
    return at;
  }

  private allocate(capacity: number): void {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
    this.view = new DataView(this.bytes.buffer);
  }
}

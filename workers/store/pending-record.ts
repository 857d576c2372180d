/**
 * What has entered the journal since its last commit began, in columns that are used again, until it is written as one
 * record. What is over before that leaves no trace. Runs on the shard's thread.
 */
import {
  JOURNAL_MESSAGES_LOOKED_AT,
  JOURNAL_PENDING_ENTRIES_MIN,
  JOURNAL_RECORD_BYTES,
} from '../../src/limits.js';
import { RECORD_HEAD_BYTES } from '../../src/protocol/batch-record.js';
import type { Message } from '../../src/protocol/message.js';
import {
  ENTRY_BYTES,
  type EntryGroup,
  NO_MESSAGE,
  STATE_RELEASED,
  STATE_SENT,
} from '../../src/storage/journal-format.js';
import type { JournalWriter } from '../../src/storage/journal-writer.js';
import type { Identifiers } from '../session/exchange.js';
import { doubled } from './columns.js';
import type { KeptRecord } from './kept-record.js';
import { PendingEvents } from './pending-events.js';
import { OVER, RowIndex } from './row-index.js';

const QOS_BITS = 2;

export class PendingRecord {
  /** What the shard knows of the record; null while it is not in use. */
  record: KeptRecord | null = null;
  /** About earlier records. */
  readonly events = new PendingEvents();

  /** Places taken, of entries that are over too. */
  private places = 0;
  /** Of them those whose entries are not over. */
  private live = 0;
  private sessions = new Float64Array(JOURNAL_PENDING_ENTRIES_MIN);
  private messageOf = new Uint16Array(JOURNAL_PENDING_ENTRIES_MIN);
  private packetIds = new Uint16Array(JOURNAL_PENDING_ENTRIES_MIN);
  /** QoS and state. */
  private bits = new Uint8Array(JOURNAL_PENDING_ENTRIES_MIN);
  private flags = new Uint8Array(JOURNAL_PENDING_ENTRIES_MIN);
  private orders = new Float64Array(JOURNAL_PENDING_ENTRIES_MIN);
  // Most records have neither.
  private identifiers: Map<number, readonly number[]> | null = null;
  private groups: Map<number, EntryGroup> | null = null;

  private messageCount = 0;
  /** Null: no entry needs it any more. */
  private readonly messages: (Message | null)[] = [];
  private receivers = new Uint16Array(JOURNAL_PENDING_ENTRIES_MIN);
  /** While it is written: by message the how manieth it is in the row, and by that its bytes. */
  private numbers = new Uint16Array(JOURNAL_PENDING_ENTRIES_MIN);
  private sizes = new Uint32Array(JOURNAL_PENDING_ENTRIES_MIN);
  private messageBytes = 0;
  /** Of identifiers and groups. */
  private extraBytes = 0;

  /** No further entry or event has room; those of its messages always find some place until then. */
  get isFull(): boolean {
    // Fewer entries than places fit in that, so an entry's number never runs over.
    return this.places * ENTRY_BYTES + this.extraBytes + this.events.bytes >= JOURNAL_RECORD_BYTES;
  }

  /** One more message finds room; the first always does. */
  hasRoomFor(message: Message): boolean {
    if (this.messageCount === 0) return true;
    return this.places * ENTRY_BYTES + this.messageBytes + bytesOf(message) <= JOURNAL_RECORD_BYTES;
  }

  /** @returns the number of a message that has entered lately, or -1. */
  find(message: Message): number {
    const { messages } = this;
    const last = this.messageCount - 1;
    const end = Math.max(-1, last - JOURNAL_MESSAGES_LOOKED_AT);
    for (let i = last; i > end; i--) if (messages[i] === message) return i;
    return -1;
  }

  /** @returns its number. */
  add(message: Message): number {
    this.messageBytes += bytesOf(message);
    const number = this.messageCount++;
    if (number === this.receivers.length) this.growMessages();
    this.messages[number] = message;
    this.receivers[number] = 0;
    return number;
  }

  /** `message`: its number, or NO_MESSAGE. @returns the entry's place. */
  enter(
    session: number,
    message: number,
    qos: number,
    state: number,
    flags: number,
    packetId: number,
    order: number,
  ): number {
    const place = this.places++;
    this.live++;
    if (place === this.sessions.length) this.grow();
    this.sessions[place] = session;
    this.messageOf[place] = message;
    this.packetIds[place] = packetId;
    this.bits[place] = qos | (state << QOS_BITS);
    this.flags[place] = flags;
    this.orders[place] = order;
    if (message !== NO_MESSAGE) this.receivers[message]!++;
    return place;
  }

  /** Of an entry that has just entered. */
  addExtras(place: number, identifiers: Identifiers, group: EntryGroup | null): void {
    if (identifiers !== null) {
      this.identifiers ??= new Map();
      this.identifiers.set(place, identifiers);
      this.extraBytes += 4 * identifiers.length;
    }
    if (group !== null) {
      this.groups ??= new Map();
      this.groups.set(place, group);
      this.extraBytes += group.filter.length + group.name.length;
    }
  }

  /** @returns false when it was over already. */
  end(place: number): boolean {
    const message = this.messageOf[place]!;
    if (message === OVER) return false;
    this.messageOf[place] = OVER;
    this.live--;
    this.dropMessage(message);
    return true;
  }

  step(place: number, order: number, packetId: number, state: number): void {
    const message = this.messageOf[place]!;
    if (message === OVER) return;
    this.orders[place] = order;
    this.bits[place] = (this.bits[place]! & ((1 << QOS_BITS) - 1)) | (state << QOS_BITS);
    if (state === STATE_SENT) this.packetIds[place] = packetId;
    if (state !== STATE_RELEASED) return;
    this.messageOf[place] = NO_MESSAGE;
    this.dropMessage(message);
  }

  /** Writes its entries that are not over, with their messages. */
  writeEntries(writer: JournalWriter): RowIndex {
    const { numbers, sizes } = this;
    let count = 0;
    for (let i = 0; i < this.messageCount; i++) {
      const message = this.messages[i]!;
      if (message === null) continue;
      numbers[i] = count;
      sizes[count++] = writer.message(message);
    }
    const index = new RowIndex(this.places, this.live, count, sizes);
    for (let place = 0; place < this.places; place++) {
      const message = this.messageOf[place]!;
      if (message === OVER) continue;
      const number = message === NO_MESSAGE ? NO_MESSAGE : numbers[message]!;
      const bits = this.bits[place]!;
      writer.entry(
        this.sessions[place]!,
        place,
        number,
        this.packetIds[place]!,
        bits >>> QOS_BITS,
        bits & ((1 << QOS_BITS) - 1),
        this.flags[place]!,
        this.orders[place]!,
      );
      if (message !== NO_MESSAGE) this.writeExtras(writer, place);
      index.put(place, number);
    }
    return index;
  }

  /** To be used again. */
  clear(): void {
    this.events.clear();
    this.places = this.live = 0;
    this.identifiers = this.groups = null;
    this.messages.fill(null, 0, this.messageCount);
    this.messageCount = 0;
    this.messageBytes = this.extraBytes = 0;
  }

  private writeExtras(writer: JournalWriter, place: number): void {
    const identifiers = this.identifiers?.get(place);
    if (identifiers !== undefined) writer.identifiers(identifiers);
    const group = this.groups?.get(place);
    if (group !== undefined) writer.group(group);
  }

  private dropMessage(message: number): void {
    if (message === NO_MESSAGE) return;
    if (--this.receivers[message]! === 0) this.messages[message] = null;
  }

  private growMessages(): void {
    this.receivers = doubled(this.receivers);
    this.numbers = doubled(this.numbers);
    this.sizes = doubled(this.sizes);
  }

  private grow(): void {
    this.sessions = doubled(this.sessions);
    this.messageOf = doubled(this.messageOf);
    this.packetIds = doubled(this.packetIds);
    this.bits = doubled(this.bits);
    this.flags = doubled(this.flags);
    this.orders = doubled(this.orders);
  }
}

function bytesOf(message: Message): number {
  return RECORD_HEAD_BYTES + message.data.length;
}

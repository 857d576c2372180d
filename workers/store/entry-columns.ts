/** The entries of a journal while it is read, in columns: there may be millions. Runs on the shard's thread. */
import { JOURNAL_PENDING_ENTRIES_MIN } from '../../src/limits.js';
import type { Message } from '../../src/protocol/message.js';
import type { EntryGroup } from '../../src/storage/journal-format.js';
import type { JournalReader } from '../../src/storage/journal-reader.js';
import { doubled } from './columns.js';

const QOS_BITS = 2;

export class EntryColumns {
  length = 0;
  /** Rising. */
  entries = new Float64Array(JOURNAL_PENDING_ENTRIES_MIN);
  sessions = new Float64Array(JOURNAL_PENDING_ENTRIES_MIN);
  packetIds = new Uint16Array(JOURNAL_PENDING_ENTRIES_MIN);
  flags = new Uint8Array(JOURNAL_PENDING_ENTRIES_MIN);
  orders = new Float64Array(JOURNAL_PENDING_ENTRIES_MIN);
  /** Null: it has none. */
  readonly messages: (Message | null)[] = [];
  // Most entries have neither.
  readonly identifiers = new Map<number, readonly number[]>();
  readonly groups = new Map<number, EntryGroup>();

  private bits = new Uint8Array(JOURNAL_PENDING_ENTRIES_MIN);
  private readonly groupsByText = new Map<string, EntryGroup>();

  /** Adds what `reader` has read last. */
  add(entry: number, reader: JournalReader, message: Message | null): void {
    const row = this.length++;
    if (row === this.entries.length) this.grow();
    this.entries[row] = entry;
    this.sessions[row] = reader.session;
    this.packetIds[row] = reader.packetId;
    this.flags[row] = reader.flags;
    this.orders[row] = reader.order;
    this.bits[row] = reader.qos | (reader.state << QOS_BITS);
    this.messages.push(message);
    const identifiers = reader.identifiers();
    if (identifiers !== null) this.identifiers.set(row, identifiers);
    const group = reader.group();
    if (group !== null) this.groups.set(row, this.shared(group));
  }

  /** It has moved on. `packetId` 0: it keeps its own. */
  step(row: number, order: number, packetId: number, state: number): void {
    this.orders[row] = order;
    if (packetId > 0) this.packetIds[row] = packetId;
    this.bits[row] = this.qosAt(row) | (state << QOS_BITS);
  }

  qosAt(row: number): number {
    return this.bits[row]! & ((1 << QOS_BITS) - 1);
  }

  stateAt(row: number): number {
    return this.bits[row]! >>> QOS_BITS;
  }

  private shared(group: EntryGroup): EntryGroup {
    const text = `${group.filter}\0${group.name}`;
    const known = this.groupsByText.get(text);
    if (known !== undefined) return known;
    this.groupsByText.set(text, group);
    return group;
  }

  private grow(): void {
    this.entries = doubled(this.entries);
    this.sessions = doubled(this.sessions);
    this.packetIds = doubled(this.packetIds);
    this.flags = doubled(this.flags);
    this.orders = doubled(this.orders);
    this.bits = doubled(this.bits);
  }
}

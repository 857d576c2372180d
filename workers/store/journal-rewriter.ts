/**
 * Writes a record of the journal anew, under its own key: what is over is left out, and what later records say about
 * the rest is put in. Runs on the shard's thread.
 */
import { opened } from '../../src/storage/framing.js';
import { HEAD_BYTES, JOURNAL_VERSION, NO_MESSAGE, PLACES_MAX } from '../../src/storage/journal-format.js';
import { JournalReader } from '../../src/storage/journal-reader.js';
import type { JournalWriter } from '../../src/storage/journal-writer.js';
import { journalKey } from '../../src/storage/keys.js';
import type { Change } from '../../src/storage/tables.js';
import type { JournalRecords } from './journal-records.js';
import type { KeptRecord } from './kept-record.js';
import { counts } from './pending-events.js';
import { OVER, RowIndex } from './row-index.js';
import type { Store } from './store.js';

export class JournalRewriter {
  private readonly reader = new JournalReader();
  /** By message of the old row: the how manieth it is in the new one. */
  private readonly numbers = new Uint16Array(PLACES_MAX);
  /** By message of the new row. */
  private readonly sizes = new Uint32Array(PLACES_MAX);

  constructor(
    private readonly store: Store,
    private readonly records: JournalRecords,
    private readonly writer: JournalWriter,
  ) {}

  /** All that is said up to `settled` goes into its row. No commit may be under way. */
  rewrite(record: KeptRecord, settled: number, changes: Change[]): void {
    // It stays listed if it cannot be read: nothing would be gained by another attempt.
    const key = journalKey(record.sequence);
    const value = this.store.get('journal', key);
    if (value === null) return;
    const frame = opened(key, value, JOURNAL_VERSION);
    if (!frame.ok || !this.reader.open(frame.content)) return;
    this.writer.begin();
    const messages = this.copyMessages(record, frame.content);
    const index = new RowIndex(this.reader.places, record.live, messages, this.sizes);
    this.copyEntries(record, index);
    const entriesEnd = this.writer.length;
    this.copyEvents(record);
    const eventBytes = this.writer.length - entriesEnd;
    this.reader.close();
    const row = this.writer.take(key, settled);
    const entryBytes = index.entries === 0 ? 0 : Math.floor((entriesEnd - HEAD_BYTES) / index.entries);
    record.made(index, row.length, entryBytes, eventBytes, record.pins);
    record.settled = settled;
    record.isListed = false;
    changes.push({ table: 'journal', key, value: row });
    this.records.settle(record);
  }

  // @returns how many there are
  private copyMessages(record: KeptRecord, content: Buffer): number {
    const { reader, writer } = this;
    let count = 0;
    for (let i = 0; i < reader.messages; i++) {
      if (!record.isNeeded(i)) continue;
      const start = reader.messageAt(i);
      const end = reader.messageAt(i + 1);
      writer.copyMessage(content, start, end);
      this.numbers[i] = count;
      this.sizes[count++] = end - start;
    }
    return count;
  }

  private copyEntries(record: KeptRecord, index: RowIndex): void {
    const { reader, writer, numbers } = this;
    for (let i = 0; i < reader.entries; i++) {
      reader.nextEntry();
      const { place } = reader;
      const message = record.messageAt(place);
      if (message === OVER) continue;
      const number = message === NO_MESSAGE ? NO_MESSAGE : numbers[message]!;
      const order = record.orderOf(place);
      const state = order === 0 ? reader.state : record.stateOf(place);
      const packetId = (order === 0 ? 0 : record.packetIdOf(place)) || reader.packetId;
      writer.entry(
        reader.session,
        place,
        number,
        packetId,
        state,
        reader.qos,
        reader.flags,
        order === 0 ? reader.order : order,
      );
      if (message !== NO_MESSAGE) this.copyExtras();
      index.put(place, number);
    }
  }

  private copyExtras(): void {
    const identifiers = this.reader.identifiers();
    if (identifiers !== null) this.writer.identifiers(identifiers);
    const group = this.reader.group();
    if (group !== null) this.writer.group(group);
  }

  private copyEvents(record: KeptRecord): void {
    const { reader, writer } = this;
    for (let i = 0; i < reader.ends; i++) {
      const entry = reader.endAt(i);
      if (this.isNeeded(entry, record)) writer.end(entry);
    }
    for (let i = 0; i < reader.steps; i++) {
      const entry = reader.stepEntry(i);
      if (!this.isNeeded(entry, record)) continue;
      writer.step(entry, reader.stepOrder(i), reader.stepPacketId(i), reader.stepState(i));
    }
  }

  private isNeeded(entry: number, by: KeptRecord): boolean {
    const record = this.records.find(entry);
    return record !== null && counts(record, by);
  }
}

/**
 * Reads the rows of a journal as they were written and repeats what they say. Used once, on the shard's thread, before
 * the shard is ready.
 */
import type { Message } from '../../src/protocol/message.js';
import { PublishView } from '../../src/protocol/mqtt/publish-view.js';
import { opened } from '../../src/storage/framing.js';
import { JOURNAL_VERSION, NO_MESSAGE, PLACES_MAX, SEQUENCE_MAX } from '../../src/storage/journal-format.js';
import { JournalReader } from '../../src/storage/journal-reader.js';
import { JOURNAL_KEY_BYTES, sequenceOfKey } from '../../src/storage/keys.js';
import type { Row } from '../../src/storage/tables.js';
import { EntryColumns } from './entry-columns.js';
import type { JournalRecords } from './journal-records.js';
import type { KeptRecord } from './kept-record.js';
import { counts } from './pending-events.js';
import { RowIndex } from './row-index.js';

export class JournalLoader {
  /** All entries, those that turned out to be over included. */
  readonly columns = new EntryColumns();
  /** Keys of rows that could not be read. */
  readonly damaged: Buffer[] = [];
  /** Some row was written by a later version. */
  isNewer = false;
  lastSequence = 0;
  lastOrder = 0;

  private readonly reader = new JournalReader();
  private readonly view = new PublishView();
  private readonly sizes = new Uint32Array(PLACES_MAX);

  constructor(private readonly records: JournalRecords) {}

  /** Reads the next row, in the order of the keys. */
  read(row: Row): void {
    const { reader } = this;
    const sequence = row.key.length === JOURNAL_KEY_BYTES ? sequenceOfKey(row.key) : 0;
    const isKnown = sequence > this.lastRead && sequence <= SEQUENCE_MAX;
    const frame = opened(row.key, row.value, JOURNAL_VERSION);
    if (!frame.ok && frame.why === 'newer') this.isNewer = true;
    else if (!isKnown || !frame.ok || !reader.open(frame.content)) this.damaged.push(row.key);
    else this.readRecord(sequence, row.value.length);
    if (!isKnown) return;
    this.lastRead = sequence;
    this.lastSequence = Math.max(this.lastSequence, sequence);
  }

  private lastRead = 0;

  private readRecord(sequence: number, bytes: number): void {
    const { reader } = this;
    const record = this.records.add(sequence, null);
    record.settled = reader.settled;
    this.lastSequence = Math.max(this.lastSequence, reader.settled);
    const index = this.readEntries(record);
    const entryBytes = reader.entries === 0 ? 0 : Math.floor(reader.entriesBytes / reader.entries);
    record.made(index, bytes, entryBytes, reader.eventsBytes, this.readEvents(record));
    reader.close();
  }

  private readEntries(record: KeptRecord): RowIndex {
    const { reader, columns } = this;
    const messages = new Array<Message>(reader.messages);
    const { sizes } = this;
    for (let i = 0; i < messages.length; i++) {
      reader.nextMessage(this.view);
      messages[i] = this.view.message();
      sizes[i] = reader.messageAt(i + 1) - reader.messageAt(i);
    }
    const index = new RowIndex(reader.places, reader.entries, reader.messages, sizes);
    for (let i = 0; i < reader.entries; i++) {
      reader.nextEntry();
      const { place, message } = reader;
      columns.add(record.base + place, reader, message === NO_MESSAGE ? null : messages[message]!);
      index.put(place, message);
      this.lastOrder = Math.max(this.lastOrder, reader.order);
    }
    return index;
  }

  // @returns of how many records something is said that must still be known.
  private readEvents(by: KeptRecord): number {
    const { reader } = this;
    let pins = 0;
    for (let i = 0; i < reader.ends; i++) {
      const entry = reader.endAt(i);
      const record = this.find(entry, by);
      if (record?.end(entry - record.base) && record.pin(by)) pins++;
    }
    for (let i = 0; i < reader.steps; i++) {
      const entry = reader.stepEntry(i);
      const record = this.find(entry, by);
      const order = reader.stepOrder(i);
      this.lastOrder = Math.max(this.lastOrder, order);
      const isNew = record?.step(entry - record.base, order, reader.stepPacketId(i), reader.stepState(i));
      if (isNew && record?.pin(by)) pins++;
    }
    return pins;
  }

  private find(entry: number, by: KeptRecord): KeptRecord | null {
    const record = this.records.find(entry);
    return record !== null && counts(record, by) ? record : null;
  }
}

/**
 * All records of a shard's journal: found by their entries, removed when nothing of them is needed, listed when they
 * are worth writing anew. Runs on the shard's thread.
 */
import { PLACES_MAX } from '../../src/storage/journal-format.js';
import { journalKey } from '../../src/storage/keys.js';
import type { Change } from '../../src/storage/tables.js';
import { KeptRecord } from './kept-record.js';
import type { PendingRecord } from './pending-record.js';

export class JournalRecords {
  private readonly bySequence = new Map<number, KeptRecord>();
  /** Entries come in runs of the same record. */
  private latest: KeptRecord | null = null;
  /** To be removed with the next commit. */
  private over: KeptRecord[] = [];
  /** To be written anew, in the order in which that was found. */
  private sparse: KeptRecord[] = [];

  /** Records whose rows are written or on their way into the store. */
  get used(): number {
    let used = 0;
    for (const { pending } of this.bySequence.values()) if (pending === null) used++;
    return used;
  }

  /** Bytes of their rows. */
  get bytes(): number {
    let bytes = 0;
    for (const record of this.bySequence.values()) bytes += record.bytes;
    return bytes;
  }

  /** Of those the ones that are needed. */
  get neededBytes(): number {
    let bytes = 0;
    for (const record of this.bySequence.values()) bytes += record.neededBytes;
    return bytes;
  }

  add(sequence: number, pending: PendingRecord | null): KeptRecord {
    const record = new KeptRecord(sequence, pending);
    this.bySequence.set(sequence, record);
    return record;
  }

  /** @returns the record that an entry lies in; null: it is gone. */
  find(entry: number): KeptRecord | null {
    const { latest } = this;
    if (latest !== null && entry >= latest.base && entry < latest.base + PLACES_MAX) return latest;
    const record = this.bySequence.get(Math.floor(entry / PLACES_MAX));
    if (record === undefined) return null;
    this.latest = record;
    return record;
  }

  all(): Iterable<KeptRecord> {
    return this.bySequence.values();
  }

  /** To be called when less of a record is needed than before. */
  judge(record: KeptRecord): void {
    if (record.pending !== null) return;
    if (record.isOver) this.over.push(record);
    else if (record.isSparse) this.listSparse(record);
  }

  /** A record should be written anew for the sake of others. */
  listSparse(record: KeptRecord): void {
    if (record.isListed) return;
    record.isListed = true;
    this.sparse.push(record);
  }

  /** What later records say about this one is no longer needed. */
  settle(record: KeptRecord): void {
    const { eventsIn } = record;
    if (eventsIn === null) return;
    record.eventsIn = null;
    for (const later of eventsIn) {
      later.pins--;
      if (!later.isGone) this.judge(later);
    }
  }

  /** Removes the rows of all that are over, and of those that only lasted because of them. */
  removeOver(changes: Change[]): void {
    const { over } = this;
    for (let i = 0; i < over.length; i++) {
      const record = over[i]!;
      if (record.isGone) continue;
      this.forget(record);
      changes.push({ table: 'journal', key: journalKey(record.sequence), value: null });
      this.settle(record);
    }
    this.over = [];
  }

  /** There is no row of it, and will be none. */
  forget(record: KeptRecord): void {
    record.isGone = true;
    this.bySequence.delete(record.sequence);
    if (this.latest === record) this.latest = null;
  }

  /** @returns records to be written anew, of at most `bytes`, or one. */
  takeSparse(bytes: number): KeptRecord[] {
    const taken: KeptRecord[] = [];
    let count = 0;
    for (const record of this.sparse) {
      if (bytes <= 0) break;
      count++;
      if (record.isGone || record.isOver) continue;
      taken.push(record);
      bytes -= record.bytes;
    }
    this.sparse = this.sparse.slice(count);
    return taken;
  }
}

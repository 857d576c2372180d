/**
 * What has happened to entries of earlier records since the last commit began, until it is written. Runs on the
 * shard's thread.
 */
import { JOURNAL_PENDING_EVENTS_MIN } from '../../src/limits.js';
import { END_BYTES, STEP_BYTES } from '../../src/storage/journal-format.js';
import type { JournalWriter } from '../../src/storage/journal-writer.js';
import { doubled } from './columns.js';
import type { KeptRecord } from './kept-record.js';

const STATE_BITS = 2;

export class PendingEvents {
  /** Entries that are over: their records and themselves. */
  private ends = 0;
  private readonly endRecords: (KeptRecord | null)[] = [];
  private endEntries = new Float64Array(JOURNAL_PENDING_EVENTS_MIN);
  /** Entries that have moved on. */
  private steps = 0;
  private readonly stepRecords: (KeptRecord | null)[] = [];
  private stepEntries = new Float64Array(JOURNAL_PENDING_EVENTS_MIN);
  private stepOrders = new Float64Array(JOURNAL_PENDING_EVENTS_MIN);
  /** Packet id and state. */
  private stepBits = new Uint32Array(JOURNAL_PENDING_EVENTS_MIN);

  get bytes(): number {
    return this.ends * END_BYTES + this.steps * STEP_BYTES;
  }

  end(record: KeptRecord, entry: number): void {
    const at = this.ends++;
    if (at === this.endEntries.length) this.endEntries = doubled(this.endEntries);
    this.endEntries[at] = entry;
    this.endRecords[at] = record;
  }

  step(record: KeptRecord, entry: number, order: number, packetId: number, state: number): void {
    const at = this.steps++;
    if (at === this.stepEntries.length) {
      this.stepEntries = doubled(this.stepEntries);
      this.stepOrders = doubled(this.stepOrders);
      this.stepBits = doubled(this.stepBits);
    }
    this.stepEntries[at] = entry;
    this.stepOrders[at] = order;
    this.stepBits[at] = (packetId << STATE_BITS) | state;
    this.stepRecords[at] = record;
  }

  /** Writes what still counts into the record `by`. @returns the records that it is about. */
  write(writer: JournalWriter, by: KeptRecord): KeptRecord[] {
    const about: KeptRecord[] = [];
    for (let i = 0; i < this.ends; i++) {
      const record = this.endRecords[i]!;
      if (!counts(record, by)) continue;
      writer.end(this.endEntries[i]!);
      if (record.pin(by)) about.push(record);
    }
    for (let i = 0; i < this.steps; i++) {
      const record = this.stepRecords[i]!;
      if (!counts(record, by)) continue;
      const bits = this.stepBits[i]!;
      const state = bits & ((1 << STATE_BITS) - 1);
      writer.step(this.stepEntries[i]!, this.stepOrders[i]!, bits >>> STATE_BITS, state);
      if (record.pin(by)) about.push(record);
    }
    return about;
  }

  clear(): void {
    this.endRecords.fill(null, 0, this.ends);
    this.stepRecords.fill(null, 0, this.steps);
    this.ends = this.steps = 0;
  }
}

/** @returns whether what `by` says about `record` is needed: that has a row, which does not say it itself. */
export function counts(record: KeptRecord, by: KeptRecord): boolean {
  return !record.isGone && record.settled < by.sequence;
}

/**
 * How far this shard has handled the kept batches of one other shard, over all channels to it. It is committed together
 * with what the messages have left here, so a batch that comes again is known. Runs on the shard's thread.
 */
import { type AppliedRecord, appliedValue, decodeApplied } from '../../src/storage/applied-record.js';
import { appliedKey } from '../../src/storage/keys.js';
import type { Unreadable } from '../../src/storage/session-record.js';
import type { Change, Row } from '../../src/storage/tables.js';

export class Inbox implements AppliedRecord {
  /** Of the last batch that is handled whole. */
  sequence = 0;
  /** Of a later one that is handled in part; 0: none. */
  openSequence = 0;
  /** So many records of it are handled. */
  openRecords = 0;
  /** What `sequence` was in the last commit. */
  committedSequence = 0;
  /** Of the latest batch that has come, or is known from an earlier life, handled or not. */
  seenSequence = 0;
  /** The other shard has not been told the latest. */
  isNews = false;

  private isChanged = false;
  private takenSequence = 0;

  /** `onChange`: something is to be committed, sooner or later. */
  constructor(
    private readonly source: number,
    private readonly onChange: () => void,
  ) {}

  restore(row: Row): 'taken' | Unreadable {
    const record = decodeApplied(row);
    if (typeof record === 'string') return record;
    this.sequence = this.takenSequence = this.committedSequence = record.sequence;
    this.openSequence = record.openSequence;
    this.openRecords = record.openRecords;
    this.seenSequence = Math.max(record.sequence, record.openSequence);
    return 'taken';
  }

  /** A batch has come. */
  saw(sequence: number): void {
    if (sequence > this.seenSequence) this.seenSequence = sequence;
  }

  /** @returns how many records of this batch are handled already; -1: all. */
  handledOf(sequence: number): number {
    if (sequence > this.sequence) return sequence === this.openSequence ? this.openRecords : 0;
    this.isNews = true;
    return -1;
  }

  /** A turn has ended within a batch. */
  pausedIn(sequence: number, records: number): void {
    this.openSequence = sequence;
    this.openRecords = records;
    this.changed();
  }

  /** A batch is handled whole. */
  finished(sequence: number): void {
    this.sequence = sequence;
    this.openSequence = this.openRecords = 0;
    this.isNews = true;
    this.changed();
  }

  collect(changes: Change[]): void {
    if (!this.isChanged) return;
    this.isChanged = false;
    this.takenSequence = this.sequence;
    const key = appliedKey(this.source);
    const value = appliedValue(key, this.sequence, this.openSequence, this.openRecords);
    changes.push({ table: 'applied', key, value });
  }

  committed(): void {
    if (this.committedSequence === this.takenSequence) return;
    this.committedSequence = this.takenSequence;
    this.isNews = true;
  }

  private changed(): void {
    this.isChanged = true;
    this.onChange();
  }
}

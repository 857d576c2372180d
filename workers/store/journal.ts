/**
 * Messages on their way to sessions that outlive their connections, and how far each has come, as records that are
 * written once and become unnecessary. Runs on the shard's thread.
 *
 * What changes is known here at once, and written with the next commit: new entries as a record, what happens to
 * entries of earlier records as events in it. A commit is collected only after the one before it has succeeded, so what
 * was collected may be taken as written.
 */
import {
  JOURNAL_RECORDS_SPARE_MAX,
  JOURNAL_REWRITE_BYTES,
  JOURNAL_SWEEP_BYTES,
  JOURNAL_SWEEP_BYTES_MAX,
} from '../../src/limits.js';
import type { Message } from '../../src/protocol/message.js';
import {
  type EntryGroup,
  HEAD_BYTES,
  NO_MESSAGE,
  STATE_INBOUND,
  STATE_QUEUED,
  STATE_RELEASED,
  STATE_SENT,
} from '../../src/storage/journal-format.js';
import { JournalWriter } from '../../src/storage/journal-writer.js';
import { journalKey } from '../../src/storage/keys.js';
import type { Change, Row } from '../../src/storage/tables.js';
import type { Identifiers } from '../session/exchange.js';
import type { CommitSource, Commits } from './commits.js';
import { JournalLoader } from './journal-loader.js';
import { JournalRecords } from './journal-records.js';
import { JournalRewriter } from './journal-rewriter.js';
import type { KeptRecord } from './kept-record.js';
import { LateEvents, type LateListener } from './late-events.js';
import { PendingRecord } from './pending-record.js';
import { RestoredEntries } from './restored-entries.js';
import type { Store } from './store.js';

/** One message of one session, or one packet identifier, as the journal knows it: record and place in it. */
export type Entry = number;
/** It is not kept. */
export const NO_ENTRY: Entry = 0;

export type { EntryGroup };

export class Journal implements CommitSource, LateListener {
  /** False: nothing is kept, and nothing here may be called. */
  readonly isOn: boolean;

  private readonly records = new JournalRecords();
  private readonly writer = new JournalWriter();
  private readonly rewriter: JournalRewriter;
  private readonly late = new LateEvents(this);
  private nextSequence = 1;
  /** Of steps, in the order in which they were made: the order of sending, and of PUBRECs. */
  private nextOrder = 1;

  /** What gathers; the last one takes entries and events. */
  private pending: PendingRecord[] = [];
  private current: PendingRecord | null = null;
  private readonly spare: PendingRecord[] = [];
  /** To be written anew with the next commits. */
  private rewrites: KeptRecord[] = [];
  /** Rows that could not be read. */
  private damaged: readonly Buffer[] = [];
  /** Of new records, since the last sweep that had nothing left to do, and with the last commit. */
  private bytesWritten = 0;
  private lastCommitBytes = 0;

  /** Whatever changes here is told to `commits`. */
  constructor(
    store: Store,
    private readonly commits: Pick<Commits, 'touch' | 'nowMs'>,
  ) {
    this.isOn = store.isKeeping;
    this.rewriter = new JournalRewriter(store, this.records, this.writer);
  }

  /** Records in the store, or on their way into it. */
  get usedRecords(): number {
    return this.records.used;
  }

  /** Bytes of their values. */
  get usedBytes(): number {
    return this.records.bytes;
  }

  /** Bytes of them that are needed. */
  get liveBytes(): number {
    return this.records.neededBytes;
  }

  /**
   * Reads what there was, row by row in the order of their keys, before anything else is called here. Yields after
   * each step, so that the caller can take breaks.
   */
  *load(rows: Iterable<Row>): Generator<void, RestoredEntries> {
    const loader = new JournalLoader(this.records);
    for (const row of rows) {
      loader.read(row);
      yield;
    }
    this.nextSequence = loader.lastSequence + 1;
    this.nextOrder = loader.lastOrder + 1;
    this.damaged = loader.damaged;
    const restored = new RestoredEntries(loader, this);
    yield* restored.arrange(this.records);
    for (const record of this.records.all()) this.records.judge(record);
    this.commits.touch();
    return restored;
  }

  /**
   * A session has taken a message. `session`: its number; `packetId` 0: it waits in the queue, otherwise it is in
   * flight with it.
   */
  entered(
    session: number,
    message: Message,
    qos: number,
    flags: number,
    packetId: number,
    identifiers: Identifiers,
    group: EntryGroup | null,
  ): Entry {
    let pending = this.gathering();
    let number = pending.find(message);
    if (number < 0) {
      if (!pending.hasRoomFor(message)) pending = this.begin();
      number = pending.add(message);
    }
    const place = pending.enter(session, number, qos, STATE_QUEUED, flags, 0, 0);
    if (identifiers !== null || group !== null) pending.addExtras(place, identifiers, group);
    const entry = pending.record!.base + place;
    if (packetId !== 0) this.sent(entry, packetId, qos);
    return entry;
  }

  /** A message with QoS 2 has come from the client, and awaits PUBREL; `done` ends it. */
  inbound(session: number, packetId: number): Entry {
    const pending = this.gathering();
    const place = pending.enter(session, NO_MESSAGE, 2, STATE_INBOUND, 0, packetId, 0);
    return pending.record!.base + place;
  }

  /** It has left the queue, and is in flight now. */
  sent(entry: Entry, packetId: number, qos: number): void {
    if (qos === 1) {
      this.commits.touch();
      this.late.sent(entry, packetId);
      return;
    }
    // The packet identifier may have been that of a message of which it is not written yet that it is over.
    this.tellLate();
    this.step(entry, packetId, STATE_SENT);
  }

  /** PUBREC has come: the message is no longer needed, its packet identifier is. */
  released(entry: Entry): void {
    this.step(entry, 0, STATE_RELEASED);
  }

  /** It is over: acknowledged, completed, dropped, expired. */
  done(entry: Entry): void {
    const record = this.records.find(entry);
    if (record === null || !this.end(record, entry)) return;
    if (record.pending === null) this.gathering().events.end(record, entry);
    else this.commits.touch();
  }

  /** As `done`: the client has acknowledged it. Nothing is lost when a crash forgets that. */
  acknowledged(entry: Entry): void {
    const record = this.records.find(entry);
    if (record === null || !this.end(record, entry)) return;
    this.commits.touch();
    if (record.pending === null && !record.isOver) this.late.ended(entry);
  }

  lateSent(entry: Entry, packetId: number): void {
    this.step(entry, packetId, STATE_SENT);
  }

  lateEnded(entry: Entry): void {
    const record = this.records.find(entry);
    if (record !== null && !record.isOver) this.gathering().events.end(record, entry);
  }

  /** What has happened until now goes with the next commit, all of it. */
  tellLate(): void {
    if (!this.late.isEmpty) this.late.tellAll();
  }

  /** Its session is removed with the same commit. */
  forget(entry: Entry): void {
    const record = this.records.find(entry);
    if (record !== null && this.end(record, entry)) this.commits.touch();
  }

  collect(changes: Change[]): void {
    for (const key of this.damaged) changes.push({ table: 'journal', key, value: null });
    this.damaged = [];
    this.late.tellDue(this.commits.nowMs);
    if (!this.late.isEmpty) this.commits.touch();
    // First, for what is in their rows then need not be written as an event.
    this.rewriteSome(changes);
    this.records.removeOver(changes);
    const gathered = this.pending;
    this.pending = [];
    this.current = null;
    const bytesBefore = this.bytesWritten;
    for (const pending of gathered) this.write(pending, changes);
    this.lastCommitBytes = this.bytesWritten - bytesBefore;
  }

  committed(): void {
    // Nothing here depends on it: what was collected is taken as written.
  }

  /** To be called several times a second: has records written anew of which little is needed. */
  sweep(): void {
    if (this.rewrites.length > 0) return;
    const bytes = JOURNAL_SWEEP_BYTES + Math.min(this.bytesWritten, JOURNAL_SWEEP_BYTES_MAX);
    this.bytesWritten = 0;
    this.rewrites = this.records.takeSparse(bytes);
    if (this.rewrites.length > 0) this.commits.touch();
  }

  private rewriteSome(changes: Change[]): void {
    const { rewrites } = this;
    let count = 0;
    // As much as what comes, within reason: a slow store is given more at once.
    let left = JOURNAL_REWRITE_BYTES + Math.min(this.lastCommitBytes, JOURNAL_SWEEP_BYTES);
    for (; left > 0 && count < rewrites.length; count++) {
      const record = rewrites[count]!;
      if (record.isGone || record.isOver) continue;
      left -= record.bytes;
      this.rewriter.rewrite(record, this.nextSequence - 1, changes);
    }
    if (count === 0) return;
    this.rewrites = rewrites.slice(count);
    if (this.rewrites.length > 0) this.commits.touch();
  }

  // @returns what has room for an entry or an event.
  private gathering(): PendingRecord {
    this.commits.touch();
    const { current } = this;
    return current === null || current.isFull ? this.begin() : current;
  }

  private begin(): PendingRecord {
    const pending = this.spare.pop() ?? new PendingRecord();
    pending.record = this.records.add(this.nextSequence++, pending);
    this.pending.push(pending);
    this.current = pending;
    return pending;
  }

  private step(entry: Entry, packetId: number, state: number): void {
    const record = this.records.find(entry);
    if (record === null) return;
    const order = this.nextOrder++;
    if (record.pending !== null) {
      record.pending.step(entry - record.base, order, packetId, state);
    } else if (record.step(entry - record.base, order, packetId, state)) {
      this.gathering().events.step(record, entry, order, packetId, state);
      this.records.judge(record);
    }
  }

  private end(record: KeptRecord, entry: Entry): boolean {
    const place = entry - record.base;
    if (record.pending !== null) return record.pending.end(place);
    if (!record.end(place)) return false;
    this.records.judge(record);
    return true;
  }

  private write(pending: PendingRecord, changes: Change[]): void {
    const { writer } = this;
    const record = pending.record!;
    writer.begin();
    const index = pending.writeEntries(writer);
    const entriesEnd = writer.length;
    const about = pending.events.write(writer, record);
    if (writer.isEmpty) {
      this.records.forget(record);
    } else {
      const key = journalKey(record.sequence);
      const eventBytes = writer.length - entriesEnd;
      const row = writer.take(key, record.sequence);
      const entryBytes = index.entries === 0 ? 0 : Math.floor((entriesEnd - HEAD_BYTES) / index.entries);
      record.made(index, row.length, entryBytes, eventBytes, about.length);
      for (const earlier of about) if (earlier.isCostly) this.records.listSparse(earlier);
      changes.push({ table: 'journal', key, value: row });
      this.bytesWritten += row.length;
    }
    this.recycle(pending);
  }

  private recycle(pending: PendingRecord): void {
    pending.record = null;
    pending.clear();
    if (this.spare.length < JOURNAL_RECORDS_SPARE_MAX) this.spare.push(pending);
  }
}

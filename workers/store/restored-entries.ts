/**
 * What the journal held when the shard began, session by session. Used once, on the shard's thread, before the shard is
 * ready.
 */
import { JOURNAL_LOAD_SLICE_ENTRIES } from '../../src/limits.js';
import type { Message } from '../../src/protocol/message.js';
import {
  type EntryGroup,
  STATE_INBOUND,
  STATE_QUEUED,
  STATE_RELEASED,
} from '../../src/storage/journal-format.js';
import { type Identifiers, PUBLISHED_QOS1, PUBLISHED_QOS2, RELEASED } from '../session/exchange.js';
import type { EntryColumns } from './entry-columns.js';
import type { JournalLoader } from './journal-loader.js';
import type { JournalRecords } from './journal-records.js';
import { OVER } from './row-index.js';

/** Takes what the journal had about one session. What it answers false to is over. */
export interface RestoreTarget {
  /**
   * In the order of sending anew: released ones first. `packetId` is not 0; `state` is one of exchange.ts; `message` is
   * null where it is RELEASED.
   */
  restoreInFlight(
    packetId: number,
    state: number,
    message: Message | null,
    flags: number,
    identifiers: Identifiers,
    group: EntryGroup | null,
    entry: number,
  ): boolean;
  /** In the order of entering. */
  restoreQueued(
    message: Message,
    qos: number,
    flags: number,
    identifiers: Identifiers,
    group: EntryGroup | null,
    entry: number,
  ): void;
  /** A message with QoS 2 of the client itself that awaits PUBREL. */
  restoreInbound(packetId: number, entry: number): boolean;
}

/** What becomes of an entry that nobody takes. */
export interface EntryKeeper {
  done(entry: number): void;
  forget(entry: number): void;
}

/** A rank nobody has: its entry is over. */
const NO_RANK = 0xffffffff;

export class RestoredEntries {
  /** Rows that could not be read; they are removed with the next commit. */
  readonly damagedRows: number;
  /** A later version of the broker has written some rows: the shard must not start. */
  readonly isNewer: boolean;

  private readonly columns: EntryColumns;
  /** Sessions get numbers without gaps, in the order of their first entries. */
  private readonly ranks = new Map<number, number>();
  /** By rank: where its rows begin in `sorted`; one more: where the last end. */
  private starts = new Uint32Array(0);
  /** Rows of the columns, by session and then rising. */
  private sorted = new Uint32Array(0);

  constructor(
    loader: JournalLoader,
    private readonly keeper: EntryKeeper,
  ) {
    this.damagedRows = loader.damaged.length;
    this.isNewer = loader.isNewer;
    this.columns = loader.columns;
  }

  /** Numbers of all sessions that have entries here. */
  sessions(): Iterable<number> {
    return this.ranks.keys();
  }

  /** Gives `target` the entries of one session: released, in flight, queued, inbound. They are no longer here then. */
  restore(session: number, target: RestoreTarget): void {
    const rank = this.ranks.get(session);
    if (rank === undefined) return;
    this.ranks.delete(session);
    const { columns } = this;
    const inFlight: number[] = [];
    const others = this.sorted.subarray(this.starts[rank]!, this.starts[rank + 1]!);
    for (const row of others) if (this.isInFlight(row)) inFlight.push(row);
    inFlight.sort((a, b) => this.releasedFirst(a, b) || columns.orders[a]! - columns.orders[b]!);
    for (const row of inFlight) this.restoreInFlight(row, target);
    for (const row of others) if (!this.isInFlight(row)) this.restoreOther(row, target);
  }

  /** Whatever is still here belongs to sessions that are gone: it is over. Yields as `Journal.load` does. */
  *forgetRest(): Generator<void, void> {
    let untilYield = JOURNAL_LOAD_SLICE_ENTRIES;
    for (const rank of this.ranks.values()) {
      for (let i = this.starts[rank]!; i < this.starts[rank + 1]!; i++) {
        this.keeper.forget(this.columns.entries[this.sorted[i]!]!);
        if (--untilYield > 0) continue;
        untilYield = JOURNAL_LOAD_SLICE_ENTRIES;
        yield;
      }
    }
    this.ranks.clear();
  }

  /** Sorts everything by session, once it is known what is over. Yields as `Journal.load` does. */
  *arrange(records: JournalRecords): Generator<void, void> {
    const { columns } = this;
    const rankOf = new Uint32Array(columns.length);
    const counts: number[] = [];
    for (let row = 0; row < columns.length; row++) {
      if (row % JOURNAL_LOAD_SLICE_ENTRIES === 0) yield;
      const rank = this.isOver(row, records) ? NO_RANK : this.rankOf(columns.sessions[row]!);
      rankOf[row] = rank;
      if (rank !== NO_RANK) counts[rank] = (counts[rank] ?? 0) + 1;
    }
    this.starts = new Uint32Array(counts.length + 1);
    for (let rank = 0; rank < counts.length; rank++)
      this.starts[rank + 1] = this.starts[rank]! + counts[rank]!;
    const next = this.starts.slice();
    this.sorted = new Uint32Array(this.starts[counts.length]!);
    for (let row = 0; row < columns.length; row++) {
      if (row % JOURNAL_LOAD_SLICE_ENTRIES === 0) yield;
      const rank = rankOf[row]!;
      if (rank !== NO_RANK) this.sorted[next[rank]!++] = row;
    }
  }

  // Also brings the columns to what later records have said.
  private isOver(row: number, records: JournalRecords): boolean {
    const { columns } = this;
    const entry = columns.entries[row]!;
    const record = records.find(entry)!;
    const place = entry - record.base;
    if (record.messageAt(place) === OVER) return true;
    const order = record.orderOf(place);
    if (order > 0) columns.step(row, order, record.packetIdOf(place), record.stateOf(place));
    return false;
  }

  private rankOf(session: number): number {
    const known = this.ranks.get(session);
    if (known !== undefined) return known;
    const rank = this.ranks.size;
    this.ranks.set(session, rank);
    return rank;
  }

  private isInFlight(row: number): boolean {
    const state = this.columns.stateAt(row);
    return state !== STATE_QUEUED && state !== STATE_INBOUND;
  }

  private releasedFirst(a: number, b: number): number {
    return Number(this.isReleased(b)) - Number(this.isReleased(a));
  }

  private isReleased(row: number): boolean {
    return this.columns.stateAt(row) === STATE_RELEASED;
  }

  private restoreInFlight(row: number, target: RestoreTarget): void {
    const { columns } = this;
    const entry = columns.entries[row]!;
    const packetId = columns.packetIds[row]!;
    const published = columns.qosAt(row) === 2 ? PUBLISHED_QOS2 : PUBLISHED_QOS1;
    // Which it has is lost where the record is that said it was sent. PUBREC has come, so nothing else is.
    const isTaken =
      packetId > 0 &&
      target.restoreInFlight(
        packetId,
        this.isReleased(row) ? RELEASED : published,
        this.isReleased(row) ? null : columns.messages[row]!,
        columns.flags[row]!,
        columns.identifiers.get(row) ?? null,
        columns.groups.get(row) ?? null,
        entry,
      );
    if (!isTaken) this.keeper.done(entry);
  }

  private restoreOther(row: number, target: RestoreTarget): void {
    const { columns } = this;
    const entry = columns.entries[row]!;
    if (columns.stateAt(row) === STATE_INBOUND) {
      if (!target.restoreInbound(columns.packetIds[row]!, entry)) this.keeper.done(entry);
      return;
    }
    target.restoreQueued(
      columns.messages[row]!,
      columns.qosAt(row),
      columns.flags[row]!,
      columns.identifiers.get(row) ?? null,
      columns.groups.get(row) ?? null,
      entry,
    );
  }
}

/**
 * Gives everything that the shards of a node have kept to another number of shards: sessions and what belongs to them
 * by their slot, retained messages by that of their topic. On main, before any shard starts.
 *
 * Batches between shards must have come to where they were sent: nobody here knows what they would meet there. Nothing
 * that is read is changed; what is written lies apart until it is whole.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { REDISTRIBUTION_ROWS_PER_TURN } from '../limits.js';
import { appliedSequence } from './applied-record.js';
import { Environment } from './environment.js';
import { frameFault, opened } from './framing.js';
import { JournalFold } from './journal-fold.js';
import { JOURNAL_VERSION, NO_MESSAGE } from './journal-format.js';
import { JournalReader } from './journal-reader.js';
import { sequenceOfKey, slotOfKey } from './keys.js';
import { FORMAT_KEY, formatOf } from './meta-rows.js';
import { holdsBatch } from './outbox-record.js';
import { writtenLater } from './refusal.js';
import { RETAINED_VERSION } from './retained-record.js';
import { decodeSession, encodeSession, type Unreadable } from './session-record.js';
import { ShardWriter } from './shard-writer.js';
import { encodeSubscription, SubscriptionReader } from './subscription-record.js';
import { type Row, TABLES, type Table } from './tables.js';

/** What one row of a session says where it was, and where it is now. */
interface Moved {
  readonly to: ShardWriter;
  readonly number: number;
}

export interface Redistributed {
  readonly sessions: number;
  readonly subscriptions: number;
  readonly retained: number;
  readonly messages: number;
  /** Of the old shards that had any: rows that were damaged, by table. */
  readonly lost: ReadonlyMap<number, RowCounts>;
}

export type RowCounts = ReadonlyMap<Table, number>;

/** From where to where, in which every store is written anew. */
export interface Redistribution {
  /** The directory with `shard-0` to `shard-(from - 1)`. */
  readonly source: string;
  readonly from: number;
  /** Where `shard-0` to `shard-(to - 1)` are written; empty. */
  readonly target: string;
  readonly to: number;
  /** Which of so many shards has what belongs to a slot. */
  readonly shardOfSlot: (slot: number, shards: number) => number;
}

/** What is to be known of stores before they are given to others. */
export interface Survey {
  /** Batches that have not come to the shards that they were sent to. */
  readonly pending: number;
  /** Of all rows, and of what leads to them. */
  readonly bytes: number;
}

/** Told now and then how many rows of a shard's table have been read. */
export type OnRowsRead = (shard: number, table: Table, rows: number, ofRows: number) => void;

/** `useless`: it belongs to nothing. */
type Taken = 'taken' | 'useless' | Unreadable;

export function shardDirectory(directory: string, shard: number): string {
  return join(directory, `shard-${shard}`);
}

/** @throws StoreRefusal when a row is of a later version; Error when something cannot be read or written */
export async function redistribute(
  { source, from, target, to, shardOfSlot }: Redistribution,
  onRead: OnRowsRead = () => {},
): Promise<Redistributed> {
  const writers: ShardWriter[] = [];
  try {
    for (let shard = 0; shard < to; shard++) writers.push(new ShardWriter(shardDirectory(target, shard)));
    const counts = { sessions: 0, subscriptions: 0, retained: 0, messages: 0 };
    const lost = new Map<number, RowCounts>();
    const ownerOf = (slot: number): ShardWriter => writers[shardOfSlot(slot, to)]!;
    await eachStore(source, from, async (environment, shard) => {
      const reader = new ShardReader(environment, ownerOf, counts, (...read) => onRead(shard, ...read));
      await reader.run();
      if (reader.lost.size > 0) lost.set(shard, reader.lost);
    });
    for (const writer of writers) await writer.finish();
    return { ...counts, lost };
  } catch (error) {
    await Promise.allSettled(writers.map((writer) => writer.close()));
    throw error;
  }
}

/** Looks at the stores of `shards` shards; they may be in use. @throws StoreRefusal; Error */
export async function survey(directory: string, shards: number): Promise<Survey> {
  const sent: { from: number; to: number; sequence: number }[] = [];
  const applied = new Map<string, number>();
  let bytes = 0;
  await eachStore(directory, shards, (environment, shard) => {
    bytes += environment.usedBytes;
    for (const row of environment.rows('outbox')) {
      const to = row.key[0]!;
      // One that is for nobody, or damaged, is removed when its shard starts.
      if (to < shards && holdsBatch(row) === true) {
        sent.push({ from: shard, to, sequence: sequenceOfKey(row.key) });
      }
    }
    for (const { key, value } of environment.rows('applied')) {
      applied.set(`${key[0]!}>${shard}`, appliedSequence(key, value) ?? 0);
    }
  });
  const pending = sent.filter(({ from, to, sequence }) => sequence > (applied.get(`${from}>${to}`) ?? 0));
  return { pending: pending.length, bytes };
}

/** Opens those that are there, one after the other. */
async function eachStore(
  directory: string,
  shards: number,
  read: (environment: Environment<Table>, shard: number) => Promise<void> | void,
): Promise<void> {
  for (let shard = 0; shard < shards; shard++) {
    const path = shardDirectory(directory, shard);
    if (!existsSync(path)) continue;
    const environment = new Environment(path, TABLES);
    try {
      if (formatOf(environment.get('meta', FORMAT_KEY)) === 'newer') throw writtenLater('its tables');
      await read(environment, shard);
    } finally {
      await environment.close();
    }
  }
}

/** Passes on what one shard had. */
class ShardReader {
  readonly lost = new Map<Table, number>();
  private readonly moved = new Map<number, Moved>();
  private readonly subscriptions = new SubscriptionReader();
  private readonly journal = new JournalReader();

  constructor(
    private readonly environment: Environment<Table>,
    private readonly ownerOf: (slot: number) => ShardWriter,
    private readonly counts: { -readonly [Name in Exclude<keyof Redistributed, 'lost'>]: number },
    private readonly onRead: (table: Table, rows: number, ofRows: number) => void,
  ) {}

  async run(): Promise<void> {
    await this.each('sessions', (row) => this.session(row));
    await this.each('subscriptions', (row) => this.subscription(row));
    await this.each('retained', (row) => this.retained(row));
    const fold = await this.fold();
    await this.eachRecord((sequence, content) => this.entries(sequence, content, fold));
  }

  private async each(table: Table, take: (row: Row) => Taken): Promise<void> {
    const ofRows = this.environment.count(table);
    let rows = 0;
    for (const row of this.environment.rows(table)) {
      if (++rows % REDISTRIBUTION_ROWS_PER_TURN === 0) {
        this.onRead(table, rows, ofRows);
        await nextTurn();
      }
      const taken = take(row);
      if (taken === 'newer') throw writtenLater(`table ${table}`);
      if (taken === 'damaged') this.lost.set(table, (this.lost.get(table) ?? 0) + 1);
    }
  }

  private async fold(): Promise<JournalFold> {
    const fold = new JournalFold();
    await this.eachRecord((sequence) => fold.take(sequence, this.journal));
    // Those that cannot be read are counted when all are read again.
    this.lost.delete('journal');
    return fold;
  }

  private eachRecord(take: (sequence: number, content: Buffer) => void): Promise<void> {
    return this.each('journal', ({ key, value }) => {
      const frame = opened(key, value, JOURNAL_VERSION);
      if (!frame.ok) return frame.why;
      if (key.length !== 8 || !this.journal.open(frame.content)) return 'damaged';
      take(sequenceOfKey(key), frame.content);
      this.journal.close();
      return 'taken';
    });
  }

  private session(row: Row): Taken {
    const record = decodeSession(row);
    if (typeof record === 'string') return record;
    if (this.moved.has(record.number)) return 'damaged';
    const slot = slotOfKey(row.key);
    const to = this.ownerOf(slot);
    // 0 is that of all which are kept for their wills only: nothing else lies under it.
    const number = record.number === 0 ? 0 : to.number();
    if (number !== 0) this.moved.set(record.number, { to, number });
    to.put('sessions', encodeSession(slot, { ...record, number }));
    this.counts.sessions++;
    return 'taken';
  }

  private subscription(row: Row): Taken {
    const { subscriptions } = this;
    const fault = subscriptions.read(row);
    if (fault !== null) return fault;
    const moved = this.moved.get(subscriptions.session);
    if (moved === undefined) return 'useless';
    const { group, local, options, identifier } = subscriptions;
    const record = { group, local, options, identifier, filter: subscriptions.filter() };
    moved.to.put(
      'subscriptions',
      encodeSubscription(slotOfKey(row.key), { ...record, session: moved.number }),
    );
    this.counts.subscriptions++;
    return 'taken';
  }

  private retained({ key, value }: Row): Taken {
    const fault = frameFault(key, value, RETAINED_VERSION);
    if (fault !== null) return fault;
    this.ownerOf(slotOfKey(key)).put('retained', { key: Buffer.from(key), value: Buffer.from(value) });
    this.counts.retained++;
    return 'taken';
  }

  // Each shard that needs something of a record gets a record with that alone.
  private entries(sequence: number, content: Buffer, fold: JournalFold): void {
    const { journal: reader } = this;
    const targets = new Set<ShardWriter>();
    for (let i = 0; i < reader.entries; i++) {
      reader.nextEntry();
      const moved = this.moved.get(reader.session);
      const now = moved === undefined ? null : fold.now(sequence, reader);
      if (moved === undefined || now === null) continue;
      const { to, number } = moved;
      targets.add(to);
      const message = this.messageFor(to, now.message, content);
      const { packetId, state, order } = now;
      to.journal.entry(number, reader.place, message, packetId, state, reader.qos, reader.flags, order);
      const identifiers = reader.identifiers();
      if (identifiers !== null) to.journal.identifiers(identifiers);
      const group = reader.group();
      if (group !== null) to.journal.group(group);
      this.counts.messages++;
    }
    for (const target of targets) target.endRecord();
  }

  /** @returns the how manieth message of the new record it is */
  private messageFor(to: ShardWriter, message: number, content: Buffer): number {
    if (message === NO_MESSAGE) return NO_MESSAGE;
    const known = to.messages.get(message);
    if (known !== undefined) return known;
    const number = to.messages.size;
    to.messages.set(message, number);
    to.journal.copyMessage(content, this.journal.messageAt(message), this.journal.messageAt(message + 1));
    return number;
  }
}

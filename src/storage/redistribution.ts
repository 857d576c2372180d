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
import { framed, opened } from './framing.js';
import { JournalFold } from './journal-fold.js';
import { JOURNAL_VERSION, NO_MESSAGE } from './journal-format.js';
import { JournalReader } from './journal-reader.js';
import { sequenceOfKey, sessionOfKey, slotOfKey } from './keys.js';
import { numberOf, renumberedKey, renumberedSession, SESSION_VERSION } from './session-number.js';
import { ShardWriter } from './shard-writer.js';
import { type Row, TABLES, type Table } from './tables.js';

/** Of tables whose rows are passed on as they are, every version: the shard that reads them judges it. */
const ANY_VERSION = 255;

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
  /** Rows that were damaged, or belonged to nothing. */
  readonly left: number;
}

/** Told of each shard that is read, and how many rows that were. */
export type OnShardRead = (shard: number, rows: number) => void;

export function shardDirectory(directory: string, shard: number): string {
  return join(directory, `shard-${shard}`);
}

/**
 * Reads `shard-0` to `shard-(from - 1)` of `source`, writes `shard-0` to `shard-(to - 1)` of `target`, which is empty.
 * @throws Error when a row is of a later version, or something cannot be read or written
 */
export async function redistribute(
  source: string,
  from: number,
  target: string,
  to: number,
  onRead: OnShardRead,
): Promise<Redistributed> {
  const writers: ShardWriter[] = [];
  try {
    for (let shard = 0; shard < to; shard++) writers.push(new ShardWriter(shardDirectory(target, shard)));
    const counts = { sessions: 0, subscriptions: 0, retained: 0, messages: 0, left: 0 };
    for (let shard = 0; shard < from; shard++) {
      const directory = shardDirectory(source, shard);
      if (!existsSync(directory)) continue;
      const environment = new Environment(directory, TABLES);
      try {
        onRead(shard, await new ShardReader(environment, writers, counts).run());
      } finally {
        await environment.close();
      }
    }
    for (const writer of writers) await writer.finish();
    return counts;
  } catch (error) {
    await Promise.allSettled(writers.map((writer) => writer.close()));
    throw error;
  }
}

/** @returns how many batches have not come to the shards that they were sent to */
export async function countPending(directory: string, shards: number): Promise<number> {
  const sent: { from: number; to: number; sequence: number }[] = [];
  const applied = new Map<string, number>();
  for (let shard = 0; shard < shards; shard++) {
    if (!existsSync(shardDirectory(directory, shard))) continue;
    const environment = new Environment(shardDirectory(directory, shard), TABLES);
    for (const { key } of environment.rows('outbox')) {
      sent.push({ from: shard, to: key[0]!, sequence: sequenceOfKey(key) });
    }
    for (const { key, value } of environment.rows('applied')) {
      applied.set(`${key[0]!}>${shard}`, appliedSequence(key, value) ?? 0);
    }
    await environment.close();
  }
  return sent.filter(({ from, to, sequence }) => sequence > (applied.get(`${from}>${to}`) ?? 0)).length;
}

/** Passes on what one shard had. */
class ShardReader {
  private readonly moved = new Map<number, Moved>();
  private readonly reader = new JournalReader();
  private rows = 0;

  constructor(
    private readonly environment: Environment<Table>,
    private readonly writers: readonly ShardWriter[],
    private readonly counts: { -readonly [Name in keyof Redistributed]: number },
  ) {}

  /** @returns how many rows were read */
  async run(): Promise<number> {
    await this.each('sessions', SESSION_VERSION, (row, content) => this.session(row, content));
    await this.each('subscriptions', ANY_VERSION, (row, content) => this.subscription(row, content));
    await this.each('retained', ANY_VERSION, (row) => this.retained(row));
    const fold = new JournalFold();
    await this.record((sequence) => fold.take(sequence, this.reader));
    await this.record((sequence, content) => this.entries(sequence, content, fold));
    return this.rows;
  }

  private async each(
    table: Table,
    newest: number,
    take: (row: Row, content: Buffer) => boolean,
  ): Promise<void> {
    for (const row of this.environment.rows(table)) {
      if (++this.rows % REDISTRIBUTION_ROWS_PER_TURN === 0) await nextTurn();
      const frame = opened(row.key, row.value, newest);
      if (!frame.ok && frame.why === 'newer') throw new Error(`${table}: a later version has written a row`);
      if (!frame.ok || !take(row, frame.content)) this.counts.left++;
    }
  }

  private record(take: (sequence: number, content: Buffer) => void): Promise<void> {
    return this.each('journal', JOURNAL_VERSION, ({ key }, content) => {
      if (key.length !== 8 || !this.reader.open(content)) return false;
      take(sequenceOfKey(key), content);
      this.reader.close();
      return true;
    });
  }

  private ownerOf(key: Buffer): ShardWriter {
    return this.writers[slotOfKey(key) % this.writers.length]!;
  }

  private session({ key, value }: Row, content: Buffer): boolean {
    const number = numberOf(content);
    if (key.length < 3 || number === null) return false;
    const to = this.ownerOf(key);
    const moved = { to, number: to.number() };
    this.moved.set(number, moved);
    to.put('sessions', Buffer.from(key), renumberedSession(key, content, value[0]!, moved.number));
    this.counts.sessions++;
    return true;
  }

  private subscription({ key, value }: Row, content: Buffer): boolean {
    const moved = key.length < 7 ? undefined : this.moved.get(sessionOfKey(key));
    if (moved === undefined) return false;
    const other = renumberedKey(key, moved.number);
    moved.to.put('subscriptions', other, framed(other, content, value[0]!));
    this.counts.subscriptions++;
    return true;
  }

  private retained({ key, value }: Row): boolean {
    if (key.length < 3) return false;
    this.ownerOf(key).put('retained', Buffer.from(key), Buffer.from(value));
    this.counts.retained++;
    return true;
  }

  // Each shard that needs something of a record gets a record with that alone.
  private entries(sequence: number, content: Buffer, fold: JournalFold): void {
    const { reader } = this;
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
    to.journal.copyMessage(content, this.reader.messageAt(message), this.reader.messageAt(message + 1));
    return number;
  }
}

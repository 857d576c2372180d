/** Writes the rows of one new shard, a commit now and then. On main. */
import { MENDING_COMMIT_BYTES } from '../limits.js';
import { Environment, type Write } from './environment.js';
import { JournalWriter } from './journal-writer.js';
import { journalKey } from './keys.js';
import { NEXT_SESSION_KEY, nextSessionValue } from './meta-rows.js';
import { type Row, TABLES, type Table } from './tables.js';

export class ShardWriter {
  /** For the record of its journal that is being written. */
  readonly journal = new JournalWriter();
  /** The how manieth message of that record is which of the record that is read. */
  readonly messages = new Map<number, number>();
  private readonly environment: Environment<Table>;
  private writes: Write<Table>[] = [];
  private bytes = 0;
  private nextSession = 1;
  private nextRecord = 1;

  constructor(directory: string) {
    this.environment = new Environment(directory, TABLES);
    this.journal.begin();
  }

  /** A number for a session that is written here. */
  number(): number {
    return this.nextSession++;
  }

  /** The row is written as it is; both buffers must stay so. */
  put(table: Table, { key, value }: Row): void {
    this.writes.push({ table, key, value });
    this.bytes += key.length + value.length;
    if (this.bytes >= MENDING_COMMIT_BYTES) this.commit();
  }

  /** Ends the record of the journal, if anything is in it. */
  endRecord(): void {
    this.messages.clear();
    if (this.journal.isEmpty) return;
    const sequence = this.nextRecord++;
    const key = journalKey(sequence);
    this.put('journal', { key, value: this.journal.take(key, sequence) });
    this.journal.begin();
  }

  /** Everything is on the disk when the promise resolves. */
  async finish(): Promise<void> {
    this.put('meta', { key: NEXT_SESSION_KEY, value: nextSessionValue(this.nextSession) });
    this.commit();
    await this.environment.close();
  }

  close(): Promise<void> {
    return this.environment.close();
  }

  private commit(): void {
    this.environment.writeNow(this.writes);
    this.writes = [];
    this.bytes = 0;
  }
}

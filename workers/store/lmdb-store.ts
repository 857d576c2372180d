/** Keeps the rows of a shard in an lmdb environment of its own. Runs on the shard's thread; lmdb commits off it. */
import { Environment } from '../../src/storage/environment.js';
import { type Change, type Row, TABLES, type Table } from '../../src/storage/tables.js';
import type { Store } from './store.js';

export interface LmdbStoreOptions {
  /** Created when missing. */
  readonly directory: string;
  /** `process`: a commit survives the end of the process; `disk`: that of the machine. */
  readonly level: 'process' | 'disk';
}

export class LmdbStore implements Store {
  readonly isKeeping = true;
  readonly usedBytes = 0;
  readonly isFull = false;
  private readonly environment: Environment<Table>;

  /** @throws Error when the environment cannot be opened */
  constructor(private readonly options: LmdbStoreOptions) {
    this.environment = new Environment(options.directory, TABLES);
  }

  rows(table: Table): Iterable<Row> {
    return this.environment.rows(table);
  }

  count(table: Table): number {
    return this.environment.count(table);
  }

  get(table: Table, key: Buffer): Buffer | null {
    return this.environment.get(table, key);
  }

  commit(changes: readonly Change[], done: (ok: boolean) => void): void {
    if (changes.length === 0) {
      done(true);
      return;
    }
    this.environment.write(changes, (error) => {
      if (error !== null) done(false);
      else if (this.options.level === 'process') done(true);
      else this.environment.flushed(() => done(true));
    });
  }

  close(): Promise<void> {
    return this.environment.close();
  }
}

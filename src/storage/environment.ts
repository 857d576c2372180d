/**
 * One lmdb environment: a directory with tables of rows, whose keys and values are bytes. The only file that opens
 * lmdb, on shards and on main.
 */
import { type Database, open, type RootDatabase } from 'lmdb';
import type { Row } from './tables.js';

/** A row that is written, or removed where `value` is null. */
export interface Write<Table extends string> {
  readonly table: Table;
  readonly key: Buffer;
  readonly value: Buffer | null;
}

export class Environment<Table extends string> {
  private readonly root: RootDatabase<Buffer, Buffer>;
  private readonly tables = new Map<Table, Database<Buffer, Buffer>>();

  /** Opens or creates `directory`. @throws Error */
  constructor(directory: string, names: readonly Table[]) {
    this.root = open<Buffer, Buffer>({
      path: directory,
      noSubdir: false,
      maxDbs: names.length,
      keyEncoding: 'binary',
      encoding: 'binary',
      separateFlushed: true,
      eventTurnBatching: false,
    });
    for (const name of names) {
      this.tables.set(name, this.root.openDB({ name, keyEncoding: 'binary', encoding: 'binary' }));
    }
  }

  /** Everything in a table, in the order of its keys. */
  *rows(table: Table): Iterable<Row> {
    for (const { key, value } of this.tables.get(table)!.getRange({})) yield { key, value };
  }

  /** @returns how many rows a table has after the last commit */
  count(table: Table): number {
    return (this.tables.get(table)!.getStats() as { entryCount: number }).entryCount;
  }

  /** @returns one row as it was after the last commit; null: there is none */
  get(table: Table, key: Buffer): Buffer | null {
    return this.tables.get(table)!.get(key) ?? null;
  }

  /**
   * Writes all of `writes` or nothing. `committed` is called once: then they survive the end of the process, and are
   * not on the disk yet.
   */
  write(writes: readonly Write<Table>[], committed: (error: Error | null) => void): void {
    const done = this.root.batch(() => {
      for (const { table, key, value } of writes) {
        const database = this.tables.get(table)!;
        if (value === null) void database.remove(key);
        else void database.put(key, value);
      }
    });
    done.then(
      () => committed(null),
      (error: Error & { commitError?: Promise<unknown> }) => {
        const { commitError = Promise.resolve() } = error;
        commitError.then(
          () => committed(error),
          (cause: Error) => committed(cause),
        );
      },
    );
  }

  /** As `write`, at once and until it is on the disk: for times when nobody waits for this thread. @throws Error */
  writeNow(writes: readonly Write<Table>[]): void {
    this.root.transactionSync(() => {
      for (const { table, key, value } of writes) {
        const database = this.tables.get(table)!;
        if (value === null) database.removeSync(key);
        else database.putSync(key, value);
      }
    });
  }

  /** Calls back when everything that is committed is on the disk. */
  flushed(callback: () => void): void {
    this.root.flushed.then(callback, callback);
  }

  async close(): Promise<void> {
    await this.root.close();
  }
}

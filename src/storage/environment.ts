/**
 * One lmdb environment: a directory with tables of rows, whose keys and values are bytes. The only file that opens
 * lmdb, on shards and on main. Several threads of a process, and several processes, may open the same directory; where
 * somebody else may write meanwhile, by `opened` or `openedNow`.
 *
 * What lmdb promises as it is opened here: a transaction is whole or not there; a thread that ends, however it ends,
 * leaves the environment usable, for what it has handed over is still finished, and Node.js waits for that; pages of a
 * state that is on the disk are not written over before a later one is, so that a power cut leaves a whole, older
 * state. The file does not become smaller; what is given back is used again once the disk knows that it is free. The
 * map grows with the file: there is no size to configure, and none to run into.
 */
import { join } from 'node:path';
import { type Database, open, type RootDatabase, TransactionFlags } from 'lmdb';
import { READERS_CHECK_WRITES } from '../limits.js';
import { checkVersion, type NativeEnvironment } from './native-writes.js';
import { checkOpenable, DATA_FILE } from './open-check.js';
import { OpenGate, openBetween, openBetweenNow } from './open-gate.js';
import { passingRows } from './passing-rows.js';
import type { Row } from './tables.js';
import { type Write, type WriteEnd, Writer } from './writer.js';

export type { Write, WriteEnd } from './writer.js';

export interface EnvironmentSnapshot<Table extends string> {
  /** In the order of their keys. */
  rows(table: Table): Iterable<Row>;
  /** To be called before the environment is closed. */
  end(): void;
}

/** lmdb's own, as far as it is not in its types. */
interface Internals {
  readonly env: NativeEnvironment;
}
interface TableInternals {
  readonly db: { readonly dbi: number; stat(): PageCounts };
}
interface PageCounts {
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

const UNKNOWN_KEY = Buffer.from('?');
/** Values, keys: bytes as they are, without a codec. */
const BINARY = { keyEncoding: 'binary', encoding: 'binary' } as const;
/** Of the files; not in lmdb's types. */
const OWNER_ONLY = { permissionsMode: 0o600 } as const;

export class Environment<Table extends string> {
  private readonly root: RootDatabase<Buffer, Buffer>;
  private readonly tables = new Map<Table, Database<Buffer, Buffer> & TableInternals>();
  private readonly writer: Writer<Table>;
  private readonly gate: OpenGate;
  private writes = 0;

  /** As the constructor, while a process writes there: between two of its transactions. @throws Error */
  static opened<Table extends string>(
    directory: string,
    names: readonly Table[],
  ): Promise<Environment<Table>> {
    return openBetween(directory, () => new Environment(directory, names));
  }

  /** As `opened`, at once. For who has nothing under way there, or it would wait for itself. @throws Error */
  static openedNow<Table extends string>(directory: string, names: readonly Table[]): Environment<Table> {
    // The lock is the directory's, so it has to be there.
    checkOpenable(directory);
    return openBetweenNow(directory, () => new Environment(directory, names));
  }

  /** Opens or creates `directory`, which nobody else has or opens. @throws Error */
  constructor(directory: string, names: readonly Table[]) {
    checkVersion();
    checkOpenable(directory);
    this.root = open<Buffer, Buffer>({
      ...BINARY,
      ...OWNER_ONLY,
      path: directory,
      noSubdir: false,
      maxDbs: names.length,
      // A commit does not wait for its sync, and of the last state that is on the disk nothing is written over.
      overlappingSync: true,
    });
    // One transaction for all: each would cost a sync where they are new.
    this.root.transactionSync(() => {
      for (const name of names) {
        const table = this.root.openDB<Buffer, Buffer>({ ...BINARY, name });
        this.tables.set(name, table as typeof table & TableInternals);
      }
    }, TransactionFlags.SYNCHRONOUS_COMMIT | TransactionFlags.NO_SYNC_FLUSH);
    this.gate = new OpenGate(directory);
    this.writer = new Writer(this, join(directory, DATA_FILE), this.gate);
  }

  /** lmdb's own, for `Writer`. */
  get native(): NativeEnvironment {
    return (this.root as unknown as Internals).env;
  }

  /** lmdb's number of a table, for `Writer`. */
  numberOf(table: Table): number {
    return this.table(table).db.dbi;
  }

  /** What was written until now can be read from now on. For `Writer`. */
  refresh(): void {
    this.root.resetReadTxn();
  }

  /** Everything in a table, in the order of its keys. `isPassing`: each row is good until the next. */
  rows(table: Table, isPassing = false): Iterable<Row> {
    return isPassing ? passingRows(this.table(table)) : this.table(table).getRange({});
  }

  /** @returns how many rows a table has after the last commit */
  count(table: Table): number {
    return (this.tables.get(table)!.getStats() as { entryCount: number }).entryCount;
  }

  /** @returns one row as it was after the last commit; null: there is none */
  get(table: Table, key: Buffer): Buffer | null {
    return this.table(table).get(key) ?? null;
  }

  /** Writes all of `writes` or nothing, off this thread. Several may be under way; they are written in their order. */
  write(writes: readonly Write<Table>[], end: WriteEnd): void {
    // What somebody was reading when his process was killed would never be used again.
    if (++this.writes % READERS_CHECK_WRITES === 0) this.root.readerCheck();
    this.writer.write(writes, end);
  }

  /** As `write`. The promise resolves when they are on the disk. @throws Error */
  writeSafely(writes: readonly Write<Table>[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.write(writes, { committed: () => {}, flushed: resolve, failed: reject });
    });
  }

  /**
   * As `write`, at once and until it is on the disk; when nothing is under way, and nobody waits for this thread.
   * @throws Error
   */
  writeNow(writes: readonly Write<Table>[]): void {
    this.root.transactionSync(() => {
      for (const { table, key, value } of writes) {
        const database = this.table(table);
        if (value === null) database.removeSync(key);
        else database.putSync(key, value);
      }
    });
  }

  /** Bytes of all rows and of what leads to them; what may be used again does not count. Some 20 us. */
  get usedBytes(): number {
    // Asked first, since it also ends the look at the tables when this turn is over.
    let bytes = bytesOf(this.root.getStats() as PageCounts);
    for (const { db } of this.tables.values()) bytes += bytesOf(db.stat());
    return bytes;
  }

  /** Bytes of the file up to the last page that was ever used. Some 10 us. */
  get reachedBytes(): number {
    const { lastPageNumber, pageSize } = this.root.getStats() as PageCounts & { lastPageNumber: number };
    return (lastPageNumber + 1) * pageSize;
  }

  /** Number of the last transaction that is committed. Some 6 us. @throws Error when lmdb has given up */
  get lastTransaction(): number {
    return (this.root.getStats() as PageCounts & { lastTxnId: number }).lastTxnId;
  }

  /** False: lmdb has given the environment up. It may neither be read nor written until it is opened again. */
  get isUsable(): boolean {
    try {
      this.root.resetReadTxn();
      this.root.get(UNKNOWN_KEY);
      return true;
    } catch {
      return false;
    }
  }

  /** Nothing is under way. */
  get isIdle(): boolean {
    return this.writer.isIdle;
  }

  /** For an environment that is idle. */
  closeNow(): void {
    this.gate.close();
    void this.root.close();
  }

  /** A copy of everything, as it is now, into a directory that is there and empty. @throws Error */
  copyTo(directory: string): Promise<void> {
    return this.root.backup(directory, false);
  }

  /** Everything as it is now, whatever is written later; what that gives back is not used again before its end. */
  snapshot(): EnvironmentSnapshot<Table> {
    // What was read in this turn was read as it was then.
    this.root.resetReadTxn();
    const transaction = this.root.useReadTransaction();
    return {
      rows: (table) => this.table(table).getRange({ transaction }),
      end: () => transaction.done(),
    };
  }

  /** What is under way is waited for. */
  async close(): Promise<void> {
    await this.writer.idle();
    this.gate.close();
    await this.root.close();
  }

  private table(name: Table): Database<Buffer, Buffer> & TableInternals {
    return this.tables.get(name)!;
  }
}

function bytesOf({ pageSize, treeBranchPageCount, treeLeafPageCount, overflowPages }: PageCounts): number {
  return pageSize * (treeBranchPageCount + treeLeafPageCount + overflowPages);
}

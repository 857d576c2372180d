/**
 * One lmdb environment: a directory with tables of rows, whose keys and values are bytes. The only file that opens
 * lmdb, on shards and on main. Several threads of a process may open the same directory.
 *
 * What lmdb promises as it is opened here: a transaction is whole or not there; a thread that ends, however it ends,
 * leaves the environment usable, for what it has handed over is still finished, and Node.js waits for that; pages of a
 * state that is on the disk are not written over before a later one is, so that a power cut leaves a whole, older
 * state. The file does not become smaller; what is given back is used again once the disk knows that it is free. The
 * map grows with the file: there is no size to configure, and none to run into.
 */
import { getSystemErrorMap } from 'node:util';
import { type Database, open, type RootDatabase, TransactionFlags } from 'lmdb';
import { READERS_CHECK_WRITES } from '../limits.js';
import { type NativeEnvironment, WriteLot } from './native-writes.js';
import { checkOpenable } from './open-check.js';
import type { Row } from './tables.js';

/** A row that is written, or removed where `value` is null. Neither buffer may be changed before it is committed. */
export interface Write<Table extends string> {
  readonly table: Table;
  readonly key: Buffer;
  readonly value: Buffer | null;
}

/** What becomes of rows that were handed over. Called in later turns. */
export interface WriteEnd {
  /** They survive the end of the process, and can be read. Called once, unless `failed` is. */
  committed(): void;
  /** They survive the end of the machine. Called once, after `committed`, unless `failed` is. */
  flushed(): void;
  /** None of them is written; or, after `committed`, what the machine's end would leave is unknown. */
  failed(error: Error): void;
}

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

/** A status of `startWriting`: it is committed, and its sync begins. */
const IS_COMMITTED = 1;
/** Values, keys: bytes as they are, without a codec. */
const BINARY = { keyEncoding: 'binary', encoding: 'binary' } as const;
/** Of the files; not in lmdb's types. */
const OWNER_ONLY = { permissionsMode: 0o600 } as const;

export class Environment<Table extends string> {
  private readonly root: RootDatabase<Buffer, Buffer>;
  private readonly native: NativeEnvironment;
  private readonly tables = new Map<Table, Database<Buffer, Buffer> & TableInternals>();
  /** For the next writes. */
  private readonly lots: WriteLot[] = [];
  private underway = 0;
  private writes = 0;
  /** A transaction has begun that is not committed. */
  private isWriting = false;
  /** Those that begin after it: lmdb's threads would take them in any order. */
  private readonly waiting: (() => void)[] = [];
  private onIdle: (() => void) | null = null;

  /** Opens or creates `directory`. @throws Error */
  constructor(directory: string, names: readonly Table[]) {
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
    this.native = (this.root as unknown as Internals).env;
    // One transaction for all: each would cost a sync where they are new.
    this.root.transactionSync(() => {
      for (const name of names) {
        const table = this.root.openDB<Buffer, Buffer>({ ...BINARY, name });
        this.tables.set(name, table as typeof table & TableInternals);
      }
    }, TransactionFlags.SYNCHRONOUS_COMMIT | TransactionFlags.NO_SYNC_FLUSH);
  }

  /** Everything in a table, in the order of its keys. */
  rows(table: Table): Iterable<Row> {
    return this.table(table).getRange({});
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
    const lot = this.lots.pop() ?? new WriteLot();
    let keyBytes = 0;
    for (const { key } of writes) keyBytes += key.length;
    lot.begin(writes.length, keyBytes);
    for (const { table, key, value } of writes) lot.add(this.table(table).db.dbi, key, value);
    // What somebody was reading when his process was killed would never be used again.
    if (++this.writes % READERS_CHECK_WRITES === 0) this.root.readerCheck();
    this.underway++;
    let isCommitted = false;
    const committed = (): void => {
      if (isCommitted) return;
      isCommitted = true;
      this.beginNext();
      // Who reads from now on is to see it.
      this.root.resetReadTxn();
      end.committed();
    };
    this.begin(lot, (status) => {
      if (status === IS_COMMITTED) {
        committed();
        return;
      }
      lot.clear();
      this.lots.push(lot);
      this.underway--;
      if (status === 0) {
        committed();
        end.flushed();
      } else {
        if (!isCommitted) this.beginNext();
        end.failed(writeError(status));
      }
      if (this.underway === 0) this.onIdle?.();
    });
  }

  /** As `write`. The promise resolves when they are on the disk. @throws Error */
  writeSafely(writes: readonly Write<Table>[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.write(writes, { committed: () => {}, flushed: resolve, failed: reject });
    });
  }

  /** As `write`, at once and until it is on the disk: for times when nobody waits for this thread. @throws Error */
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

  /** False: lmdb has given the environment up. It may neither be read nor written until it is opened again. */
  get isUsable(): boolean {
    try {
      this.root.resetReadTxn();
      this.root.getStats();
      return true;
    } catch {
      return false;
    }
  }

  /** Nothing is under way. */
  get isIdle(): boolean {
    return this.underway === 0;
  }

  /** For an environment that is idle. */
  closeNow(): void {
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
    if (this.underway > 0) {
      await new Promise<void>((resolve) => {
        this.onIdle = resolve;
      });
    }
    await this.root.close();
  }

  private begin(lot: WriteLot, callback: (status: number) => void): void {
    const start = (): void => lot.start(this.native, callback);
    if (this.isWriting) {
      this.waiting.push(start);
      return;
    }
    this.isWriting = true;
    start();
  }

  private beginNext(): void {
    const start = this.waiting.shift();
    this.isWriting = start !== undefined;
    start?.();
  }

  private table(name: Table): Database<Buffer, Buffer> & TableInternals {
    return this.tables.get(name)!;
  }
}

function bytesOf({ pageSize, treeBranchPageCount, treeLeafPageCount, overflowPages }: PageCounts): number {
  return pageSize * (treeBranchPageCount + treeLeafPageCount + overflowPages);
}

/** `status`: a number of the system's errors, or one of lmdb's own, which are negative. */
function writeError(status: number): Error {
  const [, text = `error ${status}`] = getSystemErrorMap().get(-status) ?? [];
  return new Error(status > 0 ? text : `error ${status} of lmdb`);
}

/**
 * The seam where what will be acknowledged becomes safe. The trivial store keeps nothing and says so at once. Runs on
 * the shard's thread; a store that works elsewhere calls back on it.
 */
import type { ShardStart } from '../../src/actor/shard-protocol.js';
import type { Change, Row, Table } from '../../src/storage/tables.js';

export type CommitDone = (ok: boolean, why?: string) => void;

export interface Store {
  /** False: nothing needs to be collected for it, and what it is given is empty. */
  readonly isKeeping: boolean;
  /**
   * Everything that is kept, table by table in the order of its keys. Before the first commit only. `isPassing`: each
   * row is good until the next.
   */
  rows(table: Table, isPassing?: boolean): Iterable<Row>;
  /** Rows of a table, as they are after the last commit. */
  count(table: Table): number;
  /** One row, as it was after the last commit; null: there is none, or it cannot be read. Not to be changed. */
  get(table: Table, key: Buffer): Buffer | null;
  /**
   * Makes all of `changes` safe, or nothing of it; of several for one key the last counts. `done` is called exactly
   * once, at once or in a later turn, with the reason where it is known why not. Not to be called again before.
   */
  commit(changes: readonly Change[], done: CommitDone): void;
  /** Bytes that it takes; what has been given up and may be used again does not count. */
  readonly usedBytes: number;
  /** No more is to be added; what gives space back is still committed. */
  readonly isFull: boolean;
  /** Called once, when the shard stops; nothing is under way. */
  close(): Promise<void>;
}

/** What a module that replaces the store exports. */
export interface StoreModule {
  createStore(start: ShardStart): Store;
}

export class MemoryStore implements Store {
  readonly isKeeping: boolean = false;
  readonly usedBytes = 0;
  readonly isFull: boolean = false;

  rows(_table: Table): Iterable<Row> {
    return [];
  }

  count(_table: Table): number {
    return 0;
  }

  get(_table: Table, _key: Buffer): Buffer | null {
    return null;
  }

  commit(_changes: readonly Change[], done: CommitDone): void {
    done(true);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/**
 * The seam where what will be acknowledged becomes safe. The trivial store keeps everything in memory and says so at
 * once. Runs on the shard's thread; a store that works elsewhere calls back on it.
 */

/** What one turn of a shard wants to be safe before it is acknowledged. */
export interface TurnRecord {
  /** Number of the turn; rises. */
  readonly turn: number;
  /** Publications whose PUBACK or PUBREC waits for this record. */
  readonly publications: number;
  /** Batches of other shards whose `applied` waits for this record. */
  readonly batches: number;
}

export interface Store {
  /**
   * Makes `record` safe. `done` is called exactly once, at once or in a later turn; records may finish out of order.
   * `ok` false: it could not be stored, and nothing in it may be acknowledged.
   */
  commit(record: TurnRecord, done: (ok: boolean) => void): void;
  /** Finishes what is under way; called once, when the shard stops. */
  close(): Promise<void>;
}

/** What a module that replaces the store exports. */
export interface StoreModule {
  createStore(): Store;
}

export class MemoryStore implements Store {
  commit(_record: TurnRecord, done: (ok: boolean) => void): void {
    done(true);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

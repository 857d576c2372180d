/**
 * The product's store on a slow disc: each commit begins late and is answered late, so that a broker that is killed
 * dies in the middle of it, and whatever leaves before its commit is found. Loaded by every shard.
 */
import type { ShardStart } from '../../../src/actor/shard-protocol.js';
import type { Change, Row, Table } from '../../../src/storage/tables.js';
import { openLmdb } from '../../../workers/store/open-store.js';
import type { Store } from '../../../workers/store/store.js';

/** The longest that it waits before it begins, and before it answers. */
const SLOW_MS = 40;

class SlowStore implements Store {
  readonly isKeeping = true;

  constructor(private readonly inner: Store) {}

  get usedBytes(): number {
    return this.inner.usedBytes;
  }

  get isFull(): boolean {
    return this.inner.isFull;
  }

  rows(table: Table, isPassing?: boolean): Iterable<Row> {
    return this.inner.rows(table, isPassing);
  }

  count(table: Table): number {
    return this.inner.count(table);
  }

  get(table: Table, key: Buffer): Buffer | null {
    return this.inner.get(table, key);
  }

  commit(changes: readonly Change[], done: (ok: boolean) => void): void {
    const late = (go: () => void): void => void setTimeout(go, Math.random() * SLOW_MS);
    late(() => this.inner.commit(changes, (ok) => late(() => done(ok))));
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}

/** At level `process`, whatever the configuration says. */
export function createStore(start: ShardStart): Store {
  return new SlowStore(openLmdb(start, 'process'));
}

/** A store for tests in which nothing can ever be made safe. Loaded by every shard. */
import type { Change } from '../../src/storage/tables.js';
import { MemoryStore, type Store } from '../../workers/store/store.js';

class FailingStore extends MemoryStore {
  override commit(_changes: readonly Change[], done: (ok: boolean) => void): void {
    done(false);
  }
}

export function createStore(): Store {
  return new FailingStore();
}

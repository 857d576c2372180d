/** A store for tests in which nothing can ever be made safe. Loaded by every shard. */
import type { Store } from '../../workers/store/store.js';

export function createStore(): Store {
  return {
    commit: (_record, done) => done(false),
    close: () => Promise.resolve(),
  };
}

/**
 * Stores that misbehave, for tests. `hold`: keeps commits until it is told `release` or `release reversed`; `fail`:
 * refuses them; `fail once`: only the first; `silent`: never answers. Loaded by every shard.
 */
import type { Change } from '../../src/storage/tables.js';
import { MemoryStore, type Store } from '../../workers/store/store.js';
import { seamSide } from './remote.js';

type Done = (ok: boolean) => void;

class TestStore extends MemoryStore {
  private readonly side = seamSide(import.meta.url);
  private held: Done[] = [];
  private commits = 0;
  private isHolding = true;

  constructor() {
    super();
    this.side.onWord((word) => {
      if (word === 'release') this.release(this.held);
      if (word === 'release reversed') this.release([...this.held].reverse());
    });
  }

  override commit(_changes: readonly Change[], done: Done): void {
    this.commits += 1;
    const { mode } = this.side;
    if (mode === 'hold' && this.isHolding) this.held.push(done);
    else if (mode === 'fail' || (mode === 'fail once' && this.commits === 1)) done(false);
    else if (mode !== 'silent') done(true);
    this.side.say('commit');
  }

  // From now on commits pass at once.
  private release(held: readonly Done[]): void {
    this.isHolding = false;
    this.held = [];
    for (const done of held) done(true);
  }
}

export function createStore(): Store {
  return new TestStore();
}

/**
 * Stores that misbehave until they are told `release`, for tests. `hold`: keeps commits back; `fail`: refuses them;
 * `silent`: never answers. Loaded by every shard.
 */
import type { Change } from '../../src/storage/tables.js';
import { MemoryStore, type Store } from '../../workers/store/store.js';
import { seamSide } from './remote.js';

type Done = (ok: boolean) => void;

class TestStore extends MemoryStore {
  private readonly side = seamSide(import.meta.url);
  private held: Done | null = null;
  private isReleased = false;

  constructor() {
    super();
    this.side.onWord((word) => {
      if (word !== 'release') return;
      this.isReleased = true;
      const { held } = this;
      this.held = null;
      held?.(true);
    });
  }

  override commit(_changes: readonly Change[], done: Done): void {
    const { mode } = this.side;
    if (this.isReleased) done(true);
    else if (mode === 'hold') this.held = done;
    else if (mode === 'fail') done(false);
    this.side.say('commit');
  }
}

export function createStore(): Store {
  return new TestStore();
}

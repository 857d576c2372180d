/**
 * Threads that wait for the next broker of this process when theirs has stopped: a new one loads all modules again,
 * which is most of what a start costs. Threads of which a shard crashed, or did not stop, are not kept.
 */
import type { ShardStart } from '../../src/actor/shard-protocol.js';
import { type OpenThreads, ThreadPool } from '../../src/supervisor/thread-pool.js';

/** More than these are not worth their memory. */
const THREADS_KEPT_MAX = 8;

type OnError = (error: Error) => void;

class KeptThreads extends ThreadPool {
  #running = 0;
  #hasFailed = false;

  constructor(
    readonly key: string,
    readonly threads: number,
    /** Whoever uses them now. */
    readonly user: { onError: OnError },
    entry: URL,
    memoryBytes: number,
  ) {
    super(entry, threads, memoryBytes, (error) => user.onError(error));
  }

  override run(start: ShardStart, signal: AbortSignal): Promise<void> {
    this.#running += 1;
    const task = super.run(start, signal);
    task.then(
      () => {
        this.#running -= 1;
      },
      () => {
        this.#hasFailed = true;
      },
    );
    return task;
  }

  override destroy(timeoutMs?: number): Promise<boolean> {
    const isWhole = this.#running === 0 && !this.#hasFailed;
    if (!isWhole || keptCount() + this.threads > THREADS_KEPT_MAX) return super.destroy(timeoutMs);
    kept.push(this);
    return Promise.resolve(true);
  }

  end(): Promise<boolean> {
    return super.destroy();
  }
}

const kept: KeptThreads[] = [];

function keptCount(): number {
  return kept.reduce((count, { threads }) => count + threads, 0);
}

/** Takes threads that are free, else starts new ones. */
export const keptThreads: OpenThreads = (entry, shards, memoryBytes, onError) => {
  const key = `${entry.href} ${shards} ${memoryBytes}`;
  const at = kept.findLastIndex((each) => each.key === key);
  const free = kept[at];
  if (free === undefined) return new KeptThreads(key, shards, { onError }, entry, memoryBytes);
  kept.splice(at, 1);
  free.user.onError = onError;
  return free;
};

// In order: see `ThreadPool.destroy`.
process.on('beforeExit', () => {
  for (const threads of kept.splice(0)) void threads.end();
});

/** The threads that shards run on: a Piscina pool of which every task lasts as long as its shard. Main thread. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { ShardStart } from '../actor/shard-protocol.js';
import { settlesInTime } from '../base/deadline.js';
import {
  HEAPS_MEMORY_SHARE,
  SHARD_EXIT_TIMEOUT_MS,
  SHARD_HEAP_MIN_MIB,
  SHARD_YOUNG_HEAP_MIB,
  THREAD_LOAD_TIMEOUT_MS,
  THREAD_QUIET_MS,
} from '../limits.js';

const MIB = 1 << 20;

/** What is known of one thread. */
interface WatchedThread {
  /** Resolves when it has loaded the module of a shard, or has exited. */
  readonly loaded: Promise<void>;
  readonly exited: Promise<void>;
}

/** Starts the threads of a broker. Arguments as of `ThreadPool`. */
export type OpenThreads = (...args: ConstructorParameters<typeof ThreadPool>) => ThreadPool;

export class ThreadPool {
  /** Bytes of one shard's heap above which its thread is ended. */
  readonly heapLimitBytes: number;
  readonly #pool: Piscina<ShardStart, void>;
  readonly #watched = new WeakMap<Worker, WatchedThread>();

  /**
   * Starts the threads.
   * @param entry module that exports `run(start)`
   * @param memoryBytes all that the process may use
   * @param onError trouble of a thread that runs no shard
   */
  constructor(entry: URL, shards: number, memoryBytes: number, onError: (error: Error) => void) {
    const share = Math.floor((memoryBytes * HEAPS_MEMORY_SHARE) / shards / MIB);
    const heapMib = Math.max(SHARD_HEAP_MIN_MIB, share);
    this.heapLimitBytes = heapMib * MIB;
    this.#pool = new Piscina<ShardStart, void>({
      filename: entry.href,
      name: 'run',
      minThreads: shards,
      maxThreads: shards,
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: 1,
      // Any other setting freezes the event loop of a thread between tasks.
      atomics: 'disabled',
      recordTiming: false,
      resourceLimits: { maxOldGenerationSizeMb: heapMib, maxYoungGenerationSizeMb: SHARD_YOUNG_HEAP_MIB },
    });
    this.#pool.on('error', onError);
    // For threads that take the place of others it comes when they have loaded.
    this.#pool.on('workerCreate', ({ id }: { readonly id: number }) => this.#watchThreads(id));
    this.#watchThreads();
  }

  /** Runs one shard. Resolves when it has stopped, rejects when it crashed or `signal` has ended its thread. */
  run(start: ShardStart, signal: AbortSignal): Promise<void> {
    return this.#pool.run(start, { transferList: [start.port], signal });
  }

  /** @returns null when no living thread has this id. */
  thread(threadId: number): Worker | null {
    this.#watchThreads();
    return this.#pool.threads.find((worker) => worker.threadId === threadId) ?? null;
  }

  /** Resolves when the thread has exited: not before are its descriptors closed. */
  exited(worker: Worker): Promise<void> {
    return this.#watched.get(worker)?.exited ?? Promise.resolve();
  }

  /**
   * Ends every thread, once their shards have stopped. @returns false when some thread did not end in time and was
   * left behind.
   */
  async destroy(timeoutMs = SHARD_EXIT_TIMEOUT_MS): Promise<boolean> {
    // It aborts too when a thread is taken down in the middle of loading a module; one that takes the place of
    // a thread that has just died does.
    this.#watchThreads();
    const loaded = this.#pool.threads.map((worker) => this.#watched.get(worker)!.loaded);
    await settlesInTime(Promise.all(loaded), THREAD_LOAD_TIMEOUT_MS);
    // Node.js 20 aborts the process when a thread is taken down while V8 still compiles its code on another one
    // (NodePlatform::ForIsolate). The shards are idle by now, so nothing new is begun and what is under way ends.
    await sleep(THREAD_QUIET_MS);
    return settlesInTime(this.#pool.destroy(), timeoutMs);
  }

  /** Piscina forgets a thread before it has exited, so each is watched from its first sight on. */
  #watchThreads(loadedId: number | null = null): void {
    for (const worker of this.#pool.threads) {
      if (this.#watched.has(worker)) continue;
      const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
      // Piscina's thread says it is ready when it has loaded its module, and nothing before.
      const isLoaded = worker.threadId === loadedId;
      const ready = new Promise<void>((resolve) => {
        if (isLoaded) resolve();
        else worker.once('message', () => resolve());
      });
      this.#watched.set(worker, { loaded: Promise.race([ready, exited]), exited });
    }
  }
}

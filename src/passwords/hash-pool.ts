/**
 * The one queue of this process for passwords to be hashed, and the threads that do it. Not the pool of libuv: a
 * thousand logins at once would keep commits, files and DNS waiting. Main thread.
 */
import { Piscina } from 'piscina';
import { type Clock, SystemClock } from '../base/clock.js';
import { networkOf } from '../base/ip-range.js';
import {
  HASH_THREAD_HEAP_MIB,
  HASH_THREADS_MAX,
  HASH_WAIT_MAX_MS,
  HASHES_WAITING_BYTES_MAX,
  HASHES_WAITING_MAX,
} from '../limits.js';
import { usableCores } from '../supervisor/machine.js';
import { FairQueue, type Queued } from './fair-queue.js';
import { equalTexts, hashPassword, newSalt, saltOf } from './hash.js';
import { type HashFormat, isSlow, problemOf, type StoredPassword } from './hash-format.js';
import type { HashTask } from './hash-thread.js';

/** Too many passwords wait, or this one has waited too long: whoever asked may try again. */
export class HashBusyError extends Error {
  override readonly name = 'HashBusyError';
}

/** Runs tasks, one per thread at a time. */
export interface HashThreads {
  readonly count: number;
  run(task: HashTask): Promise<string | null>;
}

interface Waiting extends Queued {
  readonly task: HashTask;
  readonly queuedAtMs: number;
  readonly resolve: (hash: string | null) => void;
  readonly reject: (error: Error) => void;
}

export class HashPool {
  readonly #queue = new FairQueue<Waiting>(HASHES_WAITING_MAX, HASHES_WAITING_BYTES_MAX, ({ reject }) =>
    reject(new HashBusyError('too many passwords wait to be hashed')),
  );
  #running = 0;

  constructor(
    private readonly threads: HashThreads,
    private readonly clock: Clock,
  ) {}

  /**
   * Whether this is the password that is stored. Rejects with `HashBusyError`, or when what is stored is of no use.
   * @param from address of the client, whose network shares the threads fairly with others
   */
  async verify(password: Uint8Array, stored: StoredPassword, from: string): Promise<boolean> {
    const problem = problemOf(stored);
    if (problem !== null) throw new Error(`a stored password is damaged: ${problem}`);
    const hash = await this.#hash({ password, format: stored.format, salt: saltOf(stored) }, networkOf(from));
    return hash !== null && equalTexts(hash, stored.hash);
  }

  /** What is to be stored of a new password; see `problemOfPassword`. Rejects with `HashBusyError`. */
  async create(password: Uint8Array, format: HashFormat): Promise<StoredPassword> {
    const salt = newSalt(format);
    const hash = await this.#hash({ password, format, salt }, '');
    if (hash === null) throw new Error('this password cannot be stored in this format');
    return { format, salt, hash };
  }

  #hash(task: HashTask, from: string): Promise<string | null> {
    if (!isSlow(task.format)) return Promise.resolve(hashPassword(task.password, task.format, task.salt));
    return new Promise((resolve, reject) => {
      const queuedAtMs = this.clock.monotonicMs();
      this.#queue.push({ task, from, bytes: task.password.length, queuedAtMs, resolve, reject });
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#running < this.threads.count) {
      const waiting = this.#queue.shift();
      if (waiting === null) return;
      if (this.clock.monotonicMs() - waiting.queuedAtMs > HASH_WAIT_MAX_MS) {
        waiting.reject(new HashBusyError('the password waited too long to be hashed'));
      } else {
        void this.#run(waiting);
      }
    }
  }

  async #run({ task, resolve, reject }: Waiting): Promise<void> {
    this.#running += 1;
    try {
      resolve(await this.threads.run(task));
    } catch {
      // What was thrown may quote the salt.
      reject(new Error('a thread that hashes passwords has failed'));
    }
    this.#running -= 1;
    this.#pump();
  }
}

let pool: HashPool | null = null;

/**
 * The pool of this process. Its threads are started by the first slow hash and then stay: they keep no process alive,
 * and Node.js 20 may abort when a thread is taken down while others are at work.
 */
export function hashPool(): HashPool {
  pool ??= new HashPool(new PiscinaThreads(), new SystemClock());
  return pool;
}

class PiscinaThreads implements HashThreads {
  readonly count = Math.max(1, Math.min(HASH_THREADS_MAX, Math.floor(usableCores() / 2)));
  #piscina: Piscina<HashTask, string | null> | null = null;

  run(task: HashTask): Promise<string | null> {
    this.#piscina ??= new Piscina<HashTask, string | null>({
      filename: new URL('./hash-thread.js', import.meta.url).href,
      name: 'run',
      minThreads: 0,
      maxThreads: this.count,
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: 1,
      atomics: 'disabled',
      recordTiming: false,
      resourceLimits: { maxOldGenerationSizeMb: HASH_THREAD_HEAP_MIB },
    });
    return this.#piscina.run(task);
  }
}

/**
 * Keeps apart who opens an environment and who writes into it. All processes that have one open share the number of
 * its last transaction, and lmdb sets it, while it opens, to what it has read in the file shortly before (3.5.6,
 * mdb_env_open2). A transaction of another process that is committed in between would be lost: the next one begins
 * where it had begun. Within one process lmdb opens an environment once, and there is no such moment.
 *
 * A writer holds the lock of the data file from the beginning of a transaction until it is committed. Who opens holds
 * the lock of the directory, which a writer looks at before each transaction, and then waits for that of the file: so
 * it comes in between two of them, also where one follows the other. The kernel drops both with the process. Any
 * thread.
 */
import { closeSync, fstatSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SystemClock } from '../base/clock.js';
import { EXCLUSIVE, SHARED, tryFlock, unlock } from '../base/flock.js';
import { holdThread } from '../base/hold-thread.js';
import { ENVIRONMENT_OPEN_MS_MAX, OPEN_GATE_RETRY_MS } from '../limits.js';
import { DATA_FILE } from './open-check.js';

/** The writer's side, of an environment that is open. */
export class OpenGate {
  private readonly directory: number;
  private readonly file: number;
  private isClosed = false;

  constructor(path: string) {
    this.directory = openSync(path, 'r');
    this.file = openSync(join(path, DATA_FILE), 'r');
  }

  /** @returns whether a transaction may begin now; false while somebody opens the environment */
  enter(): boolean {
    const { directory, file } = this;
    // By then the numbers may be those of other files.
    if (this.isClosed) return true;
    if (!tryFlock(file, SHARED)) return false;
    const isOpen = tryFlock(directory, SHARED);
    unlock(isOpen ? directory : file);
    return isOpen;
  }

  /** The transaction is committed, or has failed. */
  leave(): void {
    if (!this.isClosed) unlock(this.file);
  }

  /** No transaction is under way, and none will be. Does nothing the second time. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    closeSync(this.directory);
    closeSync(this.file);
  }
}

const clock = new SystemClock();

/** The side of who opens: both locks, taken one after the other, never waited for in the kernel. */
class Opening {
  private readonly untilMs = clock.monotonicMs() + ENVIRONMENT_OPEN_MS_MAX;
  private directory = -1;
  private file = -1;

  constructor(private readonly path: string) {}

  /** @returns whether nobody writes until `end`; to be asked again if not. @throws Error when that lasts too long */
  isAlone(): boolean {
    if (this.hasLocks()) return true;
    if (clock.monotonicMs() <= this.untilMs) return false;
    throw new Error(
      `${this.path} is being written all the time, or another process does not finish opening it`,
    );
  }

  end(): void {
    for (const file of [this.directory, this.file]) if (file >= 0) closeSync(file);
    this.directory = this.file = -1;
  }

  private hasLocks(): boolean {
    if (this.directory < 0) this.directory = openSync(this.path, 'r');
    if (!tryFlock(this.directory, EXCLUSIVE)) return false;
    const data = join(this.path, DATA_FILE);
    if (this.file < 0) this.file = openOrNot(data);
    // There is nothing yet, and so nobody.
    if (this.file < 0) return true;
    return tryFlock(this.file, EXCLUSIVE) && this.isInPlace(data);
  }

  // A writer that mends its store puts another file in the place.
  private isInPlace(data: string): boolean {
    const [mine, there] = [fstatSync(this.file), statSync(data)];
    if (mine.ino === there.ino && mine.dev === there.dev) return true;
    closeSync(this.file);
    this.file = -1;
    return false;
  }
}

function openOrNot(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return -1;
    throw error;
  }
}

/** Calls `open` between two transactions of whoever else writes there. @throws Error what it throws; when none ends */
export async function openBetween<Opened>(path: string, open: () => Opened): Promise<Opened> {
  const opening = new Opening(path);
  try {
    while (!opening.isAlone()) await sleep(OPEN_GATE_RETRY_MS);
    return open();
  } finally {
    opening.end();
  }
}

/** As `openBetween`, at once: for who has no transaction under way, and cannot go on without it. @throws likewise */
export function openBetweenNow<Opened>(path: string, open: () => Opened): Opened {
  const opening = new Opening(path);
  try {
    while (!opening.isAlone()) holdThread(OPEN_GATE_RETRY_MS);
    return open();
  } finally {
    opening.end();
  }
}

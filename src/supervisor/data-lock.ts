/** Who holds a data directory: one broker, or one command that changes it, at a time. Main thread. */
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { BrokerError, messageOf } from '../base/errors.js';
import { EXCLUSIVE, tryFlock } from '../base/flock.js';
import { makeDataDir } from './data-dir.js';

const FILE = 'lock';

/** Ends with the process at the latest, however it ends: the kernel keeps it. */
export interface DataLock {
  /** Does nothing the second time. */
  release(): void;
}

/** Of those who need none. */
export const heldLock: DataLock = { release: () => {} };

/** @throws BrokerError DATA_DIR_FAILED where another one holds it, or it cannot be made */
export function lockDataDir(directory: string): DataLock {
  const lock = tryLockDataDir(directory);
  if (lock !== null) return lock;
  const instead = 'stop it first, or name another directory (node.data_dir, --data DIR)';
  throw new BrokerError('DATA_DIR_FAILED', `${directory} is in use by a broker that runs; ${instead}`);
}

/**
 * Makes the directory where it is missing. Where the file system knows no locks there is none, and nobody is refused.
 * @returns null where another one holds the directory. @throws BrokerError DATA_DIR_FAILED
 */
export function tryLockDataDir(directory: string): DataLock | null {
  makeDataDir(directory);
  let file: number;
  try {
    file = openSync(join(directory, FILE), 'a', 0o600);
  } catch (error) {
    throw new BrokerError(
      'DATA_DIR_FAILED',
      `${directory} cannot be used (${messageOf(error)}): let the user that runs the broker write there, or name ` +
        'another directory (node.data_dir, --data DIR)',
    );
  }
  if (!tryFlock(file, EXCLUSIVE)) {
    closeSync(file);
    return null;
  }
  let isHeld = true;
  return {
    release() {
      if (isHeld) closeSync(file);
      isHeld = false;
    },
  };
}

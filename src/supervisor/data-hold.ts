/**
 * A data directory in the hands of a broker, or of a command that changes it: locked, and what main keeps is open. Main
 * thread.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { finishRestore } from '../backup/restored-swap.js';
import { BrokerError, messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { MainStore } from '../storage/main-store.js';
import { heldLock, lockDataDir, tryLockDataDir } from './data-lock.js';

export interface DataHold {
  readonly store: MainStore;
  /** Takes in what earlier versions kept in files, and nothing was wrong with; never rejects. */
  adoptFiles(): Promise<void>;
  /** What is being written comes to its end first. Does nothing the second time. */
  release(): Promise<void>;
}

/** Makes the directory where it is missing. @throws BrokerError DATA_DIR_FAILED, also where another one holds it */
export async function holdDataDir(directory: string, logger: Logger): Promise<DataHold> {
  const lock = lockDataDir(directory);
  try {
    if (finishRestore(directory)) logger.info('what an interrupted restore had left is finished');
    const store = await MainStore.open(directory, logger);
    return {
      store,
      adoptFiles: () => adoptFiles(store, logger),
      async release() {
        await store.close();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw new BrokerError('DATA_DIR_FAILED', `${directory} cannot be opened: ${messageOf(error)}`);
  }
}

/**
 * For a command that changes nothing, and may look while a broker runs.
 * @throws BrokerError DATA_DIR_FAILED
 */
export async function lookAtDataDir(directory: string): Promise<DataHold> {
  // Where nothing is kept nothing is locked: that would make the directory.
  const lock = existsSync(join(directory, 'main')) ? tryLockDataDir(directory) : heldLock;
  try {
    const store = await MainStore.look(directory, lock === null);
    return {
      store,
      adoptFiles: () => Promise.resolve(),
      async release() {
        await store.close();
        lock?.release();
      },
    };
  } catch (error) {
    lock?.release();
    throw new BrokerError('DATA_DIR_FAILED', messageOf(error));
  }
}

/** @returns the same for a broker that works in the hands of another one */
export function lentHold(hold: DataHold): DataHold {
  return { ...hold, release: () => Promise.resolve() };
}

async function adoptFiles(store: MainStore, logger: Logger): Promise<void> {
  try {
    await store.adoptFiles((file) =>
      logger.info(
        `${file} of an earlier version is taken into ${store.directory}; it is now ${file}.imported`,
      ),
    );
  } catch (error) {
    logger.warn(`files of the data directory are taken in at a later start: ${messageOf(error)}`);
  }
}

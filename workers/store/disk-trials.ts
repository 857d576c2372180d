/**
 * What is tried on a disk before a store that could not be written is written again. File work of the libuv pool, asked
 * for on the shard's thread.
 */
import { renameSync } from 'node:fs';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from '../../src/storage/environment.js';
import { DATA_FILE } from '../../src/storage/open-check.js';

/** Beside the environment's own files. */
const TRIAL_FILE = 'trial';
const TRIAL_BYTES = 4_096;
const COPY_DIRECTORY = 'copy';

/**
 * Whether a small file can be written there and synced. lmdb is not asked before, since it writes lines of its own to
 * standard error each time it fails.
 */
export async function canWrite(directory: string): Promise<boolean> {
  const path = join(directory, TRIAL_FILE);
  try {
    await withFile(path, 'w', async (file) => {
      await file.writeFile(Buffer.alloc(TRIAL_BYTES));
      await file.datasync();
    });
    return true;
  } catch {
    return false;
  } finally {
    await rm(path, { force: true }).catch(() => {});
  }
}

/**
 * Writes everything anew beside the environment, and puts it in its place. After a sync that has failed nothing else
 * can be trusted: the kernel counts what it could not write as written, and the next sync says that all is well.
 * `swap` closes the environment, calls what it is given, and opens it again, in one turn.
 * @throws Error; then everything is as it was, unless it comes from `swap`
 */
export async function writeAnew<Table extends string>(
  directory: string,
  environment: Environment<Table>,
  swap: (rename: () => void) => void,
): Promise<void> {
  const copy = join(directory, COPY_DIRECTORY);
  try {
    await rm(copy, { recursive: true, force: true });
    await mkdir(copy);
    await environment.copyTo(copy);
    const path = join(copy, DATA_FILE);
    await withFile(path, 'r+', (file) => file.sync());
    swap(() => renameSync(path, join(directory, DATA_FILE)));
    await withFile(directory, 'r', (file) => file.sync());
  } finally {
    await rm(copy, { recursive: true, force: true }).catch(() => {});
  }
}

async function withFile(
  path: string,
  flags: string,
  use: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const file = await open(path, flags);
  try {
    await use(file);
  } finally {
    await file.close();
  }
}

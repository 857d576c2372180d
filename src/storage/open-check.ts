/**
 * Whether lmdb will be able to open an environment. Where it may not read or write its files, or the disk has no room
 * for new ones, it ends the whole process in native code. On shards and on main.
 */
import { accessSync, constants, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ENVIRONMENT_BYTES_MIN } from '../limits.js';

export const DATA_FILE = 'data.mdb';
export const LOCK_FILE = 'lock.mdb';
/** There for a moment. */
const TRIAL_FILE = 'trial';

/** Makes the directory where it is missing. @throws what the file system says */
export function checkOpenable(directory: string): void {
  // Nobody else is to read what clients have published.
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const files = [DATA_FILE, LOCK_FILE].map((name) => join(directory, name));
  const there = files.filter((file) => existsSync(file));
  for (const file of there) accessSync(file, constants.R_OK | constants.W_OK);
  if (there.length < files.length) tryRoom(join(directory, TRIAL_FILE));
}

function tryRoom(file: string): void {
  try {
    writeFileSync(file, Buffer.alloc(ENVIRONMENT_BYTES_MIN));
  } finally {
    rmSync(file, { force: true });
  }
}

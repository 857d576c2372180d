/**
 * Makes a backup of a data directory, also while a broker runs on it: a data directory that another broker could start
 * on. It grows in `DIR.partial`, and gets its name when it is whole and on the disk. Main thread.
 */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { SystemClock } from '../base/clock.js';
import { BrokerError, messageOf } from '../base/errors.js';
import { VERSION } from '../base/version.js';
import { syncDirectory } from '../base/whole-file.js';
import { BACKUP_GROWTH_BYTES } from '../limits.js';
import { rememberedShards } from '../supervisor/data-dir.js';
import { type DataLock, tryLockDataDir } from '../supervisor/data-lock.js';
import { type BackupInfo, writeBackupInfo } from './backup-file.js';
import { copyEntries, filesIn, isWithin } from './file-copy.js';
import { SeenStores, storesIn } from './stores.js';

export interface BackupOptions {
  /** Told now and then which part of it is done, 0 to 1. */
  readonly onProgress?: (share: number) => void;
  /**
   * Bytes by which the files of a running broker may grow meanwhile, since what is being read is not used again; with
   * more than that the backup fails. 1 GiB by default, or as much as they had when it began.
   */
  readonly growthBytesMax?: number;
}

/** What an interrupted start goes on with. */
const UNFINISHED = ['shards.ready', 'restore.ready'];

/**
 * Copies a data directory to `to`, also while a broker runs on it: everything that was acknowledged before is in the
 * copy. `to` must not be there, or be an empty directory.
 * @throws BrokerError BACKUP_FAILED; nothing of `to` is left then
 */
export async function backup(dataDir: string, to: string, options: BackupOptions = {}): Promise<BackupInfo> {
  try {
    const source = resolve(dataDir);
    if (rememberedShards(source) === null) throw new Error(`${source} is no data directory of a broker`);
    const target = placeFor(realpathSync(source), resolve(to));
    const partial = `${target}.partial`;
    const lock = lockPartial(partial);
    try {
      for (const name of readdirSync(partial)) if (name !== 'lock') remove(join(partial, name));
      const info = await write(source, partial, options);
      renameSync(partial, target);
      syncDirectory(dirname(target));
      return info;
    } catch (error) {
      remove(partial);
      throw error;
    } finally {
      lock.release();
    }
  } catch (error) {
    throw new BrokerError('BACKUP_FAILED', `no backup was made: ${messageOf(error)}`);
  }
}

/** @returns where it really lies. @throws Error where there is something already */
function placeFor(source: string, target: string): string {
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  const place = join(realpathSync(dirname(target)), basename(target));
  if (isWithin(source, place)) throw new Error(`${target} lies in ${source}`);
  if (existsSync(place) && readdirSync(place).length > 0) throw new Error(`${target} is there already`);
  return place;
}

/** @throws Error where another backup is under way; where somebody else could read it */
function lockPartial(partial: string): DataLock {
  const lock = tryLockDataDir(partial);
  if (lock === null) throw new Error(`another backup is being written to ${partial}`);
  const stat = lstatSync(partial);
  if (stat.isDirectory() && stat.uid === process.getuid?.()) {
    chmodSync(partial, 0o700);
    return lock;
  }
  lock.release();
  throw new Error(`${partial} is there already, and not a directory of this user`);
}

/** As far as that is possible: what counts is why. */
function remove(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {}
}

async function write(source: string, partial: string, options: BackupOptions): Promise<BackupInfo> {
  const createdAtMs = new SystemClock().wallMs();
  const stores = await seeAll(source, partial);
  try {
    const growthBytesMax = options.growthBytesMax ?? Math.max(BACKUP_GROWTH_BYTES, stores.fileBytes);
    const copied = await stores.copyTo(partial, growthBytesMax, (done, of) =>
      options.onProgress?.(done / of),
    );
    const info = { version: VERSION, createdAtMs, stores: stores.names, ...copied };
    for (const name of stores.names) syncDirectory(join(partial, name));
    writeBackupInfo(partial, info);
    return info;
  } finally {
    await stores.close();
  }
}

/** Nobody starts a broker until everything is seen, and files are copied; what the stores hold is copied afterwards. */
async function seeAll(source: string, partial: string): Promise<SeenStores> {
  const lock = tryLockDataDir(source);
  try {
    checkWhole(source);
    const stores = await SeenStores.see(source, lock === null);
    try {
      await copyEntries(source, partial, filesIn(source));
      return stores;
    } catch (error) {
      await stores.close();
      throw error;
    }
  } finally {
    lock?.release();
  }
}

/** @throws Error while a start is putting stores in their places */
function checkWhole(source: string): void {
  const unfinished = UNFINISHED.find((name) => existsSync(join(source, name)));
  const shards = rememberedShards(source) ?? 0;
  const there = storesIn(source).filter((name) => name !== 'main').length;
  if (unfinished === undefined && (there === 0 || there === shards)) return;
  throw new Error(`a start of a broker in ${source} is not finished; try again when it is ready`);
}

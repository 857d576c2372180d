/**
 * Puts a backup into a data directory on which no broker runs. Everything is copied beside what is there and looked
 * through first. Main thread.
 */
import { existsSync, mkdirSync, realpathSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { BrokerError, messageOf } from '../base/errors.js';
import { BACKUP_ROWS_PER_TURN } from '../limits.js';
import { APPLIED_VERSION } from '../storage/applied-record.js';
import { Environment } from '../storage/environment.js';
import { frameFault } from '../storage/framing.js';
import { JOURNAL_VERSION } from '../storage/journal-format.js';
import { DOCUMENT_VERSION } from '../storage/main-store.js';
import { META_VERSION } from '../storage/meta-rows.js';
import { DATA_FILE } from '../storage/open-check.js';
import { OUTBOX_VERSION } from '../storage/outbox-record.js';
import { findDamage } from '../storage/page-reader.js';
import { RETAINED_VERSION } from '../storage/retained-record.js';
import { SESSION_VERSION } from '../storage/session-record.js';
import { SUBSCRIPTION_VERSION } from '../storage/subscription-record.js';
import { rememberedShards } from '../supervisor/data-dir.js';
import { lockDataDir, tryLockDataDir } from '../supervisor/data-lock.js';
import { type BackupInfo, readBackupInfo } from './backup-file.js';
import { bytesOfEntries, copyEntries, filesIn, isWithin, type OnCopied } from './file-copy.js';
import { beginRestore, commitRestore, finishRestore, keptIn } from './restored-swap.js';
import { storesIn, tablesOf } from './stores.js';

export interface RestoreOptions {
  /** What is kept there already is replaced. */
  readonly force?: boolean;
  /** Told now and then which part of it is done, 0 to 1. */
  readonly onProgress?: (share: number) => void;
}

/** The latest versions of rows that a start can read. */
const NEWEST: Readonly<Record<string, number>> = {
  meta: META_VERSION,
  documents: DOCUMENT_VERSION,
  sessions: SESSION_VERSION,
  subscriptions: SUBSCRIPTION_VERSION,
  journal: JOURNAL_VERSION,
  retained: RETAINED_VERSION,
  outbox: OUTBOX_VERSION,
  applied: APPLIED_VERSION,
};

/** Of copying; looking through it is the rest. */
const COPY_SHARE = 0.5;

/**
 * Puts a backup into a data directory on which no broker runs; it is made where it is missing. Of what is there only
 * that goes which a broker keeps.
 * @throws BrokerError BACKUP_FAILED: what was there before is there still; DATA_DIR_FAILED: a broker runs there
 */
export async function restore(
  from: string,
  dataDir: string,
  options: RestoreOptions = {},
): Promise<BackupInfo> {
  const [source, directory] = [resolve(from), resolve(dataDir)];
  try {
    const info = readBackupInfo(source);
    checkApart(source, directory);
    const lock = lockDataDir(directory);
    try {
      checkApart(realpathSync(source), realpathSync(directory));
      finishRestore(directory);
      const [kept] = options.force === true ? [] : keptIn(directory);
      if (kept !== undefined)
        throw new Error(`${directory} has ${kept} already; --force replaces what is there`);
      await put(source, info, directory, options.onProgress ?? (() => {}));
      return info;
    } finally {
      lock.release();
    }
  } catch (error) {
    if (error instanceof BrokerError) throw error;
    throw new BrokerError('BACKUP_FAILED', `nothing was restored: ${messageOf(error)}`);
  }
}

function checkApart(source: string, directory: string): void {
  if (isWithin(source, directory)) throw new Error(`${directory} lies in ${source}`);
  if (isWithin(directory, source)) throw new Error(`${source} lies in ${directory}`);
}

async function put(
  source: string,
  info: BackupInfo,
  directory: string,
  onProgress: (share: number) => void,
): Promise<void> {
  const growing = beginRestore(directory);
  const release = holdStill(source);
  try {
    await copyAll(source, info, growing, (share) => onProgress(COPY_SHARE * share));
    if (rememberedShards(growing) === null) throw new Error(`${source} is damaged: it has no node.json`);
    await lookThrough(growing, info, (share) => onProgress(COPY_SHARE + (1 - COPY_SHARE) * share));
    commitRestore(directory);
  } catch (error) {
    rmSync(growing, { recursive: true, force: true });
    throw error;
  } finally {
    release();
  }
  try {
    finishRestore(directory);
  } catch (error) {
    const reason = messageOf(error);
    throw new BrokerError(
      'DATA_DIR_FAILED',
      `${directory} is restored in part, and the next start goes on with it: ${reason}`,
    );
  }
}

/** A broker may have been started on the backup itself. Where nothing can be written none has. */
function holdStill(source: string): () => void {
  try {
    const lock = tryLockDataDir(source);
    if (lock === null) throw new Error(`a broker runs on ${source}`);
    return () => lock.release();
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    return () => {};
  }
}

async function copyAll(
  source: string,
  { stores }: BackupInfo,
  growing: string,
  onShare: (share: number) => void,
): Promise<void> {
  const changed = storesIn(source).filter((name) => !stores.includes(name));
  if (changed.length > 0)
    throw new Error(`a broker has run on ${source} and changed it: it has ${changed[0]}`);
  const files = filesIn(source);
  let bytes = await bytesOfEntries(source, files);
  for (const name of stores) bytes += await bytesOfEntries(join(source, name), [DATA_FILE]);
  let copied = 0;
  const onCopied: OnCopied = (more) => {
    copied += more;
    onShare(copied / Math.max(bytes, copied));
  };
  await copyEntries(source, growing, files, onCopied);
  for (const name of stores) {
    mkdirSync(join(growing, name), { mode: 0o700 });
    await copyEntries(join(source, name), join(growing, name), [DATA_FILE], onCopied);
  }
}

/** @throws Error when a store is damaged, or a later version has written it */
async function lookThrough(
  directory: string,
  { stores, rows }: BackupInfo,
  onShare: (share: number) => void,
): Promise<void> {
  let looked = 0;
  let whole = 0;
  for (const name of stores) {
    const path = join(directory, name);
    if (!existsSync(join(path, DATA_FILE))) throw new Error(`the backup is damaged: it has no ${name}`);
    const damage = findDamage(path);
    if (damage !== null) throw new Error(`the backup is damaged: ${name} ${damage}`);
    const environment = new Environment<string>(path, tablesOf(name));
    try {
      for (const table of tablesOf(name)) {
        for (const { key, value } of environment.rows(table)) {
          const fault = frameFault(key, value, NEWEST[table]!);
          if (fault === 'newer') throw new Error(`a later version has written the ${table} of ${name}`);
          if (fault === null) whole++;
          if (++looked % BACKUP_ROWS_PER_TURN !== 0) continue;
          onShare(looked / Math.max(looked, rows));
          await nextTurn();
        }
      }
    } finally {
      await environment.close();
    }
  }
  if (whole < rows)
    throw new Error(
      `the backup is damaged: ${rows - whole} of its ${rows} rows are missing, or not as they were`,
    );
}

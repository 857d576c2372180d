/** `backup.json`, which says that a directory is a whole backup, and what it holds. Main thread. */
import { join } from 'node:path';
import { readWholeFile, writeWholeFile } from '../base/whole-file.js';
import { BACKUP_FILE_BYTES_MAX } from '../limits.js';

export const BACKUP_FILE = 'backup.json';
const FORMAT_VERSION = 1;

/** What a backup holds. */
export interface BackupInfo {
  /** Of shardmq, which made it. */
  readonly version: string;
  /** When it was begun: milliseconds since 1970. */
  readonly createdAtMs: number;
  /** Names of the stores: `main`, `shard-0` and so on. */
  readonly stores: readonly string[];
  /** In all stores. */
  readonly rows: number;
  /** Rows that were not as they had been written; they are not in it. */
  readonly damaged: number;
}

export function writeBackupInfo(directory: string, info: BackupInfo): void {
  const text = JSON.stringify({ formatVersion: FORMAT_VERSION, ...info }, null, 2);
  writeWholeFile(join(directory, BACKUP_FILE), `${text}\n`);
}

/** @throws Error that says why `directory` is no whole backup */
export function readBackupInfo(directory: string): BackupInfo {
  const text = readWholeFile(join(directory, BACKUP_FILE), BACKUP_FILE_BYTES_MAX);
  if (text === null) throw new Error(`${directory} is no whole backup: it has no ${BACKUP_FILE}`);
  const { formatVersion, version, createdAtMs, stores, rows, damaged } = parsed(text);
  if (formatVersion !== FORMAT_VERSION && typeof formatVersion === 'number') {
    throw new Error(`${directory} was made by shardmq ${String(version)}, and this version cannot read it`);
  }
  const isWhole =
    formatVersion === FORMAT_VERSION &&
    typeof version === 'string' &&
    typeof createdAtMs === 'number' &&
    typeof rows === 'number' &&
    typeof damaged === 'number' &&
    Array.isArray(stores) &&
    stores.every((name) => /^(main|shard-\d+)$/.test(String(name)));
  if (!isWhole) throw new Error(`${directory} is damaged: ${BACKUP_FILE} is not as it was written`);
  return { version, createdAtMs, stores: stores as string[], rows, damaged };
}

function parsed(text: string): Record<string, unknown> {
  try {
    return (JSON.parse(text) ?? {}) as Record<string, unknown>;
  } catch {
    return {};
  }
}

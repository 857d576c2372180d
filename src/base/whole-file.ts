/** Files that must be whole: written at once or not at all, the small ones read with a bound. Any thread. */
import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** What a crash has left behind may be a link, or open to others: neither it nor its mode is used. */
const NEW_FILE = 'wx';
const OWNER_ONLY = 0o600;

/**
 * Replaces the file, whole or not at all, also when the power goes: written aside, synced, then renamed over the old
 * one. Readable by its owner only. @throws what the file system says
 */
export function writeWholeFile(path: string, text: string): void {
  const aside = `${path}.tmp`;
  rmSync(aside, { force: true });
  const file = openSync(aside, NEW_FILE, OWNER_ONLY);
  try {
    // A single write may take only a part, on a disk that is nearly full.
    writeFileSync(file, Buffer.from(text));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(aside, path);
  syncDirectory(dirname(path));
}

/** What was renamed, made or removed in `path` stays so when the power goes. @throws what the file system says */
export function syncDirectory(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** @returns null when there is no such file. @throws when it is longer, or cannot be read */
export function readWholeFile(path: string, bytesMax: number): string | null {
  return readWholeBytes(path, bytesMax)?.toString('utf8') ?? null;
}

/** @returns null when there is no such file. @throws when it is longer, or cannot be read */
export function readWholeBytes(path: string, bytesMax: number): Buffer | null {
  try {
    if (statSync(path).size > bytesMax) throw new Error(`longer than ${bytesMax} bytes`);
    return readFileSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

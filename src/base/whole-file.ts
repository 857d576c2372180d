/** Small files that must be whole: written at once or not at all, read with a bound. Main thread. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Replaces the file, whole or not at all, also when the power goes: written aside, synced, then renamed over the old
 * one. Readable by its owner only. @throws what the file system says
 */
export function writeWholeFile(path: string, text: string): void {
  const aside = `${path}.tmp`;
  const file = openSync(aside, 'w', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(aside, path);
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** @returns null when there is no such file. @throws when it is longer, or cannot be read */
export function readWholeFile(path: string, bytesMax: number): string | null {
  try {
    if (statSync(path).size > bytesMax) throw new Error(`longer than ${bytesMax} bytes`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** The files of a data directory beside its stores; copies of files that are on the disk. Main thread. */
import { readdirSync } from 'node:fs';
import { chmod, copyFile, lstat, mkdir, open, readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { syncDirectory } from '../base/whole-file.js';
import { BACKUP_FILE } from './backup-file.js';

/** Stores, also those put aside or not in their places; the lock; what belongs to a file system. */
const IS_LEFT_OUT =
  /^(main|shard-\d+)(\.new|\.first|\.bad(\.\d+)?)?$|^shards\.|^restore\.|^lock$|^lost\+found$/;
/** What is being written aside. */
const IS_UNFINISHED = /\.tmp$/;

/** Told of each file that is copied. */
export type OnCopied = (bytes: number) => void;

/** @returns names of what lies in a data directory, or a backup, beside its stores */
export function filesIn(directory: string): string[] {
  return readdirSync(directory).filter(
    (name) => !IS_LEFT_OUT.test(name) && !IS_UNFINISHED.test(name) && name !== BACKUP_FILE,
  );
}

/** @returns whether `path` is `directory`, or lies in it; both as they really lie */
export function isWithin(directory: string, path: string): boolean {
  const way = relative(directory, path);
  return way !== '..' && !way.startsWith(`..${sep}`);
}

/**
 * Copies files, and directories with all that is below them. A link to a file becomes a file, everything else is left
 * out. A file that goes meanwhile is not missed: it was replaced, or written aside.
 * @param names of entries of `from`
 */
export async function copyEntries(
  from: string,
  to: string,
  names: readonly string[],
  onCopied: OnCopied = () => {},
): Promise<void> {
  for (const name of names) {
    const [source, target] = [join(from, name), join(to, name)];
    const kind = await kindOf(source);
    if (kind === 'directory') {
      await mkdir(target, { mode: 0o700 });
      await copyEntries(source, target, await readWanted(source), onCopied);
    } else if (kind !== 'none') {
      await found(copyWhole(source, target));
      onCopied(kind.bytes);
    }
  }
  syncDirectory(to);
}

/** @returns bytes of all files that `copyEntries` would copy */
export async function bytesOfEntries(from: string, names: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const name of names) {
    const path = join(from, name);
    const kind = await kindOf(path);
    if (kind === 'directory') bytes += await bytesOfEntries(path, await readWanted(path));
    else if (kind !== 'none') bytes += kind.bytes;
  }
  return bytes;
}

async function kindOf(path: string): Promise<'directory' | 'none' | { readonly bytes: number }> {
  const entry = await found(lstat(path));
  if (entry?.isDirectory() === true) return 'directory';
  const file = entry?.isSymbolicLink() === true ? await found(stat(path)) : entry;
  return file?.isFile() === true ? { bytes: file.size } : 'none';
}

async function readWanted(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => !IS_UNFINISHED.test(name));
}

async function copyWhole(source: string, target: string): Promise<void> {
  await copyFile(source, target);
  // It has the mode of the source, which may forbid to write.
  await chmod(target, 0o600);
  const file = await open(target, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function found<T>(looked: Promise<T>): Promise<T | null> {
  try {
    return await looked;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

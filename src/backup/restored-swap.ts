/**
 * How a restored data directory takes the place of what was there, whole or not at all, whenever the process ends. On
 * main, before anything of the directory is opened.
 *
 * It grows in `restore.new`. When it is whole that is renamed to `restore.ready`: from then on it is what counts, and
 * each start goes on until everything is in place.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { syncDirectory } from '../base/whole-file.js';

const GROWING = 'restore.new';
const READY = 'restore.ready';
/** What a broker keeps in its data directory; everything else there belongs to somebody else. */
const IS_KEPT =
  /^(main|shard-\d+)(\.new|\.first)?$|^shards\.(new|ready)$|^(node|users|settings|bans)\.json$|^(loaded_)?plugins$/;
/** Beside what is ready: a directory with an empty one for each of its names. It goes last. */
const NAMES = 'restore.names';

/** @returns what a broker keeps in `directory`, by name */
export function keptIn(directory: string): string[] {
  return readdirSync(directory).filter((name) => IS_KEPT.test(name));
}

/** @returns an empty directory for what is to be restored, in the place of what an interrupted attempt has left */
export function beginRestore(directory: string): string {
  const growing = join(directory, GROWING);
  rmSync(growing, { recursive: true, force: true });
  mkdirSync(growing, { mode: 0o700 });
  return growing;
}

/** What is in `restore.new` is whole, and on the disk. */
export function commitRestore(directory: string): void {
  const growing = join(directory, GROWING);
  const names = join(growing, NAMES);
  const all = readdirSync(growing);
  mkdirSync(names);
  for (const name of all) mkdirSync(join(names, name));
  syncDirectory(names);
  syncDirectory(growing);
  renameSync(growing, join(directory, READY));
  syncDirectory(directory);
}

/**
 * Puts in place what is ready, also what an earlier process has begun with.
 * @returns whether there was something
 */
export function finishRestore(directory: string): boolean {
  // Of one that did not come to count. Nobody is at it: who calls holds the directory.
  rmSync(join(directory, GROWING), { recursive: true, force: true });
  const ready = join(directory, READY);
  if (!existsSync(ready)) return false;
  const names = join(ready, NAMES);
  // Without them everything is done but the removal of the directory.
  if (existsSync(names)) putInPlace(directory, ready, readdirSync(names));
  rmSync(ready, { recursive: true });
  syncDirectory(directory);
  return true;
}

function putInPlace(directory: string, ready: string, names: readonly string[]): void {
  for (const name of keptIn(directory)) {
    if (!names.includes(name)) rmSync(join(directory, name), { recursive: true });
  }
  for (const name of names) {
    const restored = join(ready, name);
    if (!existsSync(restored)) continue;
    rmSync(join(directory, name), { recursive: true, force: true });
    renameSync(restored, join(directory, name));
  }
  syncDirectory(directory);
  // All of it at once, so that what is left of it never looks like fewer names.
  renameSync(join(ready, NAMES), join(ready, 'done'));
  syncDirectory(ready);
}

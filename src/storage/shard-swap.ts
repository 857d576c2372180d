/**
 * How the stores of another number of shards take the place of those before, whole or not at all, whenever the process
 * ends. On main, before any shard starts.
 *
 * They grow in `shards.new`. When they are whole it is renamed to `shards.ready`: from then on they are the ones that
 * count, and each start goes on until they are in place.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readWholeFile, syncDirectory, writeWholeFile } from '../base/whole-file.js';
import { shardDirectory } from './redistribution.js';

const GROWING = 'shards.new';
const READY = 'shards.ready';
/** In the directory: its content is the number of shards. */
const COUNT = 'count';
const COUNT_BYTES_MAX = 16;
const SHARD = /^shard-(\d+)$/;

/** Numbers of the shards that have a store in `directory`. */
export function storedShards(directory: string): number[] {
  return readdirSync(directory).flatMap((name) => {
    const number = SHARD.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
}

/** @returns an empty directory for new stores, in the place of what an interrupted attempt has left */
export function beginSwap(directory: string): string {
  const growing = join(directory, GROWING);
  abandonSwap(directory);
  mkdirSync(growing, { mode: 0o700 });
  return growing;
}

/** What an interrupted attempt has left, and needs room. */
export function abandonSwap(directory: string): void {
  rmSync(join(directory, GROWING), { recursive: true, force: true });
}

/** What is in `shards.new` is whole, and on the disk. */
export function commitSwap(directory: string, shards: number): void {
  const growing = join(directory, GROWING);
  for (const shard of storedShards(growing)) syncDirectory(shardDirectory(growing, shard));
  writeWholeFile(join(growing, COUNT), `${shards}\n`);
  renameSync(growing, join(directory, READY));
  syncDirectory(directory);
}

/**
 * Puts in place what is ready, also what an earlier start has begun with.
 * @param remember keeps the number of shards, on the disk
 * @returns whether there was something
 */
export function finishSwap(directory: string, remember: (shards: number) => void): boolean {
  const ready = join(directory, READY);
  if (!existsSync(ready)) return false;
  const count = readWholeFile(join(ready, COUNT), COUNT_BYTES_MAX);
  // Without it everything is done but the removal of the directory.
  if (count !== null) moveAll(directory, ready, Number(count), remember);
  rmSync(ready, { recursive: true });
  syncDirectory(directory);
  return true;
}

function moveAll(directory: string, ready: string, shards: number, remember: (shards: number) => void): void {
  for (const shard of storedShards(ready)) {
    rmSync(shardDirectory(directory, shard), { recursive: true, force: true });
    renameSync(shardDirectory(ready, shard), shardDirectory(directory, shard));
  }
  for (const shard of storedShards(directory)) {
    if (shard >= shards) rmSync(shardDirectory(directory, shard), { recursive: true, force: true });
  }
  syncDirectory(directory);
  remember(shards);
}

/**
 * Commits one thing after the other to an LmdbStore, and says each time when it is told that it is safe, or 0 when it
 * is told that it failed. For tests that end or disturb it: as a process (`node lmdb-writer.js DIRECTORY LEVEL`), or as
 * a worker thread.
 *
 * Commit n writes row n of the journal and the number n, and removes row n - KEPT. As `growing` it
 * removes none.
 */
import { writeSync } from 'node:fs';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { SystemClock } from '../../../../src/base/clock.js';
import { framed, opened } from '../../../../src/storage/framing.js';
import { journalKey, sequenceOfKey } from '../../../../src/storage/keys.js';
import type { Change } from '../../../../src/storage/tables.js';
import { type KeepingLevel, LmdbStore, type LmdbStoreOptions } from '../../../../workers/store/lmdb-store.js';

const KEPT = 40;
/** KEPT of one that grows. */
export const KEPT_ALL = Number.POSITIVE_INFINITY;
const NUMBER_KEY = Buffer.from('number');
const VERSION = 1;
const RETRY_MS = 20;
const VALUE_BYTES_MAX = 60_000;

export const STORE_OPTIONS: Omit<LmdbStoreOptions, 'directory'> = {
  ...{ level: 'process', flushIntervalMs: 1_000, unsyncedMax: 4, maxBytes: 0 },
};

export function storeAt(directory: string, options: Partial<LmdbStoreOptions> = {}): LmdbStore {
  return new LmdbStore({ ...STORE_OPTIONS, directory, ...options }, new SystemClock());
}

export function changesOf(number: number, kept = KEPT): Change[] {
  const key = journalKey(number);
  const value = Buffer.alloc((number * 7_919) % VALUE_BYTES_MAX, number & 0xff);
  const count = Buffer.alloc(4);
  count.writeUInt32LE(number);
  return [
    { table: 'journal', key, value: framed(key, value, VERSION) },
    { table: 'journal', key: journalKey(Math.max(0, number - kept)), value: null },
    { table: 'meta', key: NUMBER_KEY, value: framed(NUMBER_KEY, count, VERSION) },
  ];
}

/** @returns the number of the last commit that is there; 0: none. @throws Error when not all of it is */
export function lastCommit(store: LmdbStore, kept = KEPT): number {
  const count = store.get('meta', NUMBER_KEY);
  const frame = count === null ? null : opened(NUMBER_KEY, count, VERSION);
  const number = frame?.ok === true ? frame.content.readUInt32LE(0) : 0;
  const rows = [...store.rows('journal')];
  const first = Math.max(1, number - kept + 1);
  if (rows.length !== number - first + 1) throw new Error(`${rows.length} rows at ${number}`);
  rows.forEach(({ key, value }, i) => {
    const expected = changesOf(first + i)[0]!.value!;
    if (sequenceOfKey(key) !== first + i || !value.equals(expected)) throw new Error(`row ${first + i}`);
  });
  return number;
}

function run(directory: string, level: KeepingLevel, how: string, say: (number: number) => void): void {
  const store = storeAt(directory, { level });
  const kept = how === 'growing' ? KEPT_ALL : KEPT;
  const next = (number: number): void =>
    store.commit(changesOf(number, kept), (ok) => {
      say(ok ? number : 0);
      setTimeout(next, ok ? 0 : RETRY_MS, ok ? number + 1 : number);
    });
  next(lastCommit(store, kept) + 1);
}

if (!isMainThread && (workerData as { directory?: string } | null)?.directory !== undefined) {
  const { directory, level } = workerData as { directory: string; level: KeepingLevel };
  run(directory, level, '', (number) => parentPort!.postMessage(number));
  parentPort!.on('message', (word) => {
    if (word === 'throw') throw new Error('as asked');
    const hoard: number[][] = [];
    for (;;) hoard.push(new Array<number>(1_000_000).fill(1));
  });
} else if (process.argv[1] === import.meta.filename) {
  const [, , directory, level, how] = process.argv;
  run(directory!, level as KeepingLevel, how ?? '', (number) => writeSync(1, `${number}\n`));
}

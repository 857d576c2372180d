/** What the real store keeps, whoever ends whenever, and what it says when it cannot. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { setImmediate as nextLoop } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import test, { type ExecutionContext } from 'ava';
import { framed } from '../../../../src/storage/framing.js';
import { StoreRefusal } from '../../../../src/storage/refusal.js';
import type { Change } from '../../../../src/storage/tables.js';
import type { LmdbStore, LmdbStoreOptions } from '../../../../workers/store/lmdb-store.js';
import { tempDirectory } from '../../../helpers/with-broker.js';
import { changesOf, lastCommit, storeAt } from './lmdb-writer.js';

const WRITER = new URL('./lmdb-writer.js', import.meta.url);
const LEVELS = ['process', 'disk'] as const;
const ENDS = 4;

function directoryOf(t: ExecutionContext): string {
  const directory = tempDirectory();
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function opened(t: ExecutionContext, directory: string, options: Partial<LmdbStoreOptions> = {}): LmdbStore {
  const store = storeAt(directory, options);
  t.teardown(() => store.close());
  return store;
}

const committed = (store: LmdbStore, changes: readonly Change[]): Promise<boolean> =>
  new Promise((resolve) => store.commit(changes, resolve));

const row = (key: string, bytes: number | null): Change => ({
  ...{ table: 'retained', key: Buffer.from(key), value: bytes === null ? null : Buffer.alloc(bytes) },
});

async function lastAfter(directory: string): Promise<number> {
  const store = storeAt(directory);
  const last = lastCommit(store);
  await store.close();
  return last;
}

for (const level of LEVELS) {
  test(`level ${level}: what a process was told is there after kill -9, and every commit whole`, async (t) => {
    const directory = directoryOf(t);
    for (let i = 0; i < ENDS; i++) {
      const child = spawn(process.execPath, [WRITER.pathname, directory, level], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let said = '';
      const wanted = 2_000 + Math.random() * 4_000;
      child.stdout.on('data', (text) => {
        said += String(text);
        if (said.length > wanted) child.kill('SIGKILL');
      });
      await once(child, 'close');
      const told = Number(said.slice(0, said.lastIndexOf('\n')).split('\n').at(-1));
      const last = await lastAfter(directory);
      t.true(told > 0 && last >= told && last <= told + 2, `told ${told}, there is ${last}`);
    }
  });

  test(`level ${level}: a thread that ends in the middle of commits leaves the store to its successor`, async (t) => {
    const directory = directoryOf(t);
    for (const end of ['terminate', 'throw', 'out of memory', 'terminate']) {
      const resourceLimits = { maxOldGenerationSizeMb: 64 };
      const worker = new Worker(WRITER, { workerData: { directory, level }, resourceLimits });
      worker.on('error', () => {});
      const ended = new Promise((resolve) => worker.on('exit', resolve));
      let told = 0;
      let count = 0;
      const wanted = 100 + Math.random() * 300;
      worker.on('message', (number: number) => {
        told = number;
        if (++count < wanted) return;
        if (end === 'terminate') void worker.terminate();
        else if (count - 1 < wanted) worker.postMessage(end);
      });
      await ended;
      const last = await lastAfter(directory);
      t.true(told > 0 && last >= told, `${end}: told ${told}, there is ${last}`);
    }
  });
}

test('commits that wait for syncs come in their order', async (t) => {
  const directory = directoryOf(t);
  const store = opened(t, directory, { unsyncedMax: 1, flushIntervalMs: 0 });
  for (let number = 1; number <= 200; number++) t.true(await committed(store, changesOf(number)));
  t.is(lastCommit(store), 200);
});

test('a store beyond its bytes says so, still takes what it is given, and has room again when rows go', async (t) => {
  const store = opened(t, directoryOf(t), { maxBytes: 1_000_000 });
  for (let i = 0; i < 20; i++) {
    if (i < 16 || i > 17) t.is(store.isFull, i > 17, `${i}`);
    t.true(await committed(store, [row(`k${i}`, 60_000)]));
  }
  t.true(store.isFull);
  t.true(store.usedBytes > 1_000_000);
  t.true(await committed(store, [row('k0', null)]));
  t.true(store.isFull);
  for (let i = 1; i < 8; i++) t.true(await committed(store, [row(`k${i}`, null)]));
  t.false(store.isFull);
  t.is([...store.rows('retained')].length, 12);
});

test('while lmdb has given up nothing is read, and nobody fails because of that', async (t) => {
  const store = storeAt(directoryOf(t));
  t.true(await committed(store, [row('k', 10)]));
  t.is(store.get('retained', Buffer.from('k'))!.length, 10);
  // As after a sync that has failed, where it cannot be opened again.
  const inside = store as unknown as { isUnusable: boolean; environment: { closeNow(): void } };
  inside.isUnusable = true;
  inside.environment.closeNow();
  await nextLoop();
  t.is(store.get('retained', Buffer.from('k')), null);
});

test('a commit that is tried again and again does not count each time', async (t) => {
  const store = opened(t, directoryOf(t), { maxBytes: 1_000_000 });
  // No key may be as long as that.
  const changes = [row('k', 60_000), row('x'.repeat(3_000), 1)];
  for (let i = 0; i < 20; i++) t.false(await committed(store, changes));
  t.false(store.isFull);
});

test('a store that was full is full when it is opened again', async (t) => {
  const directory = directoryOf(t);
  const store = storeAt(directory);
  await committed(store, [row('k', 500_000)]);
  await store.close();
  t.true(opened(t, directory, { maxBytes: 400_000 }).isFull);
});

test('a store of a later version is refused with a line that says what to do', async (t) => {
  const directory = directoryOf(t);
  const key = Buffer.from('format');
  const store = storeAt(directory);
  await committed(store, [row('k', 1)]);
  t.truthy(store.get('meta', key));
  await committed(store, [{ table: 'meta', key, value: framed(key, Buffer.alloc(0), 2) }]);
  await store.close();
  const error = t.throws(() => storeAt(directory), { instanceOf: StoreRefusal });
  t.regex(error.message, /later version of shardmq.*start that version, or restore a backup/);
});

test('of nothing, nothing is written', async (t) => {
  const store = opened(t, directoryOf(t));
  t.true(await committed(store, []));
  t.is(store.count('meta'), 0);
});

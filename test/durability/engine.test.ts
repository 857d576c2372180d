/** The store on disks that fail, and starts that cannot be. */
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Environment } from '../../src/storage/environment.js';
import { framed } from '../../src/storage/framing.js';
import { mendEnvironment } from '../../src/storage/mending.js';
import { findDamage } from '../../src/storage/page-reader.js';
import { SHARD_LAYOUT } from '../../src/storage/row-table.js';
import { TABLES } from '../../src/storage/tables.js';
import { needs, program } from '../helpers/needs.js';
import { RecordingLogger, startTestBroker, tempDirectory, until } from '../helpers/with-broker.js';
import { changesOf, KEPT_ALL, lastCommit, storeAt } from '../unit/workers/store/lmdb-writer.js';
import { MOUNT, SmallDisc } from './ledger/small-disc.js';
import { type Call, STRACE, Strace } from './ledger/strace.js';
import { StoreProcess } from './store-process.js';

const DISC_BYTES = 16 << 20;
const NOT_ROOT = { name: 'a user other than root', isMet: () => process.getuid?.() !== 0 };
const WRITES = 'write,pwrite64,writev,pwritev';
/** All that the store writes into, or that lmdb has open. */
const ALL_FILES = ['data.mdb', 'trial', 'copy/data.mdb'];

interface Fault {
  readonly level: 'process' | 'disk';
  /** As `strace -e inject=`. */
  readonly inject: string;
  /** lmdb writes its text about a page it could not write into memory that is too small: it may be the end. */
  readonly mayEnd: boolean;
}

const FAULTS: Readonly<Record<string, Fault>> = {
  'syncs that fail': { level: 'process', inject: 'fdatasync,fsync:error=EIO', mayEnd: false },
  'syncs that fail while one waits for them': {
    ...{ level: 'disk', inject: 'fdatasync,fsync:error=EIO', mayEnd: false },
  },
  'a disk that becomes read-only': {
    ...{ level: 'process', inject: `${WRITES}:error=EROFS`, mayEnd: true },
  },
  'writes that fail': { level: 'disk', inject: `${WRITES}:error=EIO`, mayEnd: true },
  // lmdb gives up when it is the one that counts.
  'some writes that fail': {
    level: 'process',

    inject: 'pwrite64:error=EIO:when=5+5',
    mayEnd: true,
  },
};

function directoryOf(t: ExecutionContext): string {
  const directory = tempDirectory();
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Everything that it was told is there, and the file is whole. */
async function checkAfter(t: ExecutionContext, writer: StoreProcess, kept?: number): Promise<void> {
  t.is(findDamage(writer.directory), null);
  await checkTold(t, writer, kept);
}

async function checkTold(t: ExecutionContext, writer: StoreProcess, kept?: number): Promise<void> {
  const store = storeAt(writer.directory);
  const last = lastCommit(store, kept);
  await store.close();
  t.true(last >= writer.told, `told ${writer.told}, there is ${last}`);
}

/** @returns when commits fail */
async function disturbed(t: ExecutionContext, writer: StoreProcess, inject: string): Promise<Strace> {
  const paths = ALL_FILES.map((file) => join(writer.directory, file));
  const strace = await Strace.attach(writer.pid, join(directoryOf(t), 'strace'), inject, paths);
  t.teardown(() => strace.detach());
  await writer.failing();
  return strace;
}

for (const [what, { level, inject, mayEnd }] of Object.entries(FAULTS)) {
  needs(STRACE)(`${what}: commits fail, and go on by themselves; kill -9 loses nothing`, async (t) => {
    const writer = new StoreProcess(t, join(directoryOf(t), 'store'), level);
    try {
      await writer.goesOn();
      const strace = await disturbed(t, writer, inject);
      await strace.detach();
      await writer.goesOn();
      await disturbed(t, writer, inject);
    } catch (error) {
      if (!mayEnd || !writer.hasEnded) throw error;
    }
    await writer.kill();
    if (!mayEnd) {
      t.is(writer.stderr, '');
      t.is(findDamage(writer.directory), null);
    }
    // lmdb may have been half way back to the state before, where its last meta page could not be written.
    await mendEnvironment(writer.directory, SHARD_LAYOUT);
    await checkTold(t, writer);
  });
}

needs(MOUNT)('a full disk: commits fail, go on when there is room, and lmdb never sees it', async (t) => {
  const disc = new SmallDisc(DISC_BYTES);
  t.teardown(() => disc.unmount());
  const writer = new StoreProcess(t, join(disc.path, 'store'), 'process', 'growing');
  for (let round = 0; round < 3; round++) {
    await writer.goesOn();
    disc.fill();
    await writer.failing();
    if (round === 2) break;
    disc.free();
  }
  await writer.kill();
  t.is(writer.stderr, '');
  disc.free();
  await checkAfter(t, writer, KEPT_ALL);
});

/** More than the room that is made at a time. */
const MORE_BYTES = 4 << 20;

needs(program('prlimit'))('a file that may not grow: commits fail, and lmdb never sees it', async (t) => {
  const writer = new StoreProcess(t, join(directoryOf(t), 'store'), 'disk', 'growing');
  const limit = (bytes: string): unknown =>
    execFileSync('prlimit', [`--pid=${writer.pid}`, `--fsize=${bytes}:`]);
  for (let round = 0; round < 2; round++) {
    await writer.goesOn();
    // It may grow while it is looked at.
    limit(String(statSync(join(writer.directory, 'data.mdb')).size + MORE_BYTES));
    await writer.failing();
    if (round === 0) limit('unlimited');
  }
  await writer.kill();
  t.is(writer.stderr, '');
  await checkAfter(t, writer, KEPT_ALL);
});

for (const level of ['process', 'disk'] as const) {
  const what = level === 'process' ? 'does not wait' : 'waits';
  needs(STRACE)(`level ${level} ${what} for the sync`, async (t) => {
    const directory = directoryOf(t);
    const writer = new StoreProcess(t, join(directory, 'store'), level);
    await writer.goesOn();
    const strace = await Strace.attach(writer.pid, join(directory, 'strace'), 'fdatasync:delay_enter=4s');
    t.teardown(() => strace.detach());
    const syncs = (): Call | undefined =>
      strace.calls().find(({ name, endedAt }) => name === 'fdatasync' && endedAt === Infinity);
    await until(() => syncs() !== undefined, 'a sync');
    await writer.hangs();
    const calls = strace.calls();
    const sync = syncs()!;
    const told = calls.filter(({ name, text, begunAt }) => {
      return name === 'write' && text.startsWith('1<') && begunAt > sync.begunAt;
    });
    if (level === 'process') t.true(told.length > 0);
    else t.is(told.length, 0);
    await writer.kill();
    await checkAfter(t, writer);
  });
}

needs(STRACE)(
  'what is written is told before its sync fails, also after rows that were not there were removed',
  async (t) => {
    const directory = directoryOf(t);
    const environment = new Environment(join(directory, 'store'), TABLES);
    const ends = (key: string, value: Buffer | null): Promise<string[]> =>
      new Promise((resolve) => {
        const said: string[] = [];
        environment.write([{ table: 'meta', key: Buffer.from(key), value }], {
          committed: () => void said.push('committed'),
          flushed: () => resolve([...said, 'flushed']),
          failed: () => resolve([...said, 'failed']),
        });
      });
    t.deepEqual(await ends('a', Buffer.from('x')), ['committed', 'flushed']);
    t.deepEqual(await ends('b', null), ['committed', 'flushed']);
    const data = join(directory, 'store', 'data.mdb');
    const failing = 'fdatasync,fsync:error=EIO';
    const strace = await Strace.attach(process.pid, join(directory, 'strace'), failing, [data]);
    for (let i = 0; i < 3; i++) t.deepEqual(await ends('a', Buffer.from(`${i}`)), ['committed', 'failed']);
    await strace.detach();
    await environment.close();
  },
);

test.serial('with level memory what was kept is left alone, and the log says so', async (t) => {
  const directory = tempDirectory();
  await (await startTestBroker({ config: { 'mqtt.persistence.level': 'process' } }, directory)).stop();
  const logger = new RecordingLogger();
  const config = { 'mqtt.persistence.level': 'memory' } as const;
  const broker = await startTestBroker({ config, logger }, directory);
  await broker.stop();
  t.true(logger.has('warn', /is left alone, since mqtt\.persistence\.level is memory/));
});

needs(NOT_ROOT)(
  'a store that may not be written ends the start with a line that says what to do',
  async (t) => {
    const directory = tempDirectory();
    await (await startTestBroker({}, directory)).stop();
    chmodSync(join(directory, 'shard-0'), 0o500);
    t.teardown(() => chmodSync(join(directory, 'shard-0'), 0o700));
    await t.throwsAsync(startTestBroker({}, directory), { message: /cannot be written \(EACCES\)/ });
  },
);

test.serial(
  'a store of a later version ends the start at once, with a line that says what to do',
  async (t) => {
    const directory = tempDirectory();
    const config = { 'node.shards': 2, 'mqtt.persistence.level': 'process' } as const;
    await (await startTestBroker({ config }, directory)).stop();
    const key = Buffer.from('format');
    const store = storeAt(join(directory, 'shard-1'));
    const later = { table: 'meta', key, value: framed(key, Buffer.alloc(0), 99) } as const;
    // The first one has the format that it knows.
    for (const changes of [changesOf(1), [later]]) {
      t.true(await new Promise((resolve) => store.commit(changes, resolve)));
    }
    await store.close();
    const error = await t.throwsAsync(startTestBroker({ config }, directory));
    t.regex(error.message, /^shard 1 cannot start: .*later version of shardmq.*start that version/);
  },
);

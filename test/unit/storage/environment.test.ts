/** Rows written into lmdb below its own `put`: what another version of it could do otherwise is seen here. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { READERS_CHECK_WRITES } from '../../../src/limits.js';
import { Environment, type Write } from '../../../src/storage/environment.js';
import { MOUNT, SmallDisc } from '../../durability/ledger/small-disc.js';
import { needs } from '../../helpers/needs.js';
import { tempDirectory } from '../../helpers/with-broker.js';

type Name = 'a' | 'b';
type Written = readonly Write<Name>[];

function opened(t: ExecutionContext, directory = newDirectory(t)): Environment<Name> {
  const environment = new Environment<Name>(directory, ['a', 'b']);
  t.teardown(() => environment.close());
  return environment;
}

function newDirectory(t: ExecutionContext): string {
  const directory = tempDirectory();
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const row = (table: Name, key: string, value: string | Buffer | null): Write<Name> => ({
  table,
  key: Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
});

/** What is told of one write, in order. */
async function told(environment: Environment<Name>, writes: Written): Promise<string[]> {
  const words: string[] = [];
  await new Promise<void>((resolve) => {
    environment.write(writes, {
      committed: () => words.push('committed'),
      flushed: () => {
        words.push('flushed');
        resolve();
      },
      failed: () => {
        words.push('failed');
        resolve();
      },
    });
  });
  return words;
}

const textsOf = (environment: Environment<Name>, table: Name): string[] =>
  [...environment.rows(table)].map(({ key, value }) => `${key}=${value}`);

test('rows of one write are there together, in the order of their keys, after it is opened again too', async (t) => {
  const directory = newDirectory(t);
  const first = new Environment<Name>(directory, ['a', 'b']);
  t.deepEqual(await told(first, [row('a', 'y', '1'), row('b', 'k', '2'), row('a', 'x', '')]), [
    'committed',
    'flushed',
  ]);
  await first.close();
  const second = opened(t, directory);
  t.deepEqual(textsOf(second, 'a'), ['x=', 'y=1']);
  t.is(String(second.get('b', Buffer.from('k'))), '2');
  t.is(second.get('b', Buffer.from('y')), null);
});

test('rows of which each is good until the next are the same rows, of any length', async (t) => {
  const environment = opened(t);
  const writes = [0, 1, 11, 1_024, 1_025, 5_000, 100_000].map((bytes, i) =>
    row('a', 'k'.repeat(1 + 60 * i), 'v'.repeat(bytes)),
  );
  t.deepEqual(await told(environment, writes), ['committed', 'flushed']);
  const seen: string[] = [];
  const buffers = new Set<Buffer>();
  for (const { key, value } of environment.rows('a', true)) {
    // What is read meanwhile stays as it is.
    t.true(environment.get('a', Buffer.from(key))!.equals(value));
    seen.push(`${key}=${value}`);
    buffers.add(key).add(value);
  }
  t.deepEqual(seen, textsOf(environment, 'a'));
  const [first] = environment.rows('a', true);
  t.false(buffers.has(first!.key));
});

test('a row is read as it was written last, as soon as that is committed', async (t) => {
  const environment = opened(t);
  const key = Buffer.from('k');
  for (let i = 0; i < 50; i++) {
    t.is(environment.get('a', key)?.toString() ?? null, i === 0 ? null : String(i - 1));
    await new Promise<void>((resolve, reject) => {
      environment.write([row('a', 'k', String(i))], {
        committed: () => {
          t.is(String(environment.get('a', key)), String(i));
        },
        flushed: resolve,
        failed: reject,
      });
    });
  }
});

test('of several changes of one key the last counts; removing what is not there is no fault', async (t) => {
  const environment = opened(t);
  await environment.writeSafely([
    ...[row('a', 'gone', '1'), row('a', 'gone', null), row('a', 'never', null)],
    ...[row('a', 'kept', null), row('a', 'kept', '1'), row('a', 'kept', '2')],
  ]);
  t.deepEqual(textsOf(environment, 'a'), ['kept=2']);
});

test('keys and values of all lengths, in writes of all sizes', async (t) => {
  const environment = opened(t);
  const expected = new Map<string, number>();
  for (const count of [1, 2, 3, 1_000, 1, 5_000, 2]) {
    const writes = Array.from({ length: count }, (_, i) => {
      const name = `${i}-${'k'.repeat(i % 530)}`;
      const bytes = (i * 7) % 3_000;
      expected.set(name, bytes);
      return row('a', name, Buffer.alloc(bytes, i & 0xff));
    });
    await environment.writeSafely(writes);
  }
  await environment.writeSafely([row('b', 'large', Buffer.alloc(5 << 20, 7))]);
  const found = new Map([...environment.rows('a')].map(({ key, value }) => [String(key), value.length]));
  t.deepEqual(
    found,
    new Map([...expected].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))),
  );
  t.true(environment.get('b', Buffer.from('large'))!.equals(Buffer.alloc(5 << 20, 7)));
});

test('writes that are under way at one time are written in their order, and each is answered', async (t) => {
  const environment = opened(t);
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      told(environment, [row('a', 'k', String(i)), row('b', String(i), null)]),
    ),
  );
  t.true(answers.every((words) => words.join() === 'committed,flushed'));
  t.deepEqual(textsOf(environment, 'a'), ['k=99']);
});

test('a write that cannot be is told once and leaves nothing, and those behind it go on', async (t) => {
  const environment = opened(t);
  const tooLong = row('a', 'k'.repeat(4_000), '1');
  const [failed, good] = await Promise.all([
    told(environment, [row('a', 'x', '1'), tooLong]),
    told(environment, [row('a', 'y', '1')]),
  ]);
  t.deepEqual(failed, ['failed']);
  t.deepEqual(good, ['committed', 'flushed']);
  t.deepEqual(textsOf(environment, 'a'), ['y=1']);
  t.true(environment.isUsable);
});

test('closing waits for what is under way', async (t) => {
  const directory = newDirectory(t);
  const environment = new Environment<Name>(directory, ['a', 'b']);
  const answers = Array.from({ length: 10 }, (_, i) => told(environment, [row('a', String(i), '1')]));
  await environment.close();
  t.is((await Promise.all(answers)).flat().length, 20);
  t.is(textsOf(opened(t, directory), 'a').length, 10);
});

test('what is given back is used again: the size does not rise with what comes and goes', async (t) => {
  const environment = opened(t);
  const empty = environment.usedBytes;
  const round = async (): Promise<void> => {
    const keys = Array.from({ length: 50 }, (_, i) => `k${i}`);
    await environment.writeSafely(keys.map((key) => row('a', key, Buffer.alloc(20_000))));
    t.true(environment.usedBytes > 1_000_000);
    await environment.writeSafely(keys.map((key) => row('a', key, null)));
  };
  for (let i = 0; i < 10; i++) await round();
  t.is(environment.usedBytes, empty);
});

test('files and their directory are for their owner only', (t) => {
  const directory = join(newDirectory(t), 'one');
  opened(t, directory);
  const modes = ['.', 'data.mdb', 'lock.mdb'].map((name) => statSync(join(directory, name)).mode & 0o777);
  t.deepEqual(modes, [0o700, 0o600, 0o600]);
});

test('what is seen stays as it is while others write', async (t) => {
  const environment = opened(t);
  await told(environment, [row('a', 'k', '1')]);
  t.is(textsOf(environment, 'a')[0], 'k=1');
  const snapshot = environment.snapshot();
  await told(environment, [row('a', 'k', '2'), row('b', 'k', '3')]);
  const seen = (table: Name): string[] => [...snapshot.rows(table)].map(({ value }) => value.toString());
  t.deepEqual([seen('a'), seen('b')], [['1'], []]);
  t.deepEqual(textsOf(environment, 'a'), ['k=2']);
  snapshot.end();
});

test('what a process was reading when it was killed is used again', async (t) => {
  const directory = newDirectory(t);
  const environment = opened(t, directory);
  const writeAll = async (count: number): Promise<number> => {
    const lots: Promise<void>[] = [];
    for (let i = 0; i < count; i++) {
      lots.push(environment.writeSafely([row('a', `${i % 8}`, Buffer.alloc(16_000, i))]));
      if (lots.length === 50) await Promise.all(lots.splice(0));
    }
    await Promise.all(lots);
    return statSync(join(directory, 'data.mdb')).size;
  };
  await writeAll(8);
  const reader = fork(fileURLToPath(new URL('./snapshot-main.js', import.meta.url)), [directory]);
  await once(reader, 'message');
  const before = await writeAll(50);
  reader.kill('SIGKILL');
  await once(reader, 'exit');
  const after = await writeAll(READERS_CHECK_WRITES);
  t.true(after > before, 'it was kept until somebody looked');
  t.is(await writeAll(300), after);
});

needs(MOUNT)('an environment for which the disk has no room is an error', async (t) => {
  const disc = new SmallDisc(4 << 20);
  t.teardown(() => disc.unmount());
  for (const leftBytes of [0, 4_096, 16_384]) {
    disc.fill(leftBytes);
    t.throws(() => new Environment<Name>(join(disc.path, 'new'), ['a', 'b']), { code: 'ENOSPC' });
    t.deepEqual(readdirSync(join(disc.path, 'new')), []);
    disc.free();
  }
  await new Environment<Name>(join(disc.path, 'new'), ['a', 'b']).close();
});

/** What is written below lmdb's own `put` is what `put` would have written; and what lmdb calls back with. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { open } from 'lmdb';
import { Environment, type Write } from '../../../src/storage/environment.js';
import { checkVersion, type NativeEnvironment, WriteLot } from '../../../src/storage/native-writes.js';
import { tempDirectory } from '../../helpers/with-broker.js';

type Name = 'a' | 'b';
const NAMES: readonly Name[] = ['a', 'b'];
const BINARY = { keyEncoding: 'binary', encoding: 'binary' } as const;
const RUNS = 40;
const KEY_BYTES_MAX = 600;

// Few keys, so that they are met again, and now and then any.
const key = fc.oneof(
  { arbitrary: fc.constantFrom('k', 'kk', 'kkkkk', 'l').map((text) => Buffer.from(text)), weight: 4 },
  {
    arbitrary: fc.uint8Array({ minLength: 1, maxLength: KEY_BYTES_MAX }).map((bytes) => Buffer.from(bytes)),
    weight: 1,
  },
);
const value = fc.oneof(
  fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
  fc.integer({ min: 0, max: 20_000 }).map((bytes) => Buffer.alloc(bytes, bytes & 0xff)),
  fc.constant(null),
);
const write: fc.Arbitrary<Write<Name>> = fc.record({ table: fc.constantFrom(...NAMES), key, value });
const lots = fc.array(fc.array(write, { minLength: 1, maxLength: 30 }), { minLength: 1, maxLength: 6 });

/** The same by lmdb's own means. */
async function rowsByPut(directory: string, written: readonly (readonly Write<Name>[])[]): Promise<string[]> {
  const root = open<Buffer, Buffer>({ ...BINARY, path: directory, noSubdir: false });
  const tables = new Map(NAMES.map((name) => [name, root.openDB<Buffer, Buffer>({ ...BINARY, name })]));
  for (const lot of written) {
    root.transactionSync(() => {
      for (const { table, key, value } of lot) {
        if (value === null) tables.get(table)!.removeSync(key);
        else tables.get(table)!.putSync(key, value);
      }
    });
  }
  const rows = NAMES.flatMap((name) =>
    [...tables.get(name)!.getRange({})].map((row) => textOf(name, row.key, row.value)),
  );
  await root.close();
  return rows;
}

const textOf = (name: Name, key: Buffer, value: Buffer): string =>
  `${name} ${key.toString('hex')} ${value.toString('hex')}`;

test('any writes leave the rows that lmdb’s own put and remove leave', async (t) => {
  await fc.assert(
    fc.asyncProperty(lots, async (written) => {
      const directory = tempDirectory();
      const environment = new Environment<Name>(join(directory, 'ours'), NAMES);
      await Promise.all(written.map((lot) => environment.writeSafely(lot)));
      const rows = NAMES.flatMap((name) =>
        [...environment.rows(name)].map(({ key, value }) => textOf(name, key, value)),
      );
      await environment.close();
      t.deepEqual(rows, await rowsByPut(join(directory, 'theirs'), written));
      rmSync(directory, { recursive: true, force: true });
    }),
    { numRuns: RUNS },
  );
});

/** What a lot says when lmdb calls back so. `isLooked`: it has looked at the instructions. */
function saidBy(
  isLooked: boolean,
  calls: (callback: (this: unknown, status: number) => void) => void,
): string[] {
  const words: string[] = [];
  const lot = new WriteLot();
  const environment: NativeEnvironment = {
    address: 0,
    startWriting: (_address, callback) => {
      if (isLooked) (lot as unknown as { numbers: Uint32Array }).numbers[2]! |= 0x1000000;
      calls(callback);
    },
    resumeWriting: () => void words.push('lock given back'),
  };
  lot.begin(1, 1);
  lot.add(1, Buffer.from('k'), Buffer.from('v'));
  lot.start(environment, {
    committed: () => words.push('committed'),
    over: (status) => words.push(`over ${status}`),
  });
  return words;
}

test('status 1 is a commit when it is not the last word, and the error EPERM when it is', (t) => {
  t.deepEqual(
    saidBy(true, (callback) => {
      callback.call(undefined, 1);
      callback.call(callback, 0);
    }),
    ['committed', 'over 0'],
  );
  t.deepEqual(
    saidBy(true, (callback) => callback.call(callback, 1)),
    ['over 1'],
  );
});

test('the lock of a writer that could not begin is given back, and only of that one', (t) => {
  t.deepEqual(
    saidBy(false, (callback) => callback.call(callback, 5)),
    ['lock given back', 'over 5'],
  );
  t.deepEqual(
    saidBy(true, (callback) => callback.call(callback, 5)),
    ['over 5'],
  );
});

test('lmdb has the version this was written after, exactly that one is asked for, and another is refused', (t) => {
  t.notThrows(() => checkVersion());
  const file = new URL('../../../../package.json', import.meta.url);
  const { dependencies } = JSON.parse(readFileSync(file, 'utf8')) as { dependencies: { lmdb: string } };
  t.notThrows(() => checkVersion(dependencies.lmdb));
  t.throws(() => checkVersion('3.5.7'), { message: /lmdb 3\.5\.7 is installed, and only 3\.5\.6.*install/ });
});

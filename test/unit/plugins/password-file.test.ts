/** The file of passwords: what is written is read again, and what was damaged is not. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { BrokerError } from '../../../src/base/errors.js';
import { parseHashFormat, type StoredPassword } from '../../../src/passwords/hash-format.js';
import { readPasswordFile, writePasswordFile } from '../../../src/plugins/shared/password-file.js';
import { tempDirectory } from '../../helpers/with-broker.js';

const MD5 = parseHashFormat('salt,md5');
const PLAIN = parseHashFormat('plain');

function storedMd5(seed: number): StoredPassword {
  return { format: MD5, salt: `salt${seed}`, hash: seed.toString(16).padStart(32, '0') };
}

async function writtenFile(names: number): Promise<string> {
  const path = join(tempDirectory(), 'passwords');
  const entries = Array.from({ length: names }, (_, i) => [`user${i}`, storedMd5(i)] as const);
  await writePasswordFile(path, new Map(entries));
  return path;
}

async function refusesToRead(t: ExecutionContext, path: string, message: RegExp): Promise<void> {
  const error = await t.throwsAsync(readPasswordFile(path), {
    instanceOf: BrokerError,
    code: 'DATA_DIR_FAILED',
  });
  t.regex(error.message, message);
}

test('no file is no passwords', async (t) => {
  t.is((await readPasswordFile(join(tempDirectory(), 'passwords'))).size, 0);
});

test('what is written is read again, whatever the names and plain passwords', async (t) => {
  const path = join(tempDirectory(), 'passwords');
  const text = fc.string({ unit: 'binary' });
  await fc.assert(
    fc.asyncProperty(fc.dictionary(text, text), async (passwords) => {
      const entries = new Map(
        Object.entries(passwords).map(([name, hash]) => [name, { format: PLAIN, salt: '', hash }]),
      );
      await writePasswordFile(path, entries);
      t.deepEqual(await readPasswordFile(path), entries);
    }),
    { numRuns: 30 },
  );
});

test('only the user of the broker may read it, also where an older one was open to all', async (t) => {
  const path = join(tempDirectory(), 'passwords');
  writeFileSync(`${path}.tmp`, '', { mode: 0o666 });
  await writePasswordFile(path, new Map([['a', storedMd5(1)]]));
  t.is(statSync(path).mode & 0o777, 0o600);
});

test('an empty file is damaged', async (t) => {
  const path = join(tempDirectory(), 'passwords');
  writeFileSync(path, '');
  await refusesToRead(t, path, /line 1/);
});

test('a file of another version is refused with the version', async (t) => {
  const path = await writtenFile(3);
  writeFileSync(path, readFileSync(path, 'utf8').replace('"version":1', '"version":2'));
  await refusesToRead(t, path, /version 2/);
});

test('a line that is no password is named', async (t) => {
  const path = await writtenFile(3);
  writeFileSync(path, readFileSync(path, 'utf8').replace('salt1', 'sa"lt1'));
  await refusesToRead(t, path, /line 3/);
});

test('a name that is there twice is named', async (t) => {
  const path = await writtenFile(3);
  writeFileSync(path, readFileSync(path, 'utf8').replace('user2', 'user0'));
  await refusesToRead(t, path, /line 4/);
});

test('a file that has lost its last line is damaged', async (t) => {
  const path = await writtenFile(3);
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  writeFileSync(path, `${lines.slice(0, -1).join('\n')}\n`);
  await refusesToRead(t, path, /2 names and should have 3/);
});

test('a name that was changed is damage', async (t) => {
  const path = await writtenFile(3);
  writeFileSync(path, readFileSync(path, 'utf8').replace('user1', 'usfr1'));
  await refusesToRead(t, path, /not as it was written/);
});

test('a file cut anywhere, or with any byte changed, is damaged', async (t) => {
  const path = await writtenFile(5);
  const bytes = readFileSync(path);
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (place, change) => {
      writeFileSync(path, bytes.subarray(0, place));
      await t.throwsAsync(readPasswordFile(path), { instanceOf: BrokerError });
      const changed = Buffer.from(bytes);
      changed[place]! ^= change;
      writeFileSync(path, changed);
      await t.throwsAsync(readPasswordFile(path), { instanceOf: BrokerError });
    }),
    { numRuns: 200 },
  );
});

test('a hundred thousand names are read back', async (t) => {
  const path = await writtenFile(100_000);
  t.is((await readPasswordFile(path)).size, 100_000);
});

/** Files that hold secrets or decide who may come in: nobody else reads, redirects or halves them. */
import fs, { lstatSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import test from 'ava';
import { writeBans } from '../../../src/access/ban-file.js';
import { writeWholeFile } from '../../../src/base/whole-file.js';
import { writePasswordFile } from '../../../src/plugins/shared/password-file.js';
import { tempDirectory } from '../../helpers/with-broker.js';

const WRITERS: Readonly<Record<string, (path: string) => void | Promise<void>>> = {
  'a small file': (path) => writeWholeFile(path, 'secret'),
  'the file of bans': (path) => writeBans(path, []),
  'a file of passwords': (path) => writePasswordFile(path, new Map()),
};

for (const [name, write] of Object.entries(WRITERS)) {
  test(`${name} is not written through a link that somebody has put in its way`, async (t) => {
    const directory = tempDirectory();
    const path = join(directory, 'file');
    const victim = join(directory, 'victim');
    writeFileSync(victim, 'untouched');
    symlinkSync(victim, `${path}.tmp`);
    await write(path);
    t.is(readFileSync(victim, 'utf8'), 'untouched');
    t.true(lstatSync(path).isFile());
  });

  test(`${name} is its owner's only, whatever was left behind`, async (t) => {
    const path = join(tempDirectory(), 'file');
    writeFileSync(`${path}.tmp`, 'of an earlier crash', { mode: 0o666 });
    await write(path);
    t.is(lstatSync(path).mode & 0o777, 0o600);
  });
}

test.serial('a small file is written to its end where the system takes only a part at a time', (t) => {
  const path = join(tempDirectory(), 'file');
  const { writeSync } = fs;
  const some = (file: number, bytes: Uint8Array | string, offset = 0, length = bytes.length): number =>
    writeSync(file, Buffer.from(bytes as string), offset, Math.min(length, 3));
  fs.writeSync = some as typeof writeSync;
  syncBuiltinESMExports();
  try {
    writeWholeFile(path, 'emq_auth_username.\n');
  } finally {
    fs.writeSync = writeSync;
    syncBuiltinESMExports();
  }
  t.is(readFileSync(path, 'utf8'), 'emq_auth_username.\n');
});

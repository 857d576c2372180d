/** Files that hold secrets or decide who may come in: nobody else reads, redirects or halves them. */
import fs, { lstatSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import test from 'ava';
import { writeWholeFile } from '../../../src/base/whole-file.js';
import { tempDirectory } from '../../helpers/with-broker.js';

test('a small file is not written through a link that somebody has put in its way', (t) => {
  const directory = tempDirectory();
  const path = join(directory, 'file');
  const victim = join(directory, 'victim');
  writeFileSync(victim, 'untouched');
  symlinkSync(victim, `${path}.tmp`);
  writeWholeFile(path, 'secret');
  t.is(readFileSync(victim, 'utf8'), 'untouched');
  t.true(lstatSync(path).isFile());
});

test("a small file is its owner's only, whatever was left behind", (t) => {
  const path = join(tempDirectory(), 'file');
  writeFileSync(`${path}.tmp`, 'of an earlier crash', { mode: 0o666 });
  writeWholeFile(path, 'secret');
  t.is(lstatSync(path).mode & 0o777, 0o600);
});

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

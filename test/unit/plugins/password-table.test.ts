/** Passwords that change: in force when on disk, written together, and as they were where the disk fails. */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parseHashFormat, type StoredPassword } from '../../../src/passwords/hash-format.js';
import { readPasswordFile } from '../../../src/plugins/shared/password-file.js';
import { PasswordTable } from '../../../src/plugins/shared/password-table.js';
import { tempDirectory } from '../../helpers/with-broker.js';

function stored(hash: string): StoredPassword {
  return { format: parseHashFormat('plain'), salt: '', hash };
}

test('a change is in force when it is on disk', async (t) => {
  const path = join(tempDirectory(), 'passwords');
  const table = await PasswordTable.open(path);
  const changed = table.change('a', stored('1'));
  t.is(table.get('a'), undefined);
  t.true(table.willHave('a'));
  await changed;
  t.is(table.get('a')?.hash, '1');
  t.is((await readPasswordFile(path)).get('a')?.hash, '1');
});

test('changes that come together are written together, the last of a name wins', async (t) => {
  const path = join(tempDirectory(), 'passwords');
  const table = await PasswordTable.open(path);
  const first = table.change('a', stored('1'));
  t.is(table.change('a', null), first);
  t.false(table.willHave('a'));
  const last = table.change('b', stored('2'));
  t.is(last, first);
  await last;
  t.deepEqual(table.names(), ['b']);
});

test('changes made while others are written are all there in the end', async (t) => {
  const path = join(tempDirectory(), 'passwords');
  const table = await PasswordTable.open(path);
  const changes: Promise<void>[] = [];
  for (let i = 0; i < 50; i++) {
    changes.push(table.change(`user${i}`, stored('x')));
    if (i % 10 === 0) await changes[0];
  }
  await table.idle();
  await Promise.all(changes);
  t.is((await readPasswordFile(path)).size, 50);
  t.is(table.size, 50);
});

test('a change that cannot be written is not in force, and the next one can be', async (t) => {
  const path = join(tempDirectory(), 'passwords');
  const table = await PasswordTable.open(path);
  await table.change('a', stored('1'));
  // Nothing can be written over a directory.
  mkdirSync(`${path}.tmp`);
  await t.throwsAsync(table.change('a', null));
  t.is(table.get('a')?.hash, '1');
  t.true(table.willHave('a'));
  t.true(statSync(path).isFile());
});

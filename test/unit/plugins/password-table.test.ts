/** Passwords that change: in force when on disk, written together, and as they were where the disk fails. */
import test from 'ava';
import { parseHashFormat, type StoredPassword } from '../../../src/passwords/hash-format.js';
import { readPasswords } from '../../../src/plugins/shared/password-document.js';
import { PasswordTable } from '../../../src/plugins/shared/password-table.js';
import { MemoryDocument } from '../../helpers/documents.js';

function stored(hash: string): StoredPassword {
  return { format: parseHashFormat('plain'), salt: '', hash };
}

test('a change is in force when it is on disk', async (t) => {
  const document = new MemoryDocument();
  const table = await PasswordTable.open(document);
  const changed = table.change('a', stored('1'));
  t.is(table.get('a'), undefined);
  t.true(table.willHave('a'));
  await changed;
  t.is(table.get('a')?.hash, '1');
  t.is((await readPasswords(document)).get('a')?.hash, '1');
});

test('changes that come together are written together, the last of a name wins', async (t) => {
  const document = new MemoryDocument();
  const table = await PasswordTable.open(document);
  const first = table.change('a', stored('1'));
  t.is(table.change('a', null), first);
  t.false(table.willHave('a'));
  const last = table.change('b', stored('2'));
  t.is(last, first);
  await last;
  t.deepEqual(table.names(), ['b']);
});

test('changes made while others are written are all there in the end', async (t) => {
  const document = new MemoryDocument();
  const table = await PasswordTable.open(document);
  const changes: Promise<void>[] = [];
  for (let i = 0; i < 50; i++) {
    changes.push(table.change(`user${i}`, stored('x')));
    if (i % 10 === 0) await changes[0];
  }
  await table.idle();
  await Promise.all(changes);
  t.is((await readPasswords(document)).size, 50);
  t.is(table.size, 50);
});

test('a change that cannot be written is not in force, and the next one can be', async (t) => {
  const document = new MemoryDocument();
  const table = await PasswordTable.open(document);
  await table.change('a', stored('1'));
  document.failure = 'the disk is full';
  await t.throwsAsync(table.change('a', null));
  t.is(table.get('a')?.hash, '1');
  t.true(table.willHave('a'));
  await table.change('a', null);
  t.is(table.size, 0);
});

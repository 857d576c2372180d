/** The users that are kept: read as they were written, or refused with where they lie and the reason. */
import test from 'ava';
import type { BrokerError } from '../../../src/base/errors.js';
import { USERS_FILE_BYTES_MAX } from '../../../src/limits.js';
import { parseHashFormat } from '../../../src/passwords/hash-format.js';
import { readUsers, type UserRecord, writeUsers } from '../../../src/users/user-document.js';
import { MemoryDocument } from '../../helpers/documents.js';

const format = parseHashFormat('scrypt,16,1,1,32');
const record = (tags: string): UserRecord => ({
  tags,
  password: { format, salt: 'ab'.repeat(16), hash: 'cd'.repeat(32) },
  isPublic: false,
});

test('what was written is read, whatever the names', async (t) => {
  const document = new MemoryDocument();
  const users = new Map([
    ['admin', record('administrator')],
    ['__proto__', record('')],
    ['Ünïcødé/🦊', record('"quoted"\n')],
  ]);
  t.is(readUsers(document), null);
  await writeUsers(document, users);
  t.deepEqual(readUsers(document), users);
});

const row = {
  username: 'admin',
  tags: '',
  format: 'scrypt,16,1,1,32',
  salt: 'ab'.repeat(16),
  hash: 'cd'.repeat(32),
  isPublic: false,
};
const file = (...users: unknown[]): string => JSON.stringify({ formatVersion: 1, users });

for (const [what, text, reason] of [
  ['nothing', '', /not JSON/],
  ['a cut one', file(row).slice(0, -10), /not JSON/],
  ['a list', '[]', /not an object/],
  ['another version', '{"formatVersion":2,"users":[]}', /formatVersion 2, this version knows only 1/],
  ['no users', file(), /no users/],
  ['a user of nothing', file(null), /user 1: something is missing/],
  ['a user without a hash', file({ ...row, hash: undefined }), /user 1: something is missing/],
  ['a number for a name', file({ ...row, username: 1 }), /user 1: something is missing/],
  ['a name twice', file(row, row), /user 2: the name is there twice/],
  ['a name with a colon', file({ ...row, username: 'a:b' }), /user 1: the name has a colon/],
  ['a format nobody knows', file({ ...row, format: 'rot13' }), /user 1: the format/],
  ['a format that takes for ever', file({ ...row, format: 'scrypt,1048576,8,64,32' }), /user 1: the format/],
  ['a hash of another length', file({ ...row, hash: 'cd' }), /user 1: the hash/],
  ['no salt', file({ ...row, salt: '' }), /user 1: there is no salt/],
] as const) {
  test(`a document with ${what} is refused, with place and reason`, (t) => {
    const document = new MemoryDocument(Buffer.from(text));
    const error = t.throws<BrokerError>(() => readUsers(document));
    t.is(error.code, 'DATA_DIR_FAILED');
    t.true(error.message.startsWith(document.where));
    t.true(reason.source.includes('version') || error.message.endsWith('; restore it'));
    t.regex(error.message, reason);
    t.notRegex(error.message, /cdcd|abab/);
    t.is(document.text, text);
  });
}

test('what cannot be read or written is an error that names it', async (t) => {
  const document = new MemoryDocument(Buffer.alloc(USERS_FILE_BYTES_MAX + 1));
  const error = t.throws<BrokerError>(() => readUsers(document));
  t.is(error.code, 'DATA_DIR_FAILED');
  t.regex(error.message, /^the document cannot be read: too long; restore it$/);
  document.failure = 'the disk is full';
  const written = writeUsers(document, new Map([['admin', record('')]]));
  await t.throwsAsync(written, { message: 'the document cannot be written: the disk is full' });
});

/** What `password_hash` may say, and which stored passwords are of use. */
import test from 'ava';
import { isSlow, parseHashFormat, problemOf } from '../../../src/passwords/hash-format.js';

const HEX32 = 'a'.repeat(32);
const BCRYPT = '$2a$10$xzgkx9N6sqjrSLrzVgSuteFqhM2jpSCDoMzjTBMEpqPGZKuGCJ8ne';

for (const text of [
  'plain',
  'md5',
  'sha',
  'sha256',
  'salt,md5',
  'salt,sha',
  'salt,sha256',
  'md5,salt',
  'sha,salt',
  'sha256,salt',
  'salt,bcrypt',
  'pbkdf2,md5,1,1',
  'pbkdf2,ripemd160,1000,20',
  'pbkdf2,sha,1000,20',
  'pbkdf2,sha224,1000,28',
  'pbkdf2,sha256,20000,32',
  'pbkdf2,sha384,1000,48',
  'pbkdf2,sha512,1000000,128',
  'scrypt,2,1,1,1',
  'scrypt,32768,8,3,32',
  'scrypt,32768,8,15,128',
]) {
  test(`${text} is a format and keeps its text`, (t) => {
    t.is(parseHashFormat(text).text, text);
  });
}

for (const text of [
  '',
  'Plain',
  'md4',
  'bcrypt',
  'bcrypt,salt',
  'salt',
  'salt,salt',
  'salt,plain',
  'salt,sha512',
  'a,b,c',
  'salt,sha256,x',
  'pbkdf2',
  'pbkdf2,sha256',
  'pbkdf2,sha256,1000',
  'pbkdf2,md4,1000,16',
  'pbkdf2,sha256,0,32',
  'pbkdf2,sha256,1000001,32',
  'pbkdf2,sha256,1e3,32',
  'pbkdf2,sha256,1000,0',
  'pbkdf2,sha256,1000,129',
  'pbkdf2,sha256,1000,32,1',
  'scrypt',
  'scrypt,16384,8,1',
  'scrypt,1,8,1,32',
  'scrypt,1000,8,1,32',
  'scrypt,16384,0,1,32',
  'scrypt,16384,8,1,0',
  'scrypt,65536,8,1,32',
  'scrypt,32768,8,16,32',
  'scrypt,2,1,67108864,32',
]) {
  test(`${JSON.stringify(text)} is no format, where EMQ would compare plain text`, (t) => {
    t.throws(() => parseHashFormat(text));
  });
}

test('blanks around the words of a format do not count', (t) => {
  t.is(parseHashFormat(' salt , sha256 ').text, 'salt,sha256');
});

test('only bcrypt, pbkdf2 and scrypt are slow', (t) => {
  t.deepEqual(
    ['plain', 'sha256', 'salt,md5', 'salt,bcrypt', 'pbkdf2,sha,1,1', 'scrypt,2,1,1,1'].map((text) =>
      isSlow(parseHashFormat(text)),
    ),
    [false, false, false, true, true, true],
  );
});

test('a stored password must fit its format', (t) => {
  const problem = (text: string, salt: string, hash: string): string | null =>
    problemOf({ format: parseHashFormat(text), salt, hash });
  t.is(problem('plain', '', 'anything'), null);
  t.truthy(problem('plain', 'salt', 'anything'));
  t.is(problem('md5', '', HEX32), null);
  t.truthy(problem('md5', 'salt', HEX32));
  t.truthy(problem('md5', '', HEX32.toUpperCase()));
  t.truthy(problem('md5', '', `${HEX32}aa`));
  t.truthy(problem('md5', '', 'zz'.repeat(16)));
  t.is(problem('salt,md5', 'salt', HEX32), null);
  t.truthy(problem('md5,salt', '', HEX32));
  t.is(problem('pbkdf2,sha,1000,16', 'salt', HEX32), null);
  t.truthy(problem('pbkdf2,sha,1000,16', '', HEX32));
  t.truthy(problem('pbkdf2,sha,1000,20', 'salt', HEX32));
  t.is(problem('salt,bcrypt', '', BCRYPT), null);
  t.is(problem('salt,bcrypt', BCRYPT.slice(0, 29), BCRYPT), null);
  t.is(problem('salt,bcrypt', BCRYPT, BCRYPT), null);
  t.truthy(problem('salt,bcrypt', 'salt', BCRYPT));
  t.truthy(problem('salt,bcrypt', '', BCRYPT.slice(1)));
});

test('a stored cost that would block a thread for hours is refused', (t) => {
  const format = parseHashFormat('salt,bcrypt');
  t.truthy(problemOf({ format, salt: '', hash: BCRYPT.replace('$10$', '$31$') }));
  t.truthy(problemOf({ format, salt: BCRYPT.replace('$10$', '$15$'), hash: BCRYPT }));
  t.is(problemOf({ format, salt: '', hash: BCRYPT.replace('$10$', '$14$') }), null);
});

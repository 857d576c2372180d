/** Hashes against values made by other programs, and what no format may confuse. */
import test from 'ava';
import fc from 'fast-check';
import { equalTexts, hashPassword, newSalt, problemOfPassword, saltOf } from '../../../src/passwords/hash.js';
import { parseHashFormat, problemOf } from '../../../src/passwords/hash-format.js';

const public_ = Buffer.from('public');

/** By md5sum, sha1sum, sha256sum, Python's hashlib and crypt(3). */
const KNOWN: readonly [format: string, salt: string, hash: string][] = [
  ['plain', '', 'public'],
  ['md5', '', '4c9184f37cff01bcdc32dc486ec36961'],
  ['sha', '', '61c9b2b17db77a27841bbeeabff923448b0f6388'],
  ['sha256', '', 'efa1f375d76194fa51a3556a97e641e61685f914d446979da50a551a4333ffd7'],
  ['salt,sha256', 'abc', '3ca340d6d0eca5f583d2d428dcf4597bdd102d963b9f785e742e3bbc0268c794'],
  ['sha256,salt', 'abc', '1430ed6edb10ffb534863299bda435dbc1f7712b832be729118dd6afa679f8d7'],
  ['pbkdf2,sha256,1000,32', 'abc', '62b758bdf5ec1dc34d8789134ea1759684219ccd3703777bb9114e4a020b827b'],
  ['scrypt,1024,8,2,32', 'abc', '19a4734d913ecb218390621ec7ff637bdcaeb8363a2280bd934cfb00260cb132'],
  [
    'salt,bcrypt',
    '$2y$05$abcdefghijklmnopqrstuu',
    '$2y$05$abcdefghijklmnopqrstuuwwPIUV0aLdd4MRrWIJ1GQ9qm/ci/n7y',
  ],
];

for (const [text, salt, hash] of KNOWN) {
  test(`${text}: the hash is that of other programs`, (t) => {
    t.is(hashPassword(public_, parseHashFormat(text), salt), hash);
  });
}

test('a whole bcrypt hash works as salt', (t) => {
  const format = parseHashFormat('salt,bcrypt');
  const hash = hashPassword(public_, format, '$2a$04$abcdefghijklmnopqrstuu')!;
  t.is(hashPassword(public_, format, saltOf({ format, salt: '', hash })), hash);
});

test('bcrypt: what could be taken for another password has no hash', (t) => {
  const format = parseHashFormat('salt,bcrypt');
  const hash = (password: Uint8Array): string | null =>
    hashPassword(password, format, '$2a$04$abcdefghijklmnopqrstuu');
  t.is(hash(Buffer.from('a\0a')), null);
  t.is(hash(Buffer.from([0xff])), null);
  t.truthy(problemOfPassword(Buffer.alloc(73, 'a'), format));
  t.is(problemOfPassword(Buffer.alloc(72, 'a'), format), null);
  t.truthy(problemOfPassword(Buffer.from('a\0a'), format));
});

test('pbkdf2: NULs at the end, which HMAC does not see, are no hash', (t) => {
  const format = parseHashFormat('pbkdf2,sha256,1,32');
  t.is(hashPassword(Buffer.from('a\0'), format, 'salt'), null);
  t.truthy(problemOfPassword(Buffer.from('a\0'), format));
  t.truthy(hashPassword(Buffer.from('a\0a'), format, 'salt'));
});

test('plain: bytes that are no text have no hash', (t) => {
  const format = parseHashFormat('plain');
  t.is(hashPassword(Buffer.from([0xff]), format, ''), null);
  t.truthy(problemOfPassword(Buffer.from([0xff]), format));
});

test('an empty password is stored in no format', (t) => {
  for (const text of ['plain', 'sha256', 'pbkdf2,sha,1,1']) {
    t.truthy(problemOfPassword(new Uint8Array(0), parseHashFormat(text)));
  }
});

for (const text of ['plain', 'md5', 'salt,sha', 'sha256,salt', 'pbkdf2,sha512,2,64', 'scrypt,2,1,1,16']) {
  test(`${text}: two passwords have the same hash only if they are the same`, (t) => {
    const format = parseHashFormat(text);
    const password = fc.oneof(
      fc.string({ unit: 'binary' }).map((word) => Buffer.from(word)),
      fc.uint8Array({ maxLength: 100 }),
    );
    fc.assert(
      fc.property(password, password, (a, b) => {
        const salt = newSalt(format);
        const [ha, hb] = [hashPassword(a, format, salt), hashPassword(b, format, salt)];
        if (ha === null || hb === null) return;
        t.is(equalTexts(ha, hb), Buffer.compare(a, b) === 0);
        if (text !== 'plain') t.is(problemOf({ format, salt, hash: ha }), null);
      }),
      { numRuns: 100 },
    );
  });
}

test('no two salts are the same', (t) => {
  for (const text of ['salt,sha256', 'salt,bcrypt', 'pbkdf2,sha,1,1']) {
    t.not(newSalt(parseHashFormat(text)), newSalt(parseHashFormat(text)));
  }
  t.is(newSalt(parseHashFormat('sha256')), '');
});

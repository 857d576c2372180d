/**
 * How a stored password was hashed, in the words of EMQ's `password_hash` settings: `plain`, `md5`, `sha`, `sha256`,
 * these with `salt,` before or `,salt` behind, `salt,bcrypt` and `pbkdf2,MAC,ITERATIONS,BYTES`; and `scrypt,N,R,P,BYTES`,
 * which EMQ does not have. Any thread.
 */
import {
  BCRYPT_COST_MAX,
  PBKDF2_ITERATIONS_MAX,
  PBKDF2_KEY_BYTES_MAX,
  SCRYPT_MEMORY_BYTES_MAX,
  SCRYPT_WORK_BYTES_MAX,
} from '../limits.js';

export type HashFormat = PlainFormat | DigestFormat | BcryptFormat | Pbkdf2Format | ScryptFormat;

interface PlainFormat {
  readonly kind: 'plain';
  readonly text: string;
}

interface DigestFormat {
  readonly kind: 'digest';
  readonly text: string;
  /** As OpenSSL calls it. */
  readonly digest: string;
  /** Where the salt stands when salt and password are hashed as one. */
  readonly salt: 'none' | 'before' | 'after';
}

interface BcryptFormat {
  readonly kind: 'bcrypt';
  readonly text: string;
}

interface Pbkdf2Format {
  readonly kind: 'pbkdf2';
  readonly text: string;
  readonly digest: string;
  readonly iterations: number;
  readonly keyBytes: number;
}

interface ScryptFormat {
  readonly kind: 'scrypt';
  readonly text: string;
  /** N: a power of two, of at least 2. */
  readonly cost: number;
  /** r. */
  readonly blockSize: number;
  /** p. */
  readonly parallelization: number;
  readonly keyBytes: number;
}

/** What is kept of a password. `salt` is empty where the format has none. */
export interface StoredPassword {
  readonly format: HashFormat;
  readonly salt: string;
  readonly hash: string;
}

/** EMQ's names, of which `sha` is SHA-1; and the bytes of each digest. */
const DIGESTS: ReadonlyMap<string, { readonly digest: string; readonly bytes: number }> = new Map([
  ['md5', { digest: 'md5', bytes: 16 }],
  ['sha', { digest: 'sha1', bytes: 20 }],
  ['sha256', { digest: 'sha256', bytes: 32 }],
]);
const MACS: ReadonlyMap<string, string> = new Map([
  ['md5', 'md5'],
  ['ripemd160', 'ripemd160'],
  ['sha', 'sha1'],
  ['sha224', 'sha224'],
  ['sha256', 'sha256'],
  ['sha384', 'sha384'],
  ['sha512', 'sha512'],
]);
const FORMS =
  'plain, md5, sha, sha256, "salt,sha256", "sha256,salt", "salt,bcrypt", "pbkdf2,sha256,20000,32", "scrypt,32768,8,3,32"';
const BCRYPT_HASH = /^\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}$/;
const BCRYPT_SALT = /^\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{22}/;

/**
 * EMQ takes every text that it does not know for `plain`; here it is an error, as is md4, which OpenSSL no longer has.
 * @throws Error that says what is wrong
 */
export function parseHashFormat(text: string): HashFormat {
  const words = text.split(',').map((word) => word.trim());
  const format = parseWords(words);
  if (format === null) throw new Error(`must be one of ${FORMS}`);
  return format;
}

function parseWords(words: readonly string[]): HashFormat | null {
  if (words[0] === 'pbkdf2') return parsePbkdf2(words);
  return words[0] === 'scrypt' ? parseScrypt(words) : parseShort(words);
}

function parseShort(words: readonly string[]): HashFormat | null {
  const [first = '', second] = words;
  const text = words.join(',');
  if (words.length > 2) return null;
  if (text === 'plain') return { kind: 'plain', text };
  if (text === 'salt,bcrypt') return { kind: 'bcrypt', text };
  if (second === undefined) return digestFormat(text, first, 'none');
  if (first === 'salt') return digestFormat(text, second, 'before');
  return second === 'salt' ? digestFormat(text, first, 'after') : null;
}

function digestFormat(text: string, name: string, salt: DigestFormat['salt']): HashFormat | null {
  const known = DIGESTS.get(name);
  return known === undefined ? null : { kind: 'digest', text, digest: known.digest, salt };
}

function parsePbkdf2(words: readonly string[]): HashFormat | null {
  const [, mac = '', iterationsText = '', bytesText = ''] = words;
  if (words.length !== 4) return null;
  const digest = MACS.get(mac);
  if (digest === undefined) throw new Error(`pbkdf2 knows ${[...MACS.keys()].join(', ')}, not ${mac}`);
  const iterations = wholeNumber(iterationsText, PBKDF2_ITERATIONS_MAX);
  if (iterations === null) throw new Error(`iterations of pbkdf2 must be 1 to ${PBKDF2_ITERATIONS_MAX}`);
  const keyBytes = wholeNumber(bytesText, PBKDF2_KEY_BYTES_MAX);
  if (keyBytes === null) throw new Error(`bytes of pbkdf2 must be 1 to ${PBKDF2_KEY_BYTES_MAX}`);
  return { kind: 'pbkdf2', text: `pbkdf2,${mac},${iterations},${keyBytes}`, digest, iterations, keyBytes };
}

function parseScrypt(words: readonly string[]): HashFormat | null {
  const [, costText = '', blockText = '', parallelText = '', bytesText = ''] = words;
  if (words.length !== 5) return null;
  const cost = wholeNumber(costText, SCRYPT_MEMORY_BYTES_MAX);
  const blockSize = wholeNumber(blockText, SCRYPT_MEMORY_BYTES_MAX);
  const parallelization = wholeNumber(parallelText, SCRYPT_MEMORY_BYTES_MAX);
  const keyBytes = wholeNumber(bytesText, PBKDF2_KEY_BYTES_MAX);
  if (cost === null || blockSize === null || parallelization === null || keyBytes === null) return null;
  if (cost < 2 || !Number.isInteger(Math.log2(cost))) throw new Error('N of scrypt must be a power of two');
  const format: ScryptFormat = {
    kind: 'scrypt',
    text: `scrypt,${cost},${blockSize},${parallelization},${keyBytes}`,
    cost,
    blockSize,
    parallelization,
    keyBytes,
  };
  const bytes = scryptBytes(format);
  if (bytes > SCRYPT_MEMORY_BYTES_MAX) throw new Error('scrypt would need too much memory');
  if (bytes * parallelization > SCRYPT_WORK_BYTES_MAX) throw new Error('scrypt would take too long');
  return format;
}

/** Memory that one hash takes: what OpenSSL counts. */
export function scryptBytes({ cost, blockSize, parallelization }: ScryptFormat): number {
  return 128 * blockSize * (cost + parallelization + 2);
}

function wholeNumber(text: string, max: number): number | null {
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : 0;
  return value >= 1 && value <= max ? value : null;
}

/** Whether one hash costs so much that it must not run on a thread with anything else to do. */
export function isSlow(format: HashFormat): boolean {
  return format.kind === 'bcrypt' || format.kind === 'pbkdf2' || format.kind === 'scrypt';
}

/**
 * Whether a password could be equal to what is stored at all; a row of a database may hold anything, also what would
 * keep a thread busy for hours.
 * @returns what is wrong, without the values; null if nothing is
 */
export function problemOf({ format, salt, hash }: StoredPassword): string | null {
  switch (format.kind) {
    case 'plain':
      return salt === '' ? null : 'there is a salt that nothing uses';
    case 'digest':
      if ((salt === '') !== (format.salt === 'none')) return 'the salt does not fit the format';
      return problemOfHex(hash, bytesOf(format.digest));
    case 'bcrypt': {
      const cost = BCRYPT_HASH.exec(hash)?.[1];
      if (cost === undefined) return 'the hash is not one of bcrypt';
      if (salt !== '' && !BCRYPT_SALT.test(salt)) return 'the salt is not one of bcrypt';
      return problemOfCost(salt === '' ? cost : BCRYPT_SALT.exec(salt)![1]!);
    }
    case 'pbkdf2':
    case 'scrypt':
      return salt === '' ? 'there is no salt' : problemOfHex(hash, format.keyBytes);
  }
}

function bytesOf(digest: string): number {
  for (const known of DIGESTS.values()) if (known.digest === digest) return known.bytes;
  return 0;
}

function problemOfHex(hash: string, bytes: number): string | null {
  return hash.length === bytes * 2 && /^[0-9a-f]*$/.test(hash)
    ? null
    : `the hash is not ${bytes} bytes in lower-case hex`;
}

function problemOfCost(cost: string): string | null {
  return Number(cost) >= 4 && Number(cost) <= BCRYPT_COST_MAX
    ? null
    : `the cost of bcrypt is not within 4 to ${BCRYPT_COST_MAX}`;
}

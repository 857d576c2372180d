/**
 * Hashes of passwords, and their comparison. Slow formats (`isSlow`) hold the thread for milliseconds to a second: they
 * are for the threads of `HashPool` only.
 */
import { isUtf8 } from 'node:buffer';
import { createHash, createHmac, pbkdf2Sync, randomBytes, scryptSync, timingSafeEqual } from 'node:crypto';
import { genSaltSync, hashSync } from 'bcryptjs';
import { BCRYPT_COST, PASSWORD_SALT_BYTES } from '../limits.js';
import { type HashFormat, type StoredPassword, scryptBytes } from './hash-format.js';

/** Bytes of a password that bcrypt looks at. */
const BCRYPT_PASSWORD_BYTES_MAX = 72;
/** Algorithm, cost and salt: the beginning of every bcrypt hash. */
const BCRYPT_SALT_CHARS = 29;
const comparisonKey = randomBytes(32);

/**
 * @param salt of bcrypt: the salt with its head, or a whole hash
 * @returns null when the format cannot tell this password from others
 * @throws Error when the salt is of no use
 */
export function hashPassword(password: Uint8Array, format: HashFormat, salt: string): string | null {
  switch (format.kind) {
    case 'plain':
      return isUtf8(password) ? Buffer.from(password).toString('utf8') : null;
    case 'digest': {
      const hash = createHash(format.digest);
      if (format.salt === 'before') hash.update(salt);
      hash.update(password);
      if (format.salt === 'after') hash.update(salt);
      return hash.digest('hex');
    }
    case 'bcrypt':
      // The implementation takes text, and in bcrypt "a" and "a NUL a" are the same password.
      if (!isUtf8(password) || password.includes(0)) return null;
      return hashSync(Buffer.from(password).toString('utf8'), salt.slice(0, BCRYPT_SALT_CHARS));
    case 'pbkdf2':
      // To HMAC, NULs at the end are none.
      if (password.at(-1) === 0) return null;
      return pbkdf2Sync(password, salt, format.iterations, format.keyBytes, format.digest).toString('hex');
    case 'scrypt':
      // It begins and ends with PBKDF2.
      if (password.at(-1) === 0) return null;
      return scryptSync(password, salt, format.keyBytes, {
        N: format.cost,
        r: format.blockSize,
        p: format.parallelization,
        maxmem: scryptBytes(format),
      }).toString('hex');
  }
}

/** A salt for a password that is to be stored in this format; empty where it has none. */
export function newSalt(format: HashFormat): string {
  if (format.kind === 'bcrypt') return genSaltSync(BCRYPT_COST);
  const isUnsalted = format.kind === 'plain' || (format.kind === 'digest' && format.salt === 'none');
  return isUnsalted ? '' : randomBytes(PASSWORD_SALT_BYTES).toString('hex');
}

/** The salt that a password is hashed with to be compared with the stored one. */
export function saltOf({ format, salt, hash }: StoredPassword): string {
  return format.kind === 'bcrypt' && salt === '' ? hash : salt;
}

/** Why a password cannot be stored in this format; null if it can. Others could be taken for it. */
export function problemOfPassword(password: Uint8Array, format: HashFormat): string | null {
  if (password.length === 0) return 'it is empty';
  if (format.kind === 'plain' && !isUtf8(password)) return 'as plain text it must be valid UTF-8';
  const isDerived = format.kind === 'pbkdf2' || format.kind === 'scrypt';
  if (isDerived && password.at(-1) === 0) return `for ${format.kind} it must not end in NUL`;
  if (format.kind !== 'bcrypt') return null;
  if (!isUtf8(password) || password.includes(0)) return 'for bcrypt it must be valid UTF-8 without NUL';
  return password.length > BCRYPT_PASSWORD_BYTES_MAX
    ? `for bcrypt it must have ${BCRYPT_PASSWORD_BYTES_MAX} bytes at most`
    : null;
}

/** Whether two texts are the same, in a time that does not tell where they differ. */
export function equalTexts(a: string, b: string): boolean {
  return timingSafeEqual(digestOf(a), digestOf(b));
}

function digestOf(text: string): Buffer {
  return createHmac('sha256', comparisonKey).update(text).digest();
}

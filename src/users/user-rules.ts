/** What a user of the API may be called and may have as a password. Main thread. */
import { toUSVString } from 'node:util';
import { USER_NAME_BYTES_MAX, USER_PASSWORD_BYTES_MAX, USER_TAGS_BYTES_MAX } from '../limits.js';

/** EMQ's first password, which is in every manual. */
export const PUBLIC_PASSWORD = 'public';

/** @returns what is wrong with the name, as the end of a sentence; null if nothing is */
export function problemOfUsername(name: string): string | null {
  if (name === '') return 'the name is empty';
  if (!isUnicode(name)) return 'the name is not valid Unicode';
  if (Buffer.byteLength(name) > USER_NAME_BYTES_MAX) {
    return `the name has more than ${USER_NAME_BYTES_MAX} bytes`;
  }
  // HTTP Basic authentication ends a name at the first colon.
  return /[\p{Cc}:]/u.test(name) ? 'the name has a colon or a control character' : null;
}

/** @returns as above */
export function problemOfTags(tags: string): string | null {
  if (!isUnicode(tags)) return 'the tags are not valid Unicode';
  return Buffer.byteLength(tags) > USER_TAGS_BYTES_MAX
    ? `the tags have more than ${USER_TAGS_BYTES_MAX} bytes`
    : null;
}

/** @returns as above */
export function problemOfNewPassword(password: string): string | null {
  if (password === '') return 'the password is empty';
  if (!isUnicode(password)) return 'the password is not valid Unicode';
  if (isTooLong(password)) return `the password has more than ${USER_PASSWORD_BYTES_MAX} bytes`;
  return password.includes('\0') ? 'the password has a NUL' : null;
}

/** No user has such a password. */
export function isTooLong(password: string): boolean {
  return Buffer.byteLength(password) > USER_PASSWORD_BYTES_MAX;
}

/** A surrogate that stands alone would become another text on its way to the disk. */
const isUnicode = (text: string): boolean => toUSVString(text) === text;

/** The users of the API as they are kept: one small document, whole or not at all. Main thread. */

import type { Documents, MainDocument } from '../base/document.js';
import { BrokerError, messageOf } from '../base/errors.js';
import { USERS_FILE_BYTES_MAX, USERS_MAX } from '../limits.js';
import {
  type HashFormat,
  parseHashFormat,
  problemOf,
  type StoredPassword,
} from '../passwords/hash-format.js';
import { problemOfTags, problemOfUsername } from './user-rules.js';

const FORMAT_VERSION = 1;

/** What is kept of a user. Never changed: a change puts another one in its place. */
export interface UserRecord {
  readonly tags: string;
  readonly password: StoredPassword;
  /** It is the password that everybody knows. */
  readonly isPublic: boolean;
}

export type UserTable = ReadonlyMap<string, UserRecord>;

/** @returns the names of those whose password everybody knows */
export function publicUsersOf(users: UserTable): readonly string[] {
  return [...users].filter(([, { isPublic }]) => isPublic).map(([username]) => username);
}

/** One user as the document has it. */
interface Row {
  readonly username: string;
  readonly tags: string;
  readonly format: string;
  readonly salt: string;
  readonly hash: string;
  readonly isPublic: boolean;
}

/** What keeps the users. */
export function usersIn(store: Documents): MainDocument {
  return store.document('users', 'users.json');
}

/** @returns null where there is none. @throws BrokerError DATA_DIR_FAILED: nobody could say who may come in */
export function readUsers(document: MainDocument): UserTable | null {
  let bytes: Buffer | null;
  try {
    bytes = document.read(USERS_FILE_BYTES_MAX);
  } catch (error) {
    throw failed(document, `cannot be read: ${messageOf(error)}; ${document.remedy}`);
  }
  return bytes === null ? null : parseUsers(document, bytes.toString());
}

/** @throws BrokerError DATA_DIR_FAILED; those before are still kept then */
export async function writeUsers(document: MainDocument, users: UserTable): Promise<void> {
  const rows = [...users].map(([username, { tags, password, isPublic }]): Row => {
    const { format, salt, hash } = password;
    return { username, tags, format: format.text, salt, hash, isPublic };
  });
  try {
    await document.write(`${JSON.stringify({ formatVersion: FORMAT_VERSION, users: rows }, null, 1)}\n`);
  } catch (error) {
    throw failed(document, `cannot be written: ${messageOf(error)}`);
  }
}

function parseUsers(document: MainDocument, text: string): UserTable {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged(document, 'it is not JSON');
  }
  if (!isRecord(value)) throw damaged(document, 'it is not an object');
  const { formatVersion, users: rows } = value;
  if (formatVersion !== FORMAT_VERSION) {
    const found = JSON.stringify(formatVersion);
    throw failed(document, `has formatVersion ${found}, this version knows only ${FORMAT_VERSION}`);
  }
  if (!Array.isArray(rows) || rows.length === 0) throw damaged(document, 'it has no users');
  if (rows.length > USERS_MAX) throw damaged(document, `it has more than ${USERS_MAX} users`);
  const users = new Map<string, UserRecord>();
  const formats = new Map<string, HashFormat>();
  for (const [at, row] of rows.entries()) {
    const problem = isRow(row) ? take(row, users, formats) : 'something is missing';
    if (problem !== null) throw damaged(document, `user ${at + 1}: ${problem}`);
  }
  return users;
}

/** @returns what is wrong, where something is */
function take(row: Row, users: Map<string, UserRecord>, formats: Map<string, HashFormat>): string | null {
  const { username, tags, format: formatText, salt, hash, isPublic } = row;
  if (users.has(username)) return 'the name is there twice';
  const problem = problemOfUsername(username) ?? problemOfTags(tags);
  if (problem !== null) return problem;
  let format = formats.get(formatText);
  try {
    format ??= parseHashFormat(formatText);
  } catch {
    return 'the format of the password is unknown';
  }
  formats.set(formatText, format);
  const password = { format, salt, hash };
  users.set(username, { tags, password, isPublic });
  return problemOf(password);
}

function isRow(row: unknown): row is Row {
  if (!isRecord(row) || typeof row['isPublic'] !== 'boolean') return false;
  return ['username', 'tags', 'format', 'salt', 'hash'].every((key) => typeof row[key] === 'string');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function damaged(document: MainDocument, what: string): BrokerError {
  return failed(document, `is damaged (${what}); ${document.remedy}`);
}

function failed({ where }: MainDocument, what: string): BrokerError {
  return new BrokerError('DATA_DIR_FAILED', `${where} ${what}`);
}

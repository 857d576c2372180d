/**
 * Which client published a message, in the form in which messages keep it and take it to other shards. Any thread.
 */
import type { Branded } from './ids.js';

/**
 * A client's names as bytes in UTF-8, a character for each: its ClientId, then, if it has a user name, U+0000 and that.
 * So its length is what it takes, and it is written and read in one call. No ClientId contains U+0000 [MQTT-1.5.4-2].
 */
export type Author = Branded<string, 'Author'>;

export interface AuthorNames {
  /** Null: the broker itself, or nobody has kept it. */
  readonly clientId: string | null;
  readonly username: string | null;
}

export const asAuthor = (text: string): Author => text as Author;

export function authorOf(clientId: string, username: string | null): Author {
  const names = username === null ? clientId : `${clientId}\0${username}`;
  return asAuthor(Buffer.from(names, 'utf8').toString('latin1'));
}

/** For hooks; costs some 200 ns. */
export function namesOf(author: Author | null): AuthorNames {
  if (author === null) return NOBODY;
  const names = Buffer.from(author, 'latin1').toString('utf8');
  const end = names.indexOf('\0');
  if (end < 0) return { clientId: names, username: null };
  return { clientId: names.slice(0, end), username: names.slice(end + 1) };
}

const NOBODY: AuthorNames = { clientId: null, username: null };

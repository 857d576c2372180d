/** The rule about sessions: one that the broker has confirmed is there, and one that has ended is not. */
import type { Book, Connection } from './book.js';

/** An expired session is gone this long after its time at the latest, the broker's restart included. */
const EXPIRY_GRACE_US = 4_000_000;

export function wrongSessions(book: Book): string[] {
  return [...book.connections].flatMap(([client, all]) => wrongOf(book, client, all));
}

function wrongOf(book: Book, client: string, all: readonly Connection[]): string[] {
  const wrong: string[] = [];
  /** The last connection that got a CONNACK; its session is what the next one may find. */
  let before: Connection | null = null;
  let isConfirmed = false;
  /** One session has followed another, and nothing says that the broker has noted it. */
  let isUnsure = false;
  for (const connection of all) {
    if (connection.connectedUs === Infinity) {
      // The broker may have taken it, and ended or begun a session.
      isUnsure = true;
      if (connection.isClean) isConfirmed = false;
      continue;
    }
    const { isClean, isPresent } = connection;
    if (isClean && isPresent) wrong.push(`${client}: present after a clean start`);
    if (!isClean && isPresent && !isUnsure && mustBeGone(book, before, connection)) {
      wrong.push(`${client}: present, and ought to have ended`);
    }
    if (!isClean && !isPresent && isConfirmed && mustBeThere(before, connection)) {
      wrong.push(`${client}: a session that was confirmed is gone`);
    }
    if (!isPresent) isConfirmed = false;
    isConfirmed ||= connection.confirmedUs !== Infinity;
    isUnsure = !isConfirmed;
    before = connection;
  }
  return wrong;
}

function mustBeThere(before: Connection | null, { connectedUs }: Connection): boolean {
  if (before === null) return false;
  return before.expirySeconds > 0 && connectedUs - before.closedUs < before.expirySeconds * 1_000_000;
}

function mustBeGone(book: Book, before: Connection | null, { connectingUs }: Connection): boolean {
  if (before === null) return true;
  // Who was connected when the broker died counts as absent from its start on.
  const fromUs = Math.max(before.closedUs, book.readyBefore(connectingUs));
  return connectingUs - fromUs > before.expirySeconds * 1_000_000 + EXPIRY_GRACE_US;
}

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
  /** The end of the last connection in which the broker acknowledged something: of it the store knows. */
  let notedUs = 0;
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
    if (!isClean && !isPresent && isConfirmed && mustBeThere(book, before, notedUs, connection)) {
      wrong.push(`${client}: a session that was confirmed is gone`);
    }
    if (!isPresent) isConfirmed = false;
    isConfirmed ||= connection.confirmedUs !== Infinity;
    isUnsure = !isConfirmed;
    if (connection.confirmedUs !== Infinity) notedUs = connection.closedUs;
    before = connection;
  }
  return wrong;
}

/** A broker that died may have forgotten connections in which it acknowledged nothing: absence began before them. */
function mustBeThere(
  book: Book,
  before: Connection | null,
  notedUs: number,
  { connectedUs }: Connection,
): boolean {
  if (before === null) return false;
  const { closedUs, expirySeconds } = before;
  const hasDied = book.hasCrashWithin(before.connectingUs, connectedUs);
  const awayUs = connectedUs - (hasDied ? Math.min(notedUs, closedUs) : closedUs);
  return expirySeconds > 0 && awayUs < expirySeconds * 1_000_000;
}

function mustBeGone(book: Book, before: Connection | null, { connectingUs }: Connection): boolean {
  if (before === null) return true;
  // Who was connected when the broker died counts as absent from its start on.
  const fromUs = Math.max(before.closedUs, book.readyBefore(connectingUs));
  return connectingUs - fromUs > before.expirySeconds * 1_000_000 + EXPIRY_GRACE_US;
}

/**
 * The rules about wills. Each has a topic of its own, no delay, and a witness who has subscribed to all of them before
 * and stays.
 */
import type { Book, Connection } from './book.js';

/** A will is kept this long after CONNACK at the latest, and a DISCONNECT is noted. */
const NOTED_US = 700_000;
/** Back within this time of the start, with a margin: the will of a connection that the crash ended is not due. */
const BACK_US = 3_500_000;
/** After this time, with a margin, it was due before the client came back. */
const DUE_US = 8_000_000;
/** A connection may notice its end this long after the crash. */
const LOST_US = 1_000_000;

type Due = 'yes' | 'no' | 'maybe';

export function missingWills(book: Book): string[] {
  return judged(book, 'yes', (times) => times === 0);
}

export function unaskedWills(book: Book): string[] {
  return judged(book, 'no', (times) => times > 0);
}

function judged(book: Book, due: Due, isWrong: (times: number) => boolean): string[] {
  const published = new Map<string, number>();
  for (const { topic } of book.receipts) published.set(topic, (published.get(topic) ?? 0) + 1);
  return [...book.connections.values()].flatMap((all) =>
    all.flatMap((connection, i) => {
      const { will, client } = connection;
      if (will === null || dueness(book, connection, all[i + 1]) !== due) return [];
      const times = published.get(will.topic) ?? 0;
      return isWrong(times) ? [`${will.topic} of ${client}: published ${times} times`] : [];
    }),
  );
}

function dueness(book: Book, connection: Connection, next: Connection | undefined): Due {
  const { connectedUs, closedUs, how, confirmedUs } = connection;
  if (connectedUs === Infinity) return 'maybe';
  if (closedUs === Infinity) return 'no';
  if (how === 'left') return book.hasCrashWithin(closedUs - LOST_US, closedUs + NOTED_US) ? 'maybe' : 'no';
  // A shard that is about to die still takes connections.
  const isNoted =
    confirmedUs !== Infinity || !book.hasCrashWithin(connectedUs - LOST_US, connectedUs + NOTED_US);
  const crashUs = book.crashesUs.findLast((crash) => crash <= closedUs && closedUs - crash < LOST_US);
  if (how === 'dropped' && next === undefined) return isNoted ? 'yes' : 'maybe';
  if (how === 'dropped' || crashUs === undefined) return 'maybe';
  const readyUs = book.readyUs.find((ready) => ready > crashUs) ?? Infinity;
  const backUs = (next?.connectedUs ?? Infinity) - readyUs;
  if (isNoted && backUs > DUE_US) return 'yes';
  const isCrashedAgain = book.hasCrashWithin(readyUs, readyUs + DUE_US);
  return backUs < BACK_US && !isCrashedAgain ? 'no' : 'maybe';
}

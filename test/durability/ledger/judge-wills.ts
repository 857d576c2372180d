/**
 * The rules about wills. Each has a topic of its own, no delay, and a witness who has subscribed to all of them before
 * and stays.
 *
 * CONNACK does not wait for the store, and no packet says that a DISCONNECT has come. A will goes with the next commit.
 * Commits are a prefix of history, so it is promised from the first acknowledgement after CONNACK that needs one, or
 * when the connection has stood while commits succeeded: its shard acknowledged something of somebody that was sent
 * later, or there was a while in which nobody died. That is long, for a busy machine takes its time for a commit. A
 * DISCONNECT, which nothing acknowledges, is sure after such a while.
 */
import type { Book, Connection } from './book.js';

/** While nobody dies, a will is kept this long after CONNACK at the latest, and a DISCONNECT is noted. */
const NOTED_US = 3_000_000;
/** Back within this time of the start, with a margin: the will of a connection that the crash ended is not due. */
const BACK_US = 3_500_000;
/**
 * After this time, with a margin, it was due before the client came back. Until then nobody can say that it is missing.
 */
export const DUE_US = 8_000_000;
/**
 * On a busy machine a connection may notice its end this long after the crash, and a shard that is about to die still
 * takes some.
 */
const LOST_US = 3_000_000;

type Due = 'yes' | 'no' | 'maybe';

export function missingWills(book: Book): string[] {
  return judged(book, 'yes', (times) => times === 0);
}

export function unaskedWills(book: Book): string[] {
  return judged(book, 'no', (times) => times > 0);
}

/**
 * With QoS 2 twice is a fault as of any message. With QoS 1 the broker may have sent it when it dies, and not yet
 * stored that it has: then it comes again after the start, and only then.
 */
export function repeatedWills(book: Book): string[] {
  const isWill = new Set([...book.connections.values()].flat().map(({ will }) => will?.topic));
  const before = new Map<string, number>();
  return book.receipts.flatMap(({ topic, client, qos, atUs }) => {
    if (!isWill.has(topic) || qos !== 1) return [];
    const beforeUs = before.get(topic);
    before.set(topic, atUs);
    const isCalm = beforeUs !== undefined && !book.hasCrashWithin(beforeUs - LOST_US, atUs);
    return isCalm && !book.hasLeftWithin(client, beforeUs, atUs) ? [`${topic} at ${client}`] : [];
  });
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
  const { connectingUs, connectedUs, closedUs, how, confirmedUs } = connection;
  if (connectedUs === Infinity) return 'maybe';
  if (closedUs === Infinity) return 'no';
  if (how === 'left') return book.isCalm(closedUs - LOST_US, closedUs + NOTED_US) ? 'no' : 'maybe';
  // From CONNECT on: a busy client reads its CONNACK when the broker may have died long ago.
  const hasStood = book.isCalm(connectingUs - LOST_US, connectedUs + NOTED_US);
  const isNoted = confirmedUs !== Infinity || hasStood || book.isStored(connection);
  const crashUs = book.crashesUs.findLast((crash) => crash <= closedUs && closedUs - crash < LOST_US);
  if (how === 'dropped' || crashUs === undefined) return isNoted && next === undefined ? 'yes' : 'maybe';
  const readyUs = book.readyUs.find((ready) => ready > crashUs) ?? Infinity;
  const backUs = (next?.connectedUs ?? Infinity) - readyUs;
  if (isNoted && backUs > DUE_US) return 'yes';
  const isCrashedAgain = book.hasCrashWithin(readyUs, readyUs + DUE_US);
  return backUs < BACK_US && !isCrashedAgain ? 'no' : 'maybe';
}

/** The rules about the order in which messages come, and how often. */
import { isShared } from './arrivals.js';
import { type Book, matches, plainFilter, type Receipt, type SentMessage } from './book.js';

/**
 * At QoS 1 a message comes again only after a crash, to a client that is back, or when its publisher was and sent it
 * again: nobody may send it again at another time [MQTT-4.4.0-1].
 */
export function repeated(book: Book): string[] {
  const shared = sharers(book);
  const before = new Map<string, number>();
  const wrong: string[] = [];
  for (const { client, session, key, qos, isRetained, atUs } of book.receipts) {
    const message = book.messages.get(key);
    if (qos !== 1 || isRetained || shared.has(client) || message === undefined) continue;
    const name = `${key} at ${client} (session ${session})`;
    const beforeUs = before.get(name);
    before.set(name, atUs);
    if (beforeUs === undefined || book.hasLeftWithin(client, beforeUs, atUs)) continue;
    if (!isSentAgain(book, message, atUs)) wrong.push(name);
  }
  return wrong;
}

/** The broker may have forgotten it, or got it once more, until then. */
function isSentAgain(book: Book, { publisher, sentUs }: SentMessage, untilUs: number): boolean {
  return book.hasCrashWithin(sentUs, untilUs) || book.hasLeftWithin(publisher, sentUs, untilUs);
}

/** Members of groups: what one has not taken another gets. */
function sharers(book: Book): Set<string> {
  return new Set(book.subscriptions.filter(({ filter }) => isShared(filter)).map(({ client }) => client));
}

export function outOfOrder(book: Book): string[] {
  const shared = sharers(book);
  const latest = new Map<string, number>();
  const seen = new Set<string>();
  const wrong: string[] = [];
  for (const receipt of book.receipts) {
    const { client, session, key, topic, seq, qos, isRetained } = receipt;
    if (isRetained || shared.has(client)) continue;
    const name = `${client} (session ${session})`;
    if (seen.has(`${key} ${name}`)) continue;
    seen.add(`${key} ${name}`);
    const stream = `${name} ${topic} ${qos}`;
    const before = latest.get(stream) ?? -1;
    if (seq < before && isInTime(book, receipt)) {
      wrong.push(`${key} after ${before} at ${name}`);
    }
    latest.set(stream, Math.max(before, seq));
  }
  return wrong;
}

/**
 * It ought to have come before later ones. Not so what was sent again, and a subscription was not surely there all the
 * time: one may have found nobody, and the next finds the subscription that a later message has found already.
 */
function isInTime(book: Book, { client, session, key, atUs }: Receipt): boolean {
  const message = book.messages.get(key);
  if (message === undefined) return false;
  if (!isSentAgain(book, message, atUs)) return true;
  const { topic, sentUs } = message;
  return book.subscriptions.some(
    (each) =>
      each.client === client &&
      each.session === session &&
      matches(plainFilter(each.filter), topic) &&
      sentUs > each.subscribedUs &&
      atUs < each.unsubscribingUs,
  );
}

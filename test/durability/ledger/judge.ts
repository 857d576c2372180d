/**
 * Looks through what was written down for promises that were not kept. Each rule finds its faults by itself;
 * `ledger-judge*.test.ts` show each of them ledgers with that fault.
 */
import { isShared } from './arrivals.js';
import {
  Book,
  grouped,
  matches,
  plainFilter,
  type Receipt,
  type SentMessage,
  type Subscription,
} from './book.js';
import type { Entry } from './entries.js';
import { outOfOrder, repeated } from './judge-order.js';
import { wrongRetained } from './judge-retained.js';
import { wrongSessions } from './judge-sessions.js';
import { missingWills, repeatedWills, unaskedWills } from './judge-wills.js';

export interface Fault {
  readonly rule: string;
  readonly what: string;
}

/**
 * An acknowledgement waits for the publisher's shard alone, and nothing orders it with what another client asks of
 * another shard. This long after it, and after the broker is ready or can store again, the message is there on a busy
 * machine too; `arrivals.ts` says where it was there before.
 */
const UNDER_WAY_US = 3_000_000;

type Rule = (book: Book) => string[];

/** Promises that are kept in the end, when everybody is connected and has taken what is there. */
const LATE_RULES: Readonly<Record<string, Rule>> = {
  'acknowledged, and missing': missing,
  'will missing': missingWills,
};

const RULES: Readonly<Record<string, Rule>> = {
  'twice at QoS 2': twice,
  'out of order': outOfOrder,
  'never published': invented,
  'not subscribed': unasked,
  'wrong QoS': wrongQos,
  'twice without a cause': repeated,
  'will not due': unaskedWills,
  'will twice without a cause': repeatedWills,
  retained: wrongRetained,
  session: wrongSessions,
  'rule of the protocol': ({ broken }) => broken,
  ...LATE_RULES,
};

/** @returns every promise that was not kept */
export function judge(entries: readonly Entry[]): Fault[] {
  return faultsBy(RULES, new Book(entries));
}

/** @returns what may still come */
export function owed(entries: readonly Entry[]): Fault[] {
  return faultsBy(LATE_RULES, new Book(entries));
}

const EXAMPLES_MAX = 5;

/** Of each rule how often it was broken, and the first few. */
export function examples(faults: readonly Fault[]): Record<string, readonly string[]> {
  const byRule = grouped(faults, ({ rule }) => rule);
  return Object.fromEntries(
    [...byRule].map(([rule, all]) => [
      `${rule}: ${all.length}`,
      all.slice(0, EXAMPLES_MAX).map(({ what }) => what),
    ]),
  );
}

function faultsBy(rules: Readonly<Record<string, Rule>>, book: Book): Fault[] {
  return Object.entries(rules).flatMap(([rule, find]) => find(book).map((what) => ({ rule, what })));
}

/** Who shares a group counts as one receiver; its members never end their sessions. */
function receiverOf({ client, filter }: Subscription): string {
  return isShared(filter) ? filter : client;
}

/** Subscriptions of sessions that lasted to the end: of those that ended nothing can be asked. */
function lasting(book: Book): Subscription[] {
  return book.subscriptions.filter(({ client, session }) => session === book.lastSession(client));
}

function missing(book: Book): string[] {
  const got = new Map<string, Set<string>>();
  const receiversOf = receiverNames(book);
  for (const { client, session, key, topic } of book.receipts) {
    if (session !== book.lastSession(client)) continue;
    for (const receiver of receiversOf(client, topic)) {
      const keys = got.get(receiver) ?? new Set<string>();
      got.set(receiver, keys.add(key));
    }
  }
  const byTopic = grouped(book.messages.values(), ({ topic }) => topic);
  const wrong = new Set<string>();
  for (const subscription of lasting(book)) {
    const receiver = receiverOf(subscription);
    const keys = got.get(receiver);
    for (const [topic, messages] of byTopic) {
      if (!matches(plainFilter(subscription.filter), topic)) continue;
      for (const message of messages) {
        if (isOwed(book, message, subscription) && keys?.has(message.key) !== true) {
          wrong.add(`${message.key} at ${receiver}`);
        }
      }
    }
  }
  return [...wrong];
}

/** A client's message belongs to itself and to the groups that it is a member of. */
function receiverNames(book: Book): (client: string, topic: string) => string[] {
  const groups = new Map<string, Set<string>>();
  for (const { client, filter } of book.subscriptions) {
    if (isShared(filter)) groups.set(client, (groups.get(client) ?? new Set<string>()).add(filter));
  }
  return (client, topic) => {
    const shared = [...(groups.get(client) ?? [])].filter((filter) => matches(plainFilter(filter), topic));
    return [client, ...shared];
  };
}

function isOwed(book: Book, message: SentMessage, subscription: Subscription): boolean {
  return (
    !message.isRemoval &&
    message.qos > 0 &&
    subscription.qos > 0 &&
    message.sentUs > subscription.subscribedUs &&
    isHandedOn(book, message, subscription, subscription.unsubscribingUs)
  );
}

/** The subscriber's shard had it by then: at once where there is one, else something proves it, or time has passed. */
function isHandedOn(
  book: Book,
  message: SentMessage,
  { client, filter }: Subscription,
  atUs: number,
): boolean {
  const { sentUs, ackedUs } = message;
  if (ackedUs >= atUs) return false;
  if (book.isAlone(sentUs, atUs)) return true;
  const readyUs = book.readyBefore(atUs);
  if (!book.isCalm(Math.max(ackedUs, readyUs + 1), atUs)) return false;
  if (atUs - Math.max(ackedUs, readyUs) > UNDER_WAY_US) return true;
  return readyUs < ackedUs && !isShared(filter) && book.arrivals.has(message, client, atUs);
}

function twice(book: Book): string[] {
  const receiversOf = receiverNames(book);
  const seen = new Set<string>();
  const wrong: string[] = [];
  for (const { client, session, key, topic, qos, isRetained } of book.receipts) {
    const message = book.messages.get(key);
    if (qos !== 2 || isRetained || (message !== undefined && book.mayBeRefused(message))) continue;
    for (const receiver of receiversOf(client, topic)) {
      // Another session of the client is another receiver; a group is one for good.
      const name = `${key} at ${receiver}${receiver === client ? ` (session ${session})` : ''}`;
      if (seen.has(name)) wrong.push(name);
      seen.add(name);
    }
  }
  return wrong;
}

function invented(book: Book): string[] {
  const wills = new Set([...book.connections.values()].flat().map(({ will }) => will?.topic));
  return book.receipts.flatMap(({ key, topic, client, atUs }) => {
    const message = book.messages.get(key);
    const isReal = message === undefined ? wills.has(topic) : message.sentUs <= atUs;
    return isReal ? [] : [`${key} at ${client}`];
  });
}

/** Some subscription of this session must have been there while the message was on its way. */
function unasked(book: Book): string[] {
  const byClient = grouped(book.subscriptions, ({ client }) => client);
  return book.receipts.flatMap((receipt) => {
    const message = book.messages.get(receipt.key);
    if (message === undefined) return [];
    const isAsked = byClient
      .get(receipt.client)
      ?.some((subscription) => mayReceive(book, receipt, message, subscription));
    return isAsked ? [] : [`${receipt.key} at ${receipt.client} (session ${receipt.session})`];
  });
}

function mayReceive(book: Book, receipt: Receipt, message: SentMessage, subscription: Subscription): boolean {
  const { filter, session, subscribingUs, unsubscribedUs } = subscription;
  if (session !== receipt.session || !matches(plainFilter(filter), receipt.topic)) return false;
  if (receipt.atUs < subscribingUs) return false;
  if (receipt.isRetained) return true;
  return message.sentUs < unsubscribedUs && !isHandedOn(book, message, subscription, subscribingUs);
}

function wrongQos(book: Book): string[] {
  const byClient = grouped(book.subscriptions, ({ client }) => client);
  return book.receipts.flatMap(({ client, session, key, topic, qos }) => {
    const message = book.messages.get(key);
    const fitting = (byClient.get(client) ?? []).filter(
      (each) => each.session === session && matches(plainFilter(each.filter), topic),
    );
    if (message === undefined || fitting.length === 0) return [];
    const isRight = fitting.some((each) => Math.min(each.qos, message.qos) === qos);
    return isRight ? [] : [`${key} at ${client} with ${qos}`];
  });
}

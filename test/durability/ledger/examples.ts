/** Short ledgers, written by hand for the tests of the judge. */
import type { Entry, Event } from './entries.js';
import { judge } from './judge.js';

export const TOPIC = 't/p/q2';
const SECOND_US = 1_000_000;

/** Entries, with times that rise by a millisecond unless something is said to take long. */
export class Ledger {
  readonly entries: Entry[] = [];
  private us = 60 * SECOND_US;

  add(...events: readonly Event[]): this {
    for (const event of events) {
      this.us += 1_000;
      this.entries.push({ ...event, atUs: this.us });
    }
    return this;
  }

  after(seconds: number): this {
    this.us += seconds * SECOND_US;
    return this;
  }

  get nowUs(): number {
    return this.us;
  }
}

export const sent = (seq: number, topic = TOPIC, more: { qos?: number; isRemoval?: boolean } = {}): Event => {
  const { qos = 2, isRemoval = false } = more;
  return { kind: 'sent', client: 'p', topic, seq, qos, isRetained: topic.startsWith('r/'), isRemoval };
};
export const acked = (seq: number, topic = TOPIC): Event => ({ kind: 'acked', client: 'p', topic, seq });
export const received = (seq: number, client = 's', topic = TOPIC, qos = 2): Event => ({
  ...{ kind: 'received', client, topic, seq, qos, isRetained: false },
});
export const crash: Event = { kind: 'broker', what: 'crash' };
export const full: Event = { kind: 'broker', what: 'full' };
export const room: Event = { kind: 'broker', what: 'room' };
export const ready: Event = { kind: 'broker', what: 'ready', shards: 3 };
export const readyAlone: Event = { kind: 'broker', what: 'ready', shards: 1 };

interface Opening {
  readonly isClean?: boolean;
  readonly isPresent?: boolean;
  readonly expirySeconds?: number;
  readonly will?: string;
}

export const opened = (client: string, given: Opening = {}): Event[] => {
  const { isClean = false, isPresent = false, expirySeconds = 3_600 } = given;
  const will = given.will === undefined ? null : { topic: given.will, qos: 2 };
  return [
    { kind: 'connecting', client, isClean, expirySeconds, will },
    { kind: 'connected', client, isPresent },
  ];
};
export const closed = (client: string, how: 'dropped' | 'left' | 'lost' = 'lost'): Event => ({
  kind: 'closed',
  client,
  how,
});
export const subscribed = (client: string, filter = 't/#', qos = 2): Event[] => [
  { kind: 'subscribing', client, filter, qos },
  { kind: 'subscribed', client, filter },
];
export const unsubscribed = (client: string, filter = 't/#'): Event[] => [
  { kind: 'unsubscribing', client, filter },
  { kind: 'unsubscribed', client, filter },
];

/** Publisher `p`, and subscriber `s` to everything below `t/`. */
export const begun = (): Ledger =>
  new Ledger().add(ready, ...opened('p'), ...opened('s'), ...subscribed('s'));

/** Each rule that a ledger breaks, once. */
export const rules = (ledger: Ledger): string[] => [
  ...new Set(judge(ledger.entries).map(({ rule }) => rule)),
];

/** All entries of a run, in the order of time, put together by message, session and subscription. */
import { Arrivals, isShared } from './arrivals.js';
import type { Ending, Entry, Will } from './entries.js';
import { messageKey } from './entries.js';

const SECOND_US = 1_000_000;
/** A session that has lived for this share of its time may have expired. */
const SOONEST_SHARE = 0.8;
/** What cannot be stored for so long is refused. */
const REFUSED_AFTER_US = 10_000_000;
/** What is killed is dead after this time. */
const DYING_US = 1_000_000;

export interface SentMessage {
  readonly key: string;
  readonly topic: string;
  readonly seq: number;
  readonly qos: number;
  readonly publisher: string;
  readonly sentUs: number;
  /** Infinity: never. */
  ackedUs: number;
  /** When it was first sent again, in MQTT 5 with QoS 2. */
  resentUs: number;
  readonly isRetained: boolean;
  readonly isRemoval: boolean;
}

export interface Connection {
  readonly client: string;
  readonly isClean: boolean;
  readonly expirySeconds: number;
  readonly will: Will | null;
  readonly connectingUs: number;
  /** Infinity: there was no CONNACK. */
  connectedUs: number;
  isPresent: boolean;
  /** Infinity: it is open. */
  closedUs: number;
  how: Ending | null;
  /** When the broker first acknowledged something after CONNACK: what was before is stored as well. */
  confirmedUs: number;
}

export interface Receipt {
  readonly client: string;
  readonly key: string;
  readonly topic: string;
  readonly seq: number;
  readonly qos: number;
  readonly isRetained: boolean;
  readonly atUs: number;
  /** Of the client: counts its sessions, the one that followed another by clean start, expiry or loss. */
  readonly session: number;
}

/** From SUBSCRIBE to UNSUBACK; surely in force from SUBACK to UNSUBSCRIBE. Infinity: not until the end. */
export interface Subscription {
  readonly client: string;
  readonly session: number;
  /** With `$share/GROUP/`. */
  readonly filter: string;
  readonly qos: number;
  readonly subscribingUs: number;
  subscribedUs: number;
  unsubscribingUs: number;
  unsubscribedUs: number;
}

export class Book {
  readonly messages = new Map<string, SentMessage>();
  readonly connections = new Map<string, Connection[]>();
  readonly receipts: Receipt[] = [];
  readonly subscriptions: Subscription[] = [];
  readonly broken: string[] = [];
  readonly retained: Extract<Entry, { kind: 'retained' }>[] = [];
  readonly crashesUs: number[] = [];
  readonly readyUs: number[] = [];
  /** When the store became full, and when there was room again. */
  private readonly fullUs: number[] = [];
  private readonly roomUs: number[] = [];
  /** For each time in `readyUs`. */
  private readonly shards: number[] = [];
  private slots: Readonly<Record<string, number>> = {};
  private readonly sessions = new Map<string, number>();
  private readonly open = new Map<string, Subscription>();

  readonly arrivals: Arrivals;

  constructor(entries: readonly Entry[]) {
    for (const entry of entries.toSorted((one, other) => one.atUs - other.atUs)) this.add(entry);
    this.arrivals = new Arrivals(this);
  }

  /** Which session of the client this is; the judge looks at the last one's promises. */
  lastSession(client: string): number {
    return this.sessions.get(client) ?? 0;
  }

  /** The last time before `us` that the broker became ready, or could store again; 0: it could from the beginning. */
  readyBefore(us: number): number {
    const last = (times: readonly number[]): number => times.findLast((time) => time <= us) ?? 0;
    return Math.max(last(this.readyUs), last(this.roomUs));
  }

  hasCrashWithin(fromUs: number, toUs: number): boolean {
    return this.crashesUs.some((crash) => crash >= fromUs && crash <= toUs);
  }

  /** Whether commits succeeded all the time: nobody died, and there was room. */
  isCalm(fromUs: number, toUs: number): boolean {
    const isFull = this.fullUs.some((full, i) => full <= toUs && (this.roomUs[i] ?? Infinity) >= fromUs);
    return !isFull && !this.hasCrashWithin(fromUs, toUs);
  }

  /**
   * Whether PUBREC may have refused it, and been lost with the connection: the broker does so where it could not store
   * it for REFUSED_AFTER_US, and the PUBLISH that comes again has to be a new message [MQTT-4.3.3-9].
   */
  mayBeRefused({ sentUs, resentUs }: SentMessage): boolean {
    const isFull = this.fullUs.some((full, i) => full < resentUs && (this.roomUs[i] ?? Infinity) > sentUs);
    return isFull && resentUs - sentUs >= REFUSED_AFTER_US && resentUs !== Infinity;
  }

  /** Whether there was one shard all the time, so that nothing was on its way between shards. */
  isAlone(fromUs: number, toUs: number): boolean {
    return this.shardsWithin(fromUs, toUs) === 1;
  }

  /** @returns how many shards there were all the time; 0: their number has changed */
  shardsWithin(fromUs: number, toUs: number): number {
    const first = Math.max(
      0,
      this.readyUs.findLastIndex((ready) => ready <= fromUs),
    );
    const shards = this.shards[first] ?? 0;
    for (let i = first + 1; i < this.shards.length && this.readyUs[i]! <= toUs; i++) {
      if (this.shards[i] !== shards) return 0;
    }
    return shards;
  }

  /** @returns the client's shard where there are so many; null: nobody knows it */
  shardOf(client: string, shards: number): number | null {
    const slot = this.slots[client];
    return shards === 0 || slot === undefined ? null : slot % shards;
  }

  /**
   * Whether the client's shard acknowledged something, whoever had sent it, that was sent after CONNACK had come, and
   * before anything died: commits are a prefix of history, so what the shard had done by then is stored.
   */
  isStored({ client, connectingUs, connectedUs: us }: Connection): boolean {
    // A shard that is about to die still takes connections, and its CONNACK may be read when it has died.
    if (this.hasCrashWithin(connectingUs - DYING_US, us)) return false;
    const shards = this.shards[this.readyUs.findLastIndex((ready) => ready <= us)];
    const slot = this.slots[client];
    if (shards === undefined || slot === undefined) return false;
    const crashUs = this.crashesUs.find((crash) => crash > us) ?? Infinity;
    for (const { publisher, sentUs, ackedUs } of this.messages.values()) {
      if (sentUs <= us || ackedUs >= crashUs) continue;
      if ((this.slots[publisher] ?? 0) % shards === slot % shards) return true;
    }
    return false;
  }

  /** Whether a connection of this client ended. */
  hasLeftWithin(client: string, fromUs: number, toUs: number): boolean {
    const all = this.connections.get(client) ?? [];
    return all.some(({ closedUs }) => closedUs >= fromUs && closedUs <= toUs);
  }

  private add(entry: Entry): void {
    const { atUs } = entry;
    switch (entry.kind) {
      case 'sent':
        this.addSent(entry);
        break;
      case 'acked': {
        const message = this.messages.get(messageKey(entry));
        if (message !== undefined) message.ackedUs = atUs;
        // Somebody's session wants everything that is published here, so each PUBACK and PUBREC needs a commit.
        this.confirm(entry.client, atUs);
        break;
      }
      case 'resent': {
        const message = this.messages.get(messageKey(entry));
        if (message !== undefined) message.resentUs = Math.min(message.resentUs, atUs);
        break;
      }
      case 'connecting':
      case 'connected':
      case 'closed':
        this.addConnection(entry);
        break;
      case 'subscribing':
      case 'subscribed':
      case 'unsubscribing':
      case 'unsubscribed':
        this.addSubscription(entry);
        break;
      case 'received':
        this.receipts.push({
          ...entry,
          key: messageKey(entry),
          session: this.lastSession(entry.client),
        });
        break;
      case 'broken':
        this.broken.push(`${entry.client}: ${entry.what}`);
        break;
      case 'slots':
        this.slots = entry.slots;
        break;
      case 'retained':
        this.retained.push(entry);
        break;
      case 'broker':
        this.addBroker(entry);
        break;
      case 'refused':
        break;
    }
  }

  private addBroker(entry: Extract<Entry, { kind: 'broker' }>): void {
    const { what, atUs } = entry;
    if (what === 'ready') {
      this.readyUs.push(atUs);
      this.shards.push(entry.shards);
    } else if (what === 'crash') this.crashesUs.push(atUs);
    else (what === 'full' ? this.fullUs : this.roomUs).push(atUs);
  }

  private addSent(entry: Extract<Entry, { kind: 'sent' }>): void {
    const key = messageKey(entry);
    this.messages.set(key, {
      ...entry,
      key,
      publisher: entry.client,
      sentUs: entry.atUs,
      ackedUs: Infinity,
      resentUs: Infinity,
    });
  }

  private addConnection(entry: Extract<Entry, { kind: 'connecting' | 'connected' | 'closed' }>): void {
    const { client, atUs } = entry;
    const all = this.connections.get(client) ?? [];
    if (entry.kind === 'connecting') {
      const { isClean, expirySeconds, will } = entry;
      this.connections.set(client, all);
      all.push({
        ...{ client, isClean, expirySeconds, will, connectingUs: atUs },
        ...{ connectedUs: Infinity, isPresent: false, closedUs: Infinity, how: null, confirmedUs: Infinity },
      });
      return;
    }
    const last = all.at(-1)!;
    if (entry.kind === 'closed') {
      last.closedUs = atUs;
      last.how = entry.how;
      return;
    }
    last.connectedUs = atUs;
    last.isPresent = entry.isPresent;
    if (!entry.isPresent) this.beginSession(last, false);
    else if (mayBeAnother(all)) this.beginSession(last, true);
  }

  /** `isSame`: it may as well be the one before, with its subscriptions, of which nothing is sure any more. */
  private beginSession({ client, connectingUs, connectedUs }: Connection, isSame: boolean): void {
    const session = this.lastSession(client) + 1;
    this.sessions.set(client, session);
    for (const [key, subscription] of [...this.open]) {
      if (subscription.client !== client) continue;
      subscription.unsubscribingUs = Math.min(subscription.unsubscribingUs, connectingUs);
      subscription.unsubscribedUs = connectedUs;
      this.open.delete(key);
      if (!isSame) continue;
      const unsure = { subscribedUs: Infinity, unsubscribingUs: Infinity, unsubscribedUs: Infinity };
      const again = { ...subscription, ...unsure, session };
      this.open.set(key, again);
      this.subscriptions.push(again);
    }
  }

  private addSubscription(
    entry: Extract<Entry, { kind: 'subscribing' | 'subscribed' | 'unsubscribing' | 'unsubscribed' }>,
  ): void {
    const { client, filter, atUs } = entry;
    const key = `${client} ${filter}`;
    if (entry.kind === 'subscribing') {
      const subscription = {
        ...{ client, filter, qos: entry.qos, session: this.lastSession(client), subscribingUs: atUs },
        ...{ subscribedUs: Infinity, unsubscribingUs: Infinity, unsubscribedUs: Infinity },
      };
      if (this.open.has(key)) return;
      this.open.set(key, subscription);
      this.subscriptions.push(subscription);
      return;
    }
    if (entry.kind !== 'unsubscribing') this.confirm(client, atUs);
    const subscription = this.open.get(key);
    if (subscription === undefined) return;
    if (entry.kind === 'subscribed') subscription.subscribedUs = Math.min(subscription.subscribedUs, atUs);
    else if (entry.kind === 'unsubscribing') {
      subscription.unsubscribingUs = Math.min(subscription.unsubscribingUs, atUs);
    } else {
      subscription.unsubscribedUs = atUs;
      this.open.delete(key);
    }
  }

  private confirm(client: string, atUs: number): void {
    const last = this.connections.get(client)?.at(-1);
    if (last !== undefined) last.confirmedUs = Math.min(last.confirmedUs, atUs);
  }
}

/**
 * A session that is found may have begun with a CONNECT that was not answered, after the one before had expired. Such a
 * CONNECT may have waited for its shard to be back, also when its client had gone, for as long as the next one did.
 */
function mayBeAnother(all: readonly Connection[]): boolean {
  const before = all.findLastIndex(({ connectedUs }, i) => i < all.length - 1 && connectedUs !== Infinity);
  const known = all[before];
  if (known === undefined || before === all.length - 2) return false;
  const soonestUs = known.expirySeconds * SECOND_US * SOONEST_SHARE;
  return all.at(-1)!.connectedUs - known.closedUs > soonestUs;
}

/** The filter as it is compared with topics, without `$share/GROUP/`. */
export function plainFilter(filter: string): string {
  return isShared(filter) ? filter.split('/').slice(2).join('/') : filter;
}

const decided = new Map<string, Map<string, boolean>>();

/** Whether a filter without `$share/` matches; topics of the ledger are few, and do not begin with `$`. */
export function matches(filter: string, topic: string): boolean {
  const known = decided.get(filter) ?? new Map<string, boolean>();
  decided.set(filter, known);
  const answer = known.get(topic) ?? compare(filter.split('/'), topic.split('/'));
  known.set(topic, answer);
  return answer;
}

function compare(wanted: readonly string[], levels: readonly string[]): boolean {
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === '#') return true;
    if (i >= levels.length || (wanted[i] !== '+' && wanted[i] !== levels[i])) return false;
  }
  return wanted.length === levels.length;
}

/** What has the same name, in its order. */
export function grouped<Item>(items: Iterable<Item>, name: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(name(item));
    if (group === undefined) groups.set(name(item), [item]);
    else group.push(item);
  }
  return groups;
}

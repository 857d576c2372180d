/**
 * What is kept of sessions and their subscriptions: remembers what has changed, and says it in rows when a commit
 * begins. Runs on the shard's thread.
 *
 * A session is kept while it outlives its connection, with a number under which its subscriptions and messages lie, and
 * while it has a will. Its row is made from what it is when the commit begins. Rows of subscriptions wait by name,
 * so that what comes and goes between two commits leaves nothing, however long commits fail.
 */
import type { SlotMap } from '../../src/actor/slots.js';
import { assert } from '../../src/base/assert.js';
import { SESSION_NUMBERS_RESERVED } from '../../src/limits.js';
import type { ClientId } from '../../src/protocol/ids.js';
import { SESSION_NUMBER_MAX, sessionKey, subscriptionKey } from '../../src/storage/keys.js';
import { NEXT_SESSION_KEY, nextSessionValue } from '../../src/storage/meta-rows.js';
import { decodeSession, encodeSession } from '../../src/storage/session-record.js';
import { encodeSubscription, wholeFilter } from '../../src/storage/subscription-record.js';
import type { Change, Table } from '../../src/storage/tables.js';
import { type Client, clientOfSession, keptClient } from '../connection/client.js';
import type { SubscriptionInfo, SubscriptionKeeper } from '../routing/subscription-info.js';
import type { Session } from '../session/session.js';
import type { CommitSource, Commits } from './commits.js';
import type { Store } from './store.js';

/** A subscription whose row is to be written, or removed where there is nothing to be written. */
interface PendingRow {
  readonly slot: number;
  readonly number: number;
  /** The subscription as it is now; null: it has ended. */
  now: SubscriptionInfo | null;
  /** There is a row of it in the store. */
  readonly isStored: boolean;
}

export class SessionKeeper implements CommitSource, SubscriptionKeeper<Session> {
  private readonly sessions = new Set<Session>();
  /** Sessions that are over and have a row. */
  private readonly ended = new Map<ClientId, number>();
  private readonly subscriptions = new Map<string, PendingRow>();
  /** Rows that nobody needs. */
  private litter: Change[] = [];
  private nextNumber = 1;
  private reservedNumber = 1;
  private isReserving = false;
  private isOn = false;

  /** `commits` is told that something has changed. */
  constructor(
    private readonly slots: SlotMap,
    private readonly store: Pick<Store, 'get'>,
    private readonly commits: Pick<Commits, 'touch'>,
  ) {}

  /** What changes from now on is kept; numbers below `nextNumber` have been given. */
  open(nextNumber: number): void {
    this.isOn = true;
    this.nextNumber = this.reservedNumber = nextNumber;
  }

  /** A row of the store is of no use. */
  discard(table: Table, key: Buffer): void {
    this.litter.push({ table, key: Buffer.from(key), value: null });
    this.commits.touch();
  }

  /** To be called after anything has changed that is in the row of `session`. */
  changed(session: Session): void {
    if (!this.isOn || session.ended) return;
    if (session.durable && session.number === 0) session.number = this.number();
    if (session.number === 0 && session.will === null && !session.isStored) return;
    this.sessions.add(session);
    this.commits.touch();
  }

  /** @returns whose an absent session was, as its row says */
  clientOf(session: Session): Client | null {
    const key = sessionKey(this.slotOf(session), session.clientId);
    const value = this.store.get('sessions', key);
    const record = value === null ? 'damaged' : decodeSession({ key, value });
    return typeof record === 'string' || record.client === null ? null : keptClient(record.client);
  }

  /** The session is over. Its subscriptions end one by one. */
  over(session: Session): void {
    if (!this.isOn) return;
    this.sessions.delete(session);
    if (!session.isStored) return;
    this.ended.set(session.clientId, this.slotOf(session));
    this.commits.touch();
  }

  keeps(session: Session): boolean {
    return session.number !== 0 && this.isOn;
  }

  subscribed(session: Session, subscription: SubscriptionInfo, isNew: boolean): void {
    const name = nameOf(session.number, subscription);
    const pending = this.subscriptions.get(name);
    if (pending !== undefined) pending.now = subscription;
    else this.wait(name, session, subscription, !isNew);
  }

  unsubscribed(session: Session, subscription: SubscriptionInfo): void {
    const name = nameOf(session.number, subscription);
    const pending = this.subscriptions.get(name);
    if (pending === undefined) this.wait(name, session, null, true);
    else if (pending.isStored) pending.now = null;
    else this.subscriptions.delete(name);
  }

  collect(changes: Change[]): void {
    for (const each of this.litter) changes.push(each);
    this.litter = [];
    if (this.isReserving) {
      changes.push({ table: 'meta', key: NEXT_SESSION_KEY, value: nextSessionValue(this.reservedNumber) });
      this.isReserving = false;
    }
    // First, for a new session may have the same ClientId.
    for (const [clientId, slot] of this.ended) {
      changes.push({ table: 'sessions', key: sessionKey(slot, clientId), value: null });
    }
    this.ended.clear();
    for (const session of this.sessions) changes.push(this.rowOf(session));
    this.sessions.clear();
    for (const [name, row] of this.subscriptions) changes.push(subscriptionRow(name, row));
    this.subscriptions.clear();
  }

  committed(): void {}

  private wait(name: string, session: Session, now: SubscriptionInfo | null, isStored: boolean): void {
    this.subscriptions.set(name, { slot: this.slotOf(session), number: session.number, now, isStored });
    this.commits.touch();
  }

  private rowOf(session: Session): Change {
    const slot = this.slotOf(session);
    const { clientId, number, will } = session;
    if (number === 0 && will === null) {
      session.isStored = false;
      return { table: 'sessions', key: sessionKey(slot, clientId), value: null };
    }
    session.isStored = true;
    const row = encodeSession(slot, {
      clientId,
      number,
      createdAtMs: session.createdAtMs,
      disconnectedAtMs: session.connection === null ? session.disconnectedAtMs : 0,
      expirySeconds: session.expirySeconds,
      client: clientOfSession(session),
      will,
    });
    return { table: 'sessions', ...row };
  }

  private slotOf(session: Session): number {
    if (session.keptSlot < 0) session.keptSlot = this.slots.slotOf(session.clientId);
    return session.keptSlot;
  }

  private number(): number {
    const number = this.nextNumber++;
    assert(number <= SESSION_NUMBER_MAX, 'numbers of sessions last for centuries');
    if (number >= this.reservedNumber) {
      this.reservedNumber = number + SESSION_NUMBERS_RESERVED;
      this.isReserving = true;
    }
    return number;
  }
}

function nameOf(number: number, { filter, group, local }: SubscriptionInfo): string {
  return `${number} ${wholeFilter(filter, group, local)}`;
}

function subscriptionRow(name: string, { slot, number, now }: PendingRow): Change {
  if (now !== null)
    return { table: 'subscriptions', ...encodeSubscription(slot, { session: number, ...now }) };
  const filter = name.slice(name.indexOf(' ') + 1);
  return { table: 'subscriptions', key: subscriptionKey(slot, number, filter), value: null };
}

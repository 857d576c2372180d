/**
 * What a shard tells main for lists of its clients, sessions and subscriptions: its ClientIds in order, kept current
 * with every connect, and rows in lots that take less than a few milliseconds. Runs on the shard's thread.
 */
import type {
  ListCursor,
  ListKind,
  ListLot,
  ListMarks,
  ListRow,
  ListRows,
  RouteRow,
  SubscriptionRow,
} from '../../src/actor/list-protocol.js';
import type { ShardRequests } from '../../src/actor/shard-protocol.js';
import {
  LISTED_LOT_CHARS_MAX,
  LISTED_LOT_MS_MAX,
  LISTED_LOT_ROWS_MAX,
  LISTED_STALE_MAX,
} from '../../src/limits.js';
import { asClientId, type ClientId } from '../../src/protocol/ids.js';
import type { Core } from '../core.js';
import type { Session } from '../session/session.js';
import { marksOf } from './marks.js';
import { RouteIndex } from './route-index.js';
import { clientRow, sessionRow } from './rows.js';
import { takeSubscriptions } from './session-subscriptions.js';
import { SortedKeys } from './sorted-keys.js';

/** What is in a shard's index of ClientIds. */
type IndexedKind = Exclude<ListKind, 'routes'>;
type ListInput<T extends keyof ShardRequests> = ShardRequests[T]['input'];

export class Listing {
  /** ClientIds with a connection. */
  private readonly clients = new SortedKeys();
  /** ClientIds of all sessions; they weigh what they have of subscriptions. */
  private readonly sessions = new SortedKeys();
  /** Sessions whose weight is to be looked at. */
  private readonly stale: Session[] = [];

  private readonly routes: RouteIndex;

  constructor(private readonly core: Core) {
    this.routes = new RouteIndex(core);
  }

  created({ clientId }: Session): void {
    this.sessions.add(clientId, 0);
  }

  /** Sessions that were there when the shard ended, with all their subscriptions; before any other is told of. */
  restored(sessions: readonly Session[]): void {
    const ids = sessions.map(({ clientId }) => clientId as string).sort();
    this.sessions.fill(ids, (clientId) => {
      const session = this.core.sessions.find(asClientId(clientId))!;
      session.listedSubscriptions = this.core.router.countOf(session);
      return session.listedSubscriptions;
    });
  }

  ended({ clientId }: Session): void {
    this.sessions.remove(clientId);
  }

  connected({ clientId }: Session): void {
    this.clients.add(clientId, 1);
  }

  disconnected({ clientId }: Session): void {
    this.clients.remove(clientId);
  }

  /** A subscription has come or gone. Many of one session are looked at together. */
  subscriptionsChanged(session: Session): void {
    if (session.isListingStale || session.ended) return;
    session.isListingStale = true;
    this.stale.push(session);
    if (this.stale.length >= LISTED_STALE_MAX) this.settle();
  }

  /** @returns evenly spread keys of the range from `from` to before `to`, and what lies below each */
  marks({ kind, from, to }: ListInput<'list.marks'>): ListMarks | Promise<ListMarks> {
    this.core.turn.enter();
    if (kind === 'routes') return this.routes.marks(from, to);
    this.settle();
    const keys = kind === 'clients' ? this.clients : this.sessions;
    return marksOf(keys, kind === 'subscriptions', from, to);
  }

  /** @returns rows from a place on */
  rows({ kind, from, max }: ListInput<'list.rows'>): ListLot<ListRow> | Promise<ListLot<ListRow>> {
    this.core.turn.enter();
    if (kind === 'routes') return this.routes.rows(from, max);
    this.settle();
    const lot = new Lot(this.core, Math.min(max, LISTED_LOT_ROWS_MAX));
    const next = this.fill(kind, from, lot);
    const total = this.totalOf(kind);
    return { rows: lot.rows, next, total, chars: lot.chars };
  }

  client(clientId: ClientId): ListRows['clients'] | null {
    const session = this.core.sessions.find(clientId);
    return session?.connection == null ? null : clientRow(session, session.connection);
  }

  session(clientId: ClientId): ListRows['sessions'] | null {
    const session = this.core.sessions.find(clientId);
    return session === null ? null : sessionRow(this.core, session);
  }

  /** @returns rows of one session, from a place on */
  subscriptionsOf({ clientId, from }: ListInput<'list.subscriptions'>): ListLot<SubscriptionRow> {
    this.core.turn.enter();
    const lot = new Lot(this.core, LISTED_LOT_ROWS_MAX);
    const session = this.core.sessions.find(clientId);
    const total = session === null ? 0 : this.core.router.countOf(session);
    const next = session === null ? null : this.fillOne(session, from, lot);
    return { rows: lot.rows as SubscriptionRow[], next, total, chars: lot.chars };
  }

  /** @returns the rows of one filter */
  route(filter: string): RouteRow[] {
    return this.routes.find(filter);
  }

  private totalOf(kind: IndexedKind): number {
    if (kind === 'clients') return this.clients.size;
    return kind === 'sessions' ? this.sessions.size : this.sessions.weight;
  }

  /** @returns where the next lot begins */
  private fill(kind: IndexedKind, from: ListCursor | null, lot: Lot): ListCursor | null {
    const { core } = this;
    const index = kind === 'clients' ? this.clients : this.sessions;
    // One more: where the next lot begins.
    const keys = index.keysFrom(from?.key ?? null, lot.max + 1, kind === 'subscriptions');
    for (const key of keys) {
      if (!lot.hasRoom) return { key, skip: 0, after: null };
      const session = core.sessions.find(asClientId(key))!;
      if (kind === 'clients') lot.take(clientRow(session, session.connection!), key.length);
      else if (kind === 'sessions') lot.take(sessionRow(core, session), key.length);
      else {
        const next = this.fillOne(session, key === from?.key ? from : null, lot);
        if (next !== null) return next;
      }
    }
    return null;
  }

  private fillOne(session: Session, from: ListCursor | null, lot: Lot): ListCursor | null {
    const { clientId } = session;
    const next = takeSubscriptions(this.core, session, from, (row) =>
      lot.take(row, clientId.length + row.filter.length),
    );
    return next === null ? null : { key: clientId, ...next };
  }

  private settle(): void {
    for (const session of this.stale) {
      session.isListingStale = false;
      if (session.ended) continue;
      const count = this.core.router.countOf(session);
      this.sessions.addWeight(session.clientId, count - session.listedSubscriptions);
      session.listedSubscriptions = count;
    }
    this.stale.length = 0;
  }
}

/** Rows for one answer, until it is large enough or its time is over. */
class Lot {
  readonly rows: ListRow[] = [];
  chars = 0;
  private readonly untilMs: number;

  constructor(
    private readonly core: Core,
    readonly max: number,
  ) {
    this.untilMs = core.clock.monotonicMs() + LISTED_LOT_MS_MAX;
  }

  get hasRoom(): boolean {
    if (this.rows.length >= this.max || this.chars >= LISTED_LOT_CHARS_MAX) return false;
    return this.rows.length % 32 !== 31 || this.core.clock.monotonicMs() < this.untilMs;
  }

  /** @returns whether there is room for another */
  take(row: ListRow, chars: number): boolean {
    this.rows.push(row);
    this.chars += chars;
    return this.hasRoom;
  }
}

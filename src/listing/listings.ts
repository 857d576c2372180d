/**
 * Lists of what there is, put together from all shards: finds where a page begins (find-start.ts) and takes its rows
 * (take-rows.ts), all within one deadline. Main thread.
 */
import type {
  ListCursor,
  ListKind,
  ListLot,
  ListRows,
  RouteRow,
  SubscriptionRow,
} from '../actor/list-protocol.js';
import type { ShardRequests, ShardRequestType } from '../actor/shard-protocol.js';
import type { Listed, Listings, Page } from '../api/broker-port.js';
import type { Clock } from '../base/clock.js';
import { BrokerError } from '../base/errors.js';
import { LIST_TIMEOUT_MS, LISTED_PAGE_CHARS_MAX, LISTS_UNDER_WAY_MAX, LISTS_WAITING_MAX } from '../limits.js';
import { asClientId, asShardId } from '../protocol/ids.js';
import type { AskedShards } from '../supervisor/asked-shards.js';
import { findStart } from './find-start.js';
import { takeRows } from './take-rows.js';
import { Turns } from './turns.js';

const KEYS: { readonly [K in ListKind]: (row: ListRows[K]) => string } = {
  clients: (row) => row.clientId,
  sessions: (row) => row.clientId,
  subscriptions: (row) => row.clientId,
  routes: (row) => (row.isLocal ? `$local/${row.filter}` : row.filter),
};

/** Asks a shard, until one moment for all questions. */
type Ask = <T extends ShardRequestType>(
  shard: number,
  type: T,
  input: ShardRequests[T]['input'],
) => Promise<ShardRequests[T]['output']>;

export class ShardListings implements Listings {
  readonly #shards: AskedShards;
  readonly #clock: Clock;
  readonly #turns = new Turns(LISTS_UNDER_WAY_MAX, LISTS_WAITING_MAX);

  constructor(shards: AskedShards, clock: Clock) {
    this.#shards = shards;
    this.#clock = clock;
  }

  clients(page: Page): Promise<Listed<ListRows['clients']>> {
    return this.#list('clients', page);
  }

  sessions(page: Page): Promise<Listed<ListRows['sessions']>> {
    return this.#list('sessions', page);
  }

  subscriptions(page: Page): Promise<Listed<SubscriptionRow>> {
    return this.#list('subscriptions', page);
  }

  routes(page: Page): Promise<Listed<RouteRow>> {
    return this.#list('routes', page);
  }

  client(clientId: string): Promise<ListRows['clients'] | null> {
    const id = asClientId(clientId);
    return this.#asking()(this.#shards.ownerOf(id), 'list.client', { clientId: id });
  }

  session(clientId: string): Promise<ListRows['sessions'] | null> {
    const id = asClientId(clientId);
    return this.#asking()(this.#shards.ownerOf(id), 'list.session', { clientId: id });
  }

  async subscriptionsOf(clientId: string): Promise<readonly SubscriptionRow[]> {
    const id = asClientId(clientId);
    const shard = this.#shards.ownerOf(id);
    const ask = this.#asking();
    return this.#turns.take(async () => {
      const rows: SubscriptionRow[] = [];
      let chars = 0;
      let from: ListCursor | null = null;
      do {
        const lot: ListLot<SubscriptionRow> = await ask(shard, 'list.subscriptions', { clientId: id, from });
        for (const row of lot.rows) rows.push(row);
        from = lot.next;
        chars += lot.chars;
        if (chars > LISTED_PAGE_CHARS_MAX)
          throw new BrokerError('REQUEST_FAILED', 'the client has too many subscriptions for one answer');
      } while (from !== null);
      return rows;
    });
  }

  /** Every shard that takes clients knows all filters, so any of them will do. */
  route(filter: string): Promise<readonly RouteRow[]> {
    const all = Array.from({ length: this.#shards.count }, (_, shard) => asShardId(shard));
    const ready = all.find((shard) => this.#shards.isReady(shard)) ?? 0;
    return this.#asking()(ready, 'list.route', { filter });
  }

  #list<K extends ListKind>(kind: K, { skip, max }: Page): Promise<Listed<ListRows[K]>> {
    const ask = this.#asking();
    return this.#turns.take(async () => {
      let cursor: ListCursor | null = null;
      if (skip > 0) {
        const start = await findStart((from, to) => this.#marks(ask, kind, from, to), skip);
        if (start.cursor === null) return { total: start.total, rows: [] };
        cursor = start.cursor;
      }
      const rows = async (
        shard: number,
        from: ListCursor | null,
        most: number,
      ): Promise<ListLot<ListRows[K]>> =>
        (await ask(shard, 'list.rows', { kind, from, max: most })) as ListLot<ListRows[K]>;
      return takeRows(this.#shards.count, rows, KEYS[kind], cursor, max);
    });
  }

  #marks(
    ask: Ask,
    kind: ListKind,
    from: string | null,
    to: string | null,
  ): Promise<ShardRequests['list.marks']['output'][]> {
    const { count } = this.#shards;
    return Promise.all(
      Array.from({ length: count }, (_, shard) => ask(shard, 'list.marks', { kind, from, to })),
    );
  }

  #asking(): Ask {
    const deadlineMs = this.#clock.monotonicMs() + LIST_TIMEOUT_MS;
    return (shard, type, input) => {
      const leftMs = deadlineMs - this.#clock.monotonicMs();
      if (leftMs <= 0)
        return Promise.reject(new BrokerError('SHARD_UNAVAILABLE', 'a list was not ready in time'));
      return this.#shards.request(asShardId(shard), type, input, leftMs);
    };
  }
}

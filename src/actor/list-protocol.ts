/**
 * What main and a shard say to each other for lists: rows, and places in lists. Types only; the requests are in
 * shard-protocol.ts.
 */
import type { ClientId } from '../protocol/ids.js';

/** A connected client, as listings show it. */
export interface ClientRow {
  readonly clientId: ClientId;
  readonly username: string | null;
  readonly peerAddress: string;
  readonly peerPort: number;
  readonly cleanStart: boolean;
  readonly protocolVersion: 3 | 4 | 5;
  readonly keepAliveSeconds: number;
  /** Milliseconds since 1970. */
  readonly connectedAtMs: number;
  /** Key of the listener, such as `listener.ssl.external`. */
  readonly listener: string;
}

export interface SessionRow {
  readonly clientId: ClientId;
  /** It ends with its connection. */
  readonly isClean: boolean;
  readonly isOnline: boolean;
  readonly subscriptions: number;
  /** 0: no limit. */
  readonly inflightMax: number;
  readonly inflight: number;
  readonly queued: number;
  readonly dropped: number;
  readonly awaitingRel: number;
  readonly delivered: number;
  readonly enqueued: number;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
}

export interface SubscriptionRow {
  readonly clientId: ClientId;
  /** Without `$share/group/`, `$queue/` or `$local/`. */
  readonly filter: string;
  readonly group: string | null;
  readonly isLocal: boolean;
  readonly qos: 0 | 1 | 2;
}

/** A filter that somebody on this node subscribes to. */
export interface RouteRow {
  readonly filter: string;
  /** Of subscriptions with `$local/`; those without it have a row of their own. */
  readonly isLocal: boolean;
}

/** What can be listed, and its rows. */
export interface ListRows {
  /** Connected ones, by ClientId. */
  clients: ClientRow;
  /** By ClientId. */
  sessions: SessionRow;
  /** By ClientId, then filter. */
  subscriptions: SubscriptionRow;
  /** By filter. Each is listed by one shard only. */
  routes: RouteRow;
}
export type ListKind = keyof ListRows;
export type ListRow = ListRows[ListKind];

/**
 * Where a lot of rows begins: at a key, or the first one after it. A place, not a number, so that nothing is listed
 * twice or left out because others come and go meanwhile.
 */
export interface ListCursor {
  readonly key: string;
  /** Rows of this very key that are passed over. */
  readonly skip: number;
  /** The shard's own: the last of them. */
  readonly after: string | number | null;
}

/** Keys of a range, the first one always. */
export interface ListMarks {
  readonly keys: readonly string[];
  /** By key: rows below it, of this shard's whole list. */
  readonly below: readonly number[];
  /** By key: its own rows. */
  readonly rows: readonly number[];
  /** They are all keys of the range. */
  readonly isComplete: boolean;
  readonly belowFrom: number;
  readonly belowTo: number;
  /** Rows of the whole list. */
  readonly total: number;
}

export interface ListLot<Row> {
  readonly rows: readonly Row[];
  /** Null: there are no more. */
  readonly next: ListCursor | null;
  /** Rows of the whole list. */
  readonly total: number;
  /** Characters in the rows, about. */
  readonly chars: number;
}

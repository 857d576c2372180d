/** What main and a shard say to each other for traces. Types only; the requests are in shard-protocol.ts. */

/** A client, or all messages whose topic matches a filter. */
export type TraceSubject = { readonly clientId: string } | { readonly filter: string };

/** One thing that has happened. Long texts are cut. */
export interface TraceLine {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly event: TraceEvent;
  /** Who it happened to, or who did it; null: no client. */
  readonly clientId: string | null;
  /** Topic name, or filter. */
  readonly topic: string | null;
  readonly detail: Readonly<Record<string, string | number | boolean | null>>;
}

export type TraceEvent =
  | 'connected'
  | 'disconnected'
  | 'subscribed'
  | 'unsubscribed'
  | 'publish'
  | 'delivered'
  | 'acked'
  | 'dropped'
  | 'denied';

/** What has gathered since the last time, oldest first. */
export interface TraceLot {
  readonly lines: readonly TraceLine[];
  /** More lines wait. */
  readonly hasMore: boolean;
  /** Lines that there was no room for, behind these. */
  readonly missed: number;
}

/** What a shard keeps, as rows of tables, in the form in which a store takes and gives it. Types only. */

/**
 * - `meta`: what is said once: counters, marks of work that was begun.
 * - `sessions`: one row for each session that outlives its connection, or has a will.
 * - `subscriptions`: one row for each subscription of those sessions.
 * - `journal`: messages on their way to sessions, and how far each has come.
 * - `retained`: the retained messages whose topics the shard owns, and the latest removals.
 * - `outbox`: batches on their way to other shards.
 * - `applied`: of each other shard, the last of its batches that is handled and kept here.
 */
export const TABLES = [
  'meta',
  'sessions',
  'subscriptions',
  'journal',
  'retained',
  'outbox',
  'applied',
] as const;

export type Table = (typeof TABLES)[number];

/** A row that is written, or removed where `value` is null. Neither buffer may be changed afterwards. */
export interface Change {
  readonly table: Table;
  readonly key: Buffer;
  readonly value: Buffer | null;
}

export interface Row {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** How an environment is divided. */
export interface Layout {
  readonly tables: readonly string[];
  /** Of a row that lies where no table points to; null: it could be of none, or of several. */
  readonly tableOf: (row: Row) => string | null;
}

/** What people are told of a store that was damaged: a line of the log, and an alarm. On shards and on main. */
import { basename } from 'node:path';
import type { Mended, MendedTable } from './mending.js';

/** What an alarm says. */
export interface DamageAlarm {
  readonly id: string;
  readonly severity: 'error';
  readonly title: string;
  readonly summary: string;
  /** Milliseconds since 1970. */
  readonly raisedAt: number;
}

/** What the loss of rows of a shard means for its clients. */
export const LOSS_FOR_CLIENTS =
  'messages that were acknowledged may be missing, and those with QoS 2 may come twice';

/** @returns one line about a mended environment */
export function describeMended({ putAside, removed, reason, tables }: Mended): string {
  const gone =
    removed.length === 0 ? '' : `; ${removed.map((path) => basename(path)).join(', ')} was removed`;
  return `the store ${reason}; it is now ${basename(putAside)}${gone}; ${whatIsLeft(tables)}`;
}

/** @returns as `describeMended`, of the store of a shard */
export function describeMendedShard(mended: Mended): string {
  const isWhole = mended.tables.every(({ lost }) => lost === 0);
  return isWhole ? describeMended(mended) : `${describeMended(mended)}: ${LOSS_FOR_CLIENTS}`;
}

/** @param what whose store it is; `summary`: one of the lines above */
export function damageAlarm(
  what: string,
  id: string,
  summary: string,
  { putAside }: Mended,
  nowMs: number,
): DamageAlarm {
  return {
    id,
    severity: 'error',
    title: `The store of ${what} was damaged`,
    summary: `${summary}. Restore a backup if that is too much; remove ${basename(putAside)} in node.data_dir when nobody needs it`,
    raisedAt: nowMs,
  };
}

/** @param rows that were found to be damaged when they were read, by table */
export function rowsLostAlarm(shard: number, rows: ReadonlyMap<string, number>, nowMs: number): DamageAlarm {
  const lost = [...rows].map(([table, count]) => `${count} of ${table}`).join(', ');
  const what = `rows in the store of shard ${shard} were damaged; lost: ${lost}: ${LOSS_FOR_CLIENTS}`;
  return {
    id: `store_rows_lost.${shard}`,
    severity: 'error',
    title: `Shard ${shard} has lost what it had kept`,
    summary: `${what}. Restore a backup if that is too much`,
    raisedAt: nowMs,
  };
}

function whatIsLeft(tables: readonly MendedTable[]): string {
  const kept = tables.reduce((sum, table) => sum + table.kept, 0);
  if (kept === 0 && tables.every(({ lost }) => lost === null))
    return 'all of it is lost: nothing could be read';
  const lost = tables.filter((table) => table.lost !== 0).map(describeLoss);
  const loss = lost.length === 0 ? 'no row is known to be lost' : `lost: ${lost.join(', ')}`;
  return `${kept} rows were kept, ${loss}`;
}

function describeLoss({ name, lost }: MendedTable): string {
  return lost === null ? `an unknown number of ${name}` : `${lost} of ${name}`;
}

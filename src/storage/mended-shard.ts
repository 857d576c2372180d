/** Looks at a shard's environment before it is opened, and says what became of a damaged one. On shards and on main. */
import type { Logger } from '../base/log.js';
import { type DamageAlarm, damageAlarm, describeMendedShard } from './damage-report.js';
import { mendEnvironment } from './mending.js';
import { SHARD_LAYOUT } from './row-table.js';

const MIB = 2 ** 20;

/** Who is told; progress as of a shard that is loading. */
export interface MendingListener extends Pick<Logger, 'error' | 'warn'> {
  progress(what: string, done: number, of: number): void;
}

/**
 * @returns an alarm when it was damaged
 * @throws Error when the environment can neither be read nor put aside
 */
export async function mendShard(
  directory: string,
  shard: number,
  nowMs: () => number,
  told: MendingListener,
): Promise<DamageAlarm | null> {
  const mended = await mendEnvironment(directory, SHARD_LAYOUT, (bytes, ofBytes) =>
    told.progress('MiB of its store', Math.round(bytes / MIB), Math.round(ofBytes / MIB)),
  );
  if (mended === null) return null;
  const line = describeMendedShard(mended);
  told.error(line);
  for (const detail of mended.details) told.warn(detail);
  return damageAlarm(`shard ${shard}`, `store_damaged.${shard}`, line, mended, nowMs());
}

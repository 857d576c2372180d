/** Looks at a shard's environment before it is opened, and says what became of a damaged one. On the shard's thread. */
import type { LogLevel, ShardEvent } from '../../src/actor/shard-protocol.js';
import { SystemClock } from '../../src/base/clock.js';
import type { ShardId } from '../../src/protocol/ids.js';
import { damageAlarm, describeMendedShard } from '../../src/storage/damage-report.js';
import { mendEnvironment } from '../../src/storage/mending.js';
import { TABLES } from '../../src/storage/tables.js';

/** @throws Error when the environment can neither be read nor put aside */
export async function mendStore(
  directory: string,
  shard: ShardId,
  tell: (event: ShardEvent) => void,
): Promise<void> {
  const log = (level: LogLevel, message: string): void =>
    tell({ kind: 'event', type: 'log', level, message, fields: {} });
  const mended = await mendEnvironment(directory, TABLES, (bytes, ofBytes) =>
    tell({
      kind: 'event',
      type: 'shard.loading',
      what: 'MiB of its store',
      rows: mebibytes(bytes),
      ofRows: mebibytes(ofBytes),
    }),
  );
  if (mended === null) return;
  const line = describeMendedShard(mended);
  log('error', line);
  for (const detail of mended.details) log('warn', detail);
  const alarm = damageAlarm(
    `shard ${shard}`,
    `store_damaged.${shard}`,
    line,
    mended,
    new SystemClock().wallMs(),
  );
  tell({ kind: 'event', type: 'alarm.raised', alarm });
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}

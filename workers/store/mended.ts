/** Looks at a shard's environment before it is opened, and says what became of a damaged one. On the shard's thread. */
import type { LogLevel, ShardEvent } from '../../src/actor/shard-protocol.js';
import { SystemClock } from '../../src/base/clock.js';
import type { ShardId } from '../../src/protocol/ids.js';
import { describeMended, mendEnvironment } from '../../src/storage/mending.js';
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
    log('info', `the store is being read: ${mebibytes(bytes)} of ${mebibytes(ofBytes)} MiB`),
  );
  if (mended === null) return;
  const summary = describeMended(mended);
  log('error', summary);
  for (const detail of mended.details) log('warn', detail);
  tell({
    kind: 'event',
    type: 'alarm.raised',
    alarm: {
      id: `store_damaged/${shard}`,
      severity: 'error',
      title: `The store of shard ${shard} was damaged`,
      summary: `${summary}. Restore a backup if that is too much; remove ${mended.putAside} when nobody needs it`,
      raisedAt: new SystemClock().wallMs(),
    },
  });
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}

/** A shard looks at its environment before it opens it, and tells main what became of a damaged one. On its thread. */
import type { LogLevel, ShardEvent } from '../../src/actor/shard-protocol.js';
import { SystemClock } from '../../src/base/clock.js';
import type { ShardId } from '../../src/protocol/ids.js';
import { mendShard } from '../../src/storage/mended-shard.js';

/** @throws Error when the environment can neither be read nor put aside */
export async function mendStore(
  directory: string,
  shard: ShardId,
  tell: (event: ShardEvent) => void,
): Promise<void> {
  const log = (level: LogLevel, message: string): void =>
    tell({ kind: 'event', type: 'log', level, message, fields: {} });
  const alarm = await mendShard(directory, shard, () => new SystemClock().wallMs(), {
    error: (line) => log('error', line),
    warn: (detail) => log('warn', detail),
    progress: (what, rows, ofRows) => tell({ kind: 'event', type: 'shard.loading', what, rows, ofRows }),
  });
  if (alarm !== null) tell({ kind: 'event', type: 'alarm.raised', alarm });
}

/** Lines about how far shards have come that read what they had kept. Main thread. */
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import { RESTORE_LOG_INTERVAL_MS } from '../limits.js';
import type { ShardId } from '../protocol/ids.js';

export class LoadingLog {
  readonly #saidMs = new Map<ShardId, number>();

  constructor(
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** A shard has read so many rows; every few seconds that is a line. */
  say(shard: ShardId, what: string, rows: number, ofRows: number): void {
    const nowMs = this.clock.monotonicMs();
    const saidMs = this.#saidMs.get(shard) ?? Number.NEGATIVE_INFINITY;
    if (nowMs - saidMs < RESTORE_LOG_INTERVAL_MS) return;
    this.#saidMs.set(shard, nowMs);
    const count = `${rows.toLocaleString('en-US')} of ${ofRows.toLocaleString('en-US')}`;
    this.logger.info(`shard ${shard}: ${count} ${what} read`);
  }
}

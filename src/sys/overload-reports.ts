/** Tells people that a thread is too busy for new connections: one log line each way, and an alarm. Main thread. */
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import type { ShardId } from '../protocol/ids.js';
import type { Alarms } from './alarms.js';

export class OverloadReports {
  readonly #alarms: Alarms;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(alarms: Alarms, clock: Clock, logger: Logger) {
    this.#alarms = alarms;
    this.#clock = clock;
    this.#logger = logger;
  }

  /**
   * @param shard null: the main thread
   * @param lateMs milliseconds by which its loop is late; 0: it takes new connections again
   */
  changed(shard: ShardId | null, lateMs: number): void {
    const thread = shard === null ? 'main' : `shard ${shard}`;
    const id = `overload.${shard ?? 'main'}`;
    if (lateMs === 0) {
      this.#logger.info(`${thread} is no longer overloaded`);
      this.#alarms.clear(id);
      return;
    }
    const summary = `its event loop is late by ${Math.round(lateMs)} ms: new connections wait`;
    this.#logger.warn(`${thread} is overloaded: ${summary}`);
    this.#alarms.raise(shard, {
      id,
      severity: 'error',
      title: `${thread} is overloaded`,
      summary,
      raisedAt: this.#clock.wallMs(),
    });
  }
}

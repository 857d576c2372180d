/** Warns when a shard's loop was held or its heap runs full: log and `$SYS/.../sysmon`. Main thread. */
import type { ShardFigures } from '../actor/shard-protocol.js';
import type { Logger } from '../base/log.js';
import { LARGE_HEAP_SHARE, LONG_TURN_MS } from '../limits.js';
import type { ShardId } from '../protocol/ids.js';
import type { Say } from './alarms.js';

const MIB = 1 << 20;

export class Monitor {
  readonly #heapLimitBytes: number;
  readonly #logger: Logger;
  readonly #say: Say;

  /** @param heapLimitBytes of one shard */
  constructor(heapLimitBytes: number, logger: Logger, say: Say) {
    this.#heapLimitBytes = heapLimitBytes;
    this.#logger = logger;
    this.#say = say;
  }

  /** Called with every heartbeat, which keeps it to one warning per shard and second. */
  look(shard: ShardId, figures: ShardFigures): void {
    const { longestTurnMs, heapUsedBytes } = figures;
    if (longestTurnMs > LONG_TURN_MS) {
      this.#warn('long_schedule', `shard = ${shard}, ${Math.round(longestTurnMs)} ms`);
    }
    if (heapUsedBytes > this.#heapLimitBytes * LARGE_HEAP_SHARE) {
      const used = Math.round(heapUsedBytes / MIB);
      this.#warn('large_heap', `shard = ${shard}, ${used} of ${this.#heapLimitBytes / MIB} MiB`);
    }
  }

  #warn(kind: 'long_schedule' | 'large_heap', what: string): void {
    const line = `${kind} warning: ${what}`;
    this.#logger.warn(line);
    this.#say(`sysmon/${kind}`, line);
  }
}

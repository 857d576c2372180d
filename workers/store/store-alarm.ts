/**
 * Tells people that a shard cannot store what it has to keep, or may not, and that it can again: an alarm, and one log
 * line each way. Runs on the shard's thread.
 */
import type { Core } from '../core.js';

/** To be called once, when the shard's parts are made. */
export function tellOfStore(core: Core): void {
  const { commits, shard, config } = core;
  commits.onFailing = (isFailing, why) =>
    tell(core, isFailing, {
      id: `store_failing.${shard}`,
      title: `Shard ${shard} cannot store`,
      summary:
        `shard-${shard} in node.data_dir cannot be written${why === undefined ? '' : ` (${why})`}: ` +
        'what has to be kept is not acknowledged. ' +
        'Make room on the disk, or see that it takes what is written; nothing has to be restarted.',
      end: 'what has to be kept can be stored again',
    });
  commits.onFull = (isFull) =>
    tell(core, isFull, {
      id: `store_full.${shard}`,
      title: `The store of shard ${shard} is full`,
      summary:
        `shard ${shard} keeps its share of mqtt.persistence.max_bytes (${config['mqtt.persistence.max_bytes']} bytes): ` +
        'messages that would have to be kept are not acknowledged. Let clients fetch what waits for them, end ' +
        'sessions that nobody needs (shardmq sessions remove ID, DELETE api/v2/sessions/ID), or start with a larger limit.',
      end: 'the store has room again',
    });
}

interface Trouble {
  readonly id: string;
  readonly title: string;
  readonly summary: string;
  /** Said when it is over. */
  readonly end: string;
}

function tell({ main, clock, shard }: Core, isThere: boolean, { id, title, summary, end }: Trouble): void {
  if (isThere) {
    main.raiseAlarm({ id, severity: 'critical', title, summary, raisedAt: clock.wallMs() });
    main.log('error', summary, { shard });
  } else {
    main.clearAlarm(id);
    main.log('info', end, { shard });
  }
}

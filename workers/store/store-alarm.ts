/**
 * Tells people that a shard cannot store what it has to keep, and that it can again: an alarm, and one log line each
 * way. Runs on the shard's thread.
 */
import type { Core } from '../core.js';

/** To be called once, when the shard's parts are made. */
export function tellFailingCommits({ commits, main, clock, shard }: Core): void {
  const id = `store_failing.${shard}`;
  commits.onFailing = (isFailing) => {
    if (!isFailing) {
      main.clearAlarm(id);
      main.log('info', 'what has to be kept can be stored again', { shard });
      return;
    }
    const summary =
      `shard ${shard} cannot write to its folder in node.data_dir: what has to be kept is not acknowledged. ` +
      'Make room on the disk, or see that it can be written to; nothing has to be restarted.';
    main.raiseAlarm({
      ...{ id, severity: 'critical', title: `Shard ${shard} cannot store`, summary },
      raisedAt: clock.wallMs(),
    });
    main.log('error', summary, { shard });
  };
}

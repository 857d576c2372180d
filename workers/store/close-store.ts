/** The end of a store when its shard stops, in the time that is left. Runs on the shard's thread. */
import { settlesInTime } from '../../src/base/deadline.js';
import { STORE_STOP_MS_MIN } from '../../src/limits.js';
import type { Core } from '../core.js';
import type { Store } from './store.js';

/** `kept`: settles when everything is kept. The promise resolves when the store is closed, which may be never. */
export async function closeStore(
  { clock, commits, main, shard }: Core,
  store: Store,
  kept: Promise<unknown>,
  untilMs: number,
): Promise<void> {
  const leftMs = (): number => Math.max(untilMs - clock.monotonicMs(), STORE_STOP_MS_MIN);
  const isKept = await settlesInTime(kept, leftMs());
  // What other shards still send is theirs to send again.
  commits.close();
  const closed = store.close();
  const isClosed = await settlesInTime(closed, leftMs());
  if (!isKept || !isClosed) {
    main.log('warn', 'the store did not take everything in time: what nobody was promised yet is not kept', {
      shard,
    });
  }
  await closed;
}

import { MessageChannel } from 'node:worker_threads';
import test from 'ava';
import type { ShardStart } from '../../../src/actor/shard-protocol.js';
import { THREAD_LOAD_TIMEOUT_MS } from '../../../src/limits.js';
import { ThreadPool } from '../../../src/supervisor/thread-pool.js';
import { until } from '../../helpers/with-broker.js';

/** Long for a thread to end, and far below the time for which one that loads is waited for. */
const END_MS = THREAD_LOAD_TIMEOUT_MS / 2;

test('the end does not wait for a thread that has taken the place of another and has loaded', async (t) => {
  const pool = new ThreadPool(new URL('./dying-entry.js', import.meta.url), 1, 1 << 30, () => undefined);
  const run = (incarnation: number): Promise<void> => {
    const { port1 } = new MessageChannel();
    const start = { incarnation, port: port1 } as Partial<ShardStart> as ShardStart;
    return pool.run(start, new AbortController().signal);
  };
  await t.throwsAsync(run(1), { any: true, message: 'died' });
  await run(2);
  let hasEnded = false;
  void pool.destroy(END_MS).then((inTime) => {
    hasEnded = inTime;
  });
  await until(() => hasEnded, 'its end', END_MS);
  t.pass();
});

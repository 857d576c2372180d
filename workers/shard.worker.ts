/** What Piscina loads on each shard's thread: runs one shard until it has stopped, or dies together with it. */
import { isMainThread, threadId } from 'node:worker_threads';
import type { ShardEvent, ShardStart } from '../src/actor/shard-protocol.js';
import { createShard } from './shard.js';

if (isMainThread) throw new Error('workers/shard.worker.js runs on worker threads only');

/** Resolves when the shard has been stopped. Never rejects: a shard that fails ends its thread. */
export async function run(start: ShardStart): Promise<void> {
  const started: ShardEvent = { kind: 'event', type: 'shard.started', thread: threadId };
  start.port.postMessage(started);
  try {
    const shard = await createShard(start);
    await shard.stopped;
  } catch (error) {
    await die(error);
  }
}

/** A rejected task would leave the thread alive, with all that the shard had opened. An uncaught error does not. */
function die(error: unknown): Promise<never> {
  setImmediate(() => {
    throw error;
  });
  return new Promise(() => {});
}

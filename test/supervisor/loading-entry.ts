/** Stands in for a shard that reads a large store: it says how far it is while a word in shared memory is not 0. */
import { setTimeout as sleep } from 'node:timers/promises';
import { getEnvironmentData, threadId } from 'node:worker_threads';
import type { ShardEvent, ShardStart } from '../../src/actor/shard-protocol.js';

const SAY_MS = 5;

export async function run({ port }: ShardStart): Promise<void> {
  const goesOn = new Int32Array(getEnvironmentData('goes-on') as SharedArrayBuffer);
  const tell = (event: ShardEvent): void => port.postMessage(event);
  tell({ kind: 'event', type: 'shard.started', thread: threadId });
  for (let rows = 0; ; rows++) {
    await sleep(SAY_MS);
    if (Atomics.load(goesOn, 0) === 0) continue;
    tell({ kind: 'event', type: 'shard.loading', what: 'MiB of its store', rows, ofRows: 1_000 });
  }
}

/** Which shard takes a connection whose owner main cannot know. Main thread. */
import type { ShardHandle } from './shard-handle.js';

type Candidate = Pick<ShardHandle, 'takesConnections' | 'connectionCount'>;

/**
 * @param turn any number that rises from call to call: those with equally few take turns
 * @returns index of the shard with the fewest connections, those on their way to it included, of all that take some
 * now; where none does, of all: the connection waits there
 */
export function leastLoaded(shards: readonly Candidate[], turn: number): number {
  const start = turn % shards.length;
  let best = start;
  for (let i = 1; i < shards.length; i++) {
    const index = (start + i) % shards.length;
    if (isBetter(shards[index]!, shards[best]!)) best = index;
  }
  return best;
}

function isBetter(a: Candidate, b: Candidate): boolean {
  if (a.takesConnections !== b.takesConnections) return a.takesConnections;
  return a.connectionCount < b.connectionCount;
}

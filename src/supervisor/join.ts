/** Joins two shards by a channel of their own. Main thread. */
import { MessageChannel } from 'node:worker_threads';
import { PEER_CONNECT_TIMEOUT_MS } from '../limits.js';
import { describe } from './failure-text.js';
import type { ShardHandle } from './shard-handle.js';

/** Resolves when each knows the other's whole interest, or will not in time. @returns what the log has to say */
export async function join(a: ShardHandle, b: ShardHandle): Promise<string[]> {
  const { port1, port2 } = new MessageChannel();
  const ends = [
    a.incarnation!.client.request('peer.connect', { shard: b.id, port: port1 }, PEER_CONNECT_TIMEOUT_MS, [
      port1,
    ]),
    b.incarnation!.client.request('peer.connect', { shard: a.id, port: port2 }, PEER_CONNECT_TIMEOUT_MS, [
      port2,
    ]),
  ];
  const lines: string[] = [];
  for (const end of await Promise.allSettled(ends)) {
    // A shard that has ended meanwhile is logged where that is noticed, and joins anew when it is back.
    if (end.status === 'fulfilled' || !a.isAlive || !b.isAlive) continue;
    lines.push(`shards ${a.id} and ${b.id} are slow to join: ${describe(end.reason)}`);
  }
  return lines;
}

/** Tells one shard of something new that its next start would begin with. Main thread. */
import type { ConfigUpdate, ShardRequests } from '../actor/shard-protocol.js';
import { CONFIG_UPDATE_TIMEOUT_MS } from '../limits.js';
import { describe } from './failure-text.js';
import type { Incarnation, ShardHandle } from './shard-handle.js';

/** Rejects when the shard does not answer and is still there. */
export async function updateShard<T extends 'tls.update' | 'access.update'>(
  handle: ShardHandle,
  type: T,
  input: ShardRequests[T]['input'],
): Promise<void> {
  const { incarnation } = handle;
  if (incarnation === null) return;
  try {
    await incarnation.client.request(type, input);
  } catch (error) {
    // One that is being started has not read it yet, but will before it takes connections.
    if (handle.incarnation === incarnation && handle.isAlive) throw error;
  }
}

/** Never rejects: a shard that does not confirm is ended, and its next start has the configuration. */
export async function configureShard(handle: ShardHandle, update: ConfigUpdate): Promise<void> {
  const { incarnation, state } = handle;
  if (incarnation === null || state === 'down' || state === 'stopped') return;
  const confirmed = incarnation.client.request('config.update', update, CONFIG_UPDATE_TIMEOUT_MS);
  try {
    // It reads this before it takes clients, so nobody need wait for it.
    if (state === 'starting') confirmed.catch(() => undefined);
    else await confirmed;
  } catch (error) {
    if (handle.incarnation !== incarnation || !handle.isAlive) return;
    abort(incarnation, `it has not taken configuration ${update.version}: ${describe(error)}`);
    await incarnation.ended;
  }
}

/** Ends the thread, whatever it is doing. */
export function abort(incarnation: Incarnation, reason: string): void {
  incarnation.abortReason ??= reason;
  incarnation.controller.abort();
}

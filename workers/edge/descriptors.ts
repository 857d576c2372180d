/** A descriptor from main that cannot be opened ends its client, and nothing else. Runs on the shard's thread. */
import { messageOf } from '../../src/base/errors.js';
import type { Origin } from '../connection/origin.js';
import type { Core } from '../core.js';

/** @returns what `open` gives; null when it throws, and then the connection is over. */
export function tryOpen<Opened>(core: Core, origin: Origin, open: () => Opened): Opened | null {
  try {
    return open();
  } catch (error) {
    const reason = messageOf(error);
    core.main.log('warn', 'a connection could not be taken over', { peer: origin.peerAddress, reason });
    origin.ends.closed(origin.number, 'descriptor_failed');
    return null;
  }
}

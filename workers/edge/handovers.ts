/** Takes over descriptors from main: publishes the hand-over's number, then opens it. Runs on the shard's thread. */
import type { ConnectionHandover } from '../../src/actor/shard-protocol.js';
import type { Intake } from '../connection/intake.js';
import type { Origin } from '../connection/origin.js';
import type { Core } from '../core.js';
import type { OpenLink } from '../seams.js';
import type { Link } from '../transport/link.js';

export class Handovers {
  private readonly adopted: Uint32Array;

  constructor(
    private readonly core: Core,
    private readonly intake: Intake,
    private readonly openLink: OpenLink,
    word: SharedArrayBuffer,
  ) {
    this.adopted = new Uint32Array(word);
  }

  /** A descriptor that cannot be opened ends this client and nothing else. */
  take(handover: ConnectionHandover): void {
    this.core.turn.enter();
    // From here on the descriptor is this shard's: main must not close it any more, even if this thread dies now.
    Atomics.store(this.adopted, 0, handover.number >>> 0);
    const origin = this.originOf(handover);
    const { fd, ageMs } = handover;
    const { buffer, byteOffset, byteLength } = handover.head;
    const head = Buffer.from(buffer, byteOffset, byteLength);
    const link = this.open(fd, origin);
    if (link !== null) this.intake.adopt(link, origin, head, ageMs);
  }

  private open(fd: number, origin: Origin): Link | null {
    try {
      return this.openLink(fd, origin.options.nodelay);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const peer = origin.peerAddress;
      this.core.main.log('warn', 'a connection could not be taken over', { peer, reason });
      origin.closed('descriptor_failed');
      return null;
    }
  }

  private originOf(handover: ConnectionHandover): Origin {
    const { number, listener, peerAddress, peerPort, assignedClientId, certificateUsername } = handover;
    const { main, listeners } = this.core;
    const options = listeners[listener]!;
    const closed = (reason: string): void => main.closed(number, listener, reason);
    return { listener, options, peerAddress, peerPort, assignedClientId, certificateUsername, closed };
  }
}

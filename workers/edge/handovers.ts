/**
 * Takes over descriptors from main: publishes the hand-over's number, then opens it. Many that come at once take their
 * turns, so that those who are connected do not wait for all of them. Runs on the shard's thread.
 */
import type { ConnectionHandover } from '../../src/actor/shard-protocol.js';
import { HANDOVER_EDGE_WEIGHT, HANDOVER_HEAD_BYTES, HANDOVERS_PER_TURN } from '../../src/limits.js';
import type { Intake } from '../connection/intake.js';
import type { Origin } from '../connection/origin.js';
import type { Core } from '../core.js';
import type { OpenLink } from '../seams.js';
import type { Runnable } from '../turn.js';
import { tryOpen } from './descriptors.js';
import type { Edge } from './edge.js';

export class Handovers implements Runnable {
  queued = false;
  /** In order; those before `next` are taken over. Bounded by main: see UNADOPTED_CONNECTIONS_MAX. */
  private waiting: ConnectionHandover[] = [];
  private next = 0;
  private turnNumber = -1;
  /** How many may still be taken over in that turn. */
  private left = 0;
  private readonly adopted: Uint32Array;
  /** Of one connection after the other. */
  private readonly head = Buffer.allocUnsafeSlow(HANDOVER_HEAD_BYTES);

  constructor(
    private readonly core: Core,
    private readonly intake: Intake,
    private readonly edge: Edge,
    private readonly openLink: OpenLink,
    word: SharedArrayBuffer,
  ) {
    this.adopted = new Uint32Array(word);
  }

  /** In this turn, or in a later one when there have been many. */
  take(handovers: readonly ConnectionHandover[]): void {
    this.core.turn.enter();
    for (let i = 0; i < handovers.length; i++) this.waiting.push(handovers[i]!);
    if (this.run()) this.core.turn.queue(this);
  }

  run(): boolean {
    const { number } = this.core.turn;
    if (number !== this.turnNumber) {
      this.turnNumber = number;
      this.left = HANDOVERS_PER_TURN;
    }
    while (this.next < this.waiting.length && this.left > 0) {
      const handover = this.waiting[this.next++]!;
      this.left -= this.edge.serves(handover.listener) ? HANDOVER_EDGE_WEIGHT : 1;
      this.adopt(handover);
    }
    if (this.next < this.waiting.length) return true;
    this.stop();
    return false;
  }

  /** Takes over nothing more: what waits is still main's. */
  stop(): void {
    this.waiting = [];
    this.next = 0;
  }

  /** A descriptor that cannot be opened ends this client and nothing else. */
  private adopt(handover: ConnectionHandover): void {
    // From here on the descriptor is this shard's: main must not close it any more, even if this thread dies now.
    Atomics.store(this.adopted, 0, handover.number >>> 0);
    const origin = this.originOf(handover);
    const { fd, head, ageMs } = handover;
    if (this.edge.serves(origin.listener)) {
      this.edge.take(fd, Buffer.from(head, 'latin1'), origin, ageMs);
      return;
    }
    const link = tryOpen(this.core, origin, () => this.openLink(fd));
    if (link === null) return;
    const bytes = head.length <= this.head.length ? this.head : Buffer.allocUnsafeSlow(head.length);
    bytes.write(head, 'latin1');
    this.intake.adopt(link, origin, bytes, head.length, ageMs);
  }

  private originOf(handover: ConnectionHandover): Origin {
    const { number, listener, peerAddress, peerPort, assignedClientId, certificateUsername } = handover;
    const { main, listeners } = this.core;
    const options = listeners[listener]!;
    return {
      listener,
      options,
      peerAddress,
      peerPort,
      assignedClientId,
      certificateUsername,
      number,
      ends: main,
    };
  }
}

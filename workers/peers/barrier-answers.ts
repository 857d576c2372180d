/**
 * Answers to other shards' barriers, held back until the retained writes that this shard sent before are applied by
 * their owners: a subscriber that asks for retained messages after its SUBACK must find them. Runs on the shard's
 * thread.
 */

import type { OutboxStream } from './outbox-stream.js';
import type { Outgoing } from './outgoing.js';
import type { Peer } from './peer.js';

/** A peer to which retained writes are under way, and the sequences that it must have handled. */
interface Need {
  readonly outgoing: Outgoing;
  readonly sequence: number;
  readonly stream: OutboxStream;
  readonly keptSequence: number;
}

interface Answer {
  readonly peer: Peer;
  readonly barrier: number;
  readonly needs: readonly Need[];
}

const NOTHING: readonly Need[] = [];

export class BarrierAnswers {
  // In the order in which they were asked for; what one needs, all behind it need too.
  private waiting: Answer[] = [];

  /** `peer` wants to know when `barrier` is applied, which is now except for retained writes to `peers`. */
  add(peer: Peer, barrier: number, peers: readonly (Peer | null)[]): void {
    const needs = needsNow(peers);
    if (needs.length === 0 && this.waiting.length === 0) peer.oweBarrier(barrier);
    else this.waiting.push({ peer, barrier, needs });
  }

  /**
   * Gives all answers that nothing holds back any more. `isFailing`: nothing from the outbox can be sent, and so
   * nobody is promised that it is retained.
   */
  release(isFailing: boolean): void {
    if (this.waiting.length === 0) return;
    let count = 0;
    for (const { peer, barrier, needs } of this.waiting) {
      if (!needs.every((need) => isMet(need, isFailing))) break;
      peer.oweBarrier(barrier);
      count++;
    }
    if (count > 0) this.waiting = this.waiting.slice(count);
  }
}

function needsNow(peers: readonly (Peer | null)[]): readonly Need[] {
  let needs: Need[] | null = null;
  for (const peer of peers) {
    if (peer === null || !(peer.outgoing.awaitsRetained || peer.stream.awaitsRetained)) continue;
    const { outgoing, stream } = peer;
    const sequence = outgoing.retainedSequence;
    needs ??= [];
    needs.push({ outgoing, sequence, stream, keptSequence: stream.retainedSequence });
  }
  return needs ?? NOTHING;
}

// For an owner that is lost nobody waits.
function isMet({ outgoing, sequence, stream, keptSequence }: Need, isFailing: boolean): boolean {
  if (outgoing.isClosed) return true;
  if (outgoing.appliedSequence < sequence) return false;
  return stream.handledSequence >= keptSequence || (isFailing && stream.isStuck);
}

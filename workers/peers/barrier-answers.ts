/**
 * Answers to other shards' barriers, held back until the retained writes that this shard sent before are applied by
 * their owners: a subscriber that asks for retained messages after its SUBACK must find them. Runs on the shard's
 * thread.
 */
import type { Outgoing } from './outgoing.js';
import type { Peer } from './peer.js';

/** A stream with retained writes under way, and the sequence that must have been applied. */
interface Need {
  readonly outgoing: Outgoing;
  readonly sequence: number;
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

  /** Gives all answers that nothing holds back any more. */
  release(): void {
    let count = 0;
    for (const { peer, barrier, needs } of this.waiting) {
      if (!needs.every(isMet)) break;
      peer.oweBarrier(barrier);
      count++;
    }
    if (count > 0) this.waiting = this.waiting.slice(count);
  }
}

function needsNow(peers: readonly (Peer | null)[]): readonly Need[] {
  let needs: Need[] | null = null;
  for (const peer of peers) {
    if (peer === null || !peer.outgoing.awaitsRetained) continue;
    needs ??= [];
    needs.push({ outgoing: peer.outgoing, sequence: peer.outgoing.retainedSequence });
  }
  return needs ?? NOTHING;
}

// An owner that is lost has taken its retained messages with it.
function isMet(need: Need): boolean {
  return need.outgoing.isClosed || need.outgoing.appliedSequence >= need.sequence;
}

/**
 * Batches of other shards that are handled here and not safe yet: their senders hear of each of them once it is, and
 * never before those that were sent earlier. Runs on the shard's thread.
 */
import type { ShardId } from '../../src/protocol/ids.js';
import type { Committable } from '../peers/handlers.js';

/** One batch on its way into the store. */
export interface GatedBatch {
  readonly peer: Committable;
  readonly sequence: number;
  readonly from: ShardId;
  isSafe: boolean;
}

export class BatchGate {
  /** Handled and not reported, in the order of their handling. */
  private waiting: GatedBatch[] = [];
  /** A bit per shard with a batch in `waiting`. */
  private waitingFrom = 0;
  /** For the next commit. */
  private unsafe: GatedBatch[] = [];

  /** A batch is handled. One that has left nothing to be stored is reported at once, unless others are before it. */
  add(peer: Committable, sequence: number, from: ShardId, needsCommit: boolean): void {
    if (!needsCommit && (this.waitingFrom & (1 << from)) === 0) {
      peer.commit(sequence);
      return;
    }
    const batch: GatedBatch = { peer, sequence, from, isSafe: !needsCommit };
    this.waiting.push(batch);
    this.waitingFrom |= 1 << from;
    if (needsCommit) this.unsafe.push(batch);
  }

  get isEmpty(): boolean {
    return this.unsafe.length === 0;
  }

  /** @returns what the next commit has to hold. */
  take(): readonly GatedBatch[] {
    const batches = this.unsafe;
    this.unsafe = [];
    return batches;
  }

  /** What left entries of `batches` is safe. */
  settle(batches: readonly GatedBatch[]): void {
    if (batches.length === 0) return;
    for (const batch of batches) batch.isSafe = true;
    this.report();
  }

  private report(): void {
    const { waiting } = this;
    this.waiting = [];
    this.waitingFrom = 0;
    for (const batch of waiting) {
      const bit = 1 << batch.from;
      if (batch.isSafe && (this.waitingFrom & bit) === 0) {
        batch.peer.commit(batch.sequence);
      } else {
        this.waiting.push(batch);
        this.waitingFrom |= bit;
      }
    }
  }
}

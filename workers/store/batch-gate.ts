/**
 * Batches of other shards that are handled here and not safe yet: their senders hear of each of them once it is, and
 * never before those that were sent earlier. Runs on the shard's thread.
 */
import type { ShardId } from '../../src/protocol/ids.js';
import type { Committable } from '../peers/handlers.js';

/** No commit has begun that holds it. */
const NO_COMMIT = Number.POSITIVE_INFINITY;

/** One batch on its way into the store. */
interface GatedBatch {
  readonly peer: Committable;
  readonly sequence: number;
  readonly from: ShardId;
  /** The commit that makes it safe; 0: it is. */
  commit: number;
}

export class BatchGate {
  /** Handled and not reported, in the order of their handling. */
  private waiting: GatedBatch[] = [];
  /** A bit per shard with a batch in `waiting`. */
  private waitingFrom = 0;
  /** For the next commit. */
  private readonly unsafe: GatedBatch[] = [];

  /** A batch is handled. One that has left nothing to be stored is reported at once, unless others are before it. */
  add(peer: Committable, sequence: number, from: ShardId, needsCommit: boolean): void {
    if (!needsCommit && (this.waitingFrom & (1 << from)) === 0) {
      peer.commit(sequence);
      return;
    }
    const batch: GatedBatch = { peer, sequence, from, commit: needsCommit ? NO_COMMIT : 0 };
    this.waiting.push(batch);
    this.waitingFrom |= 1 << from;
    if (needsCommit) this.unsafe.push(batch);
  }

  /** Nothing waits for a commit that has yet to be asked for. */
  get isEmpty(): boolean {
    return this.unsafe.length === 0;
  }

  /** What has been added goes with this commit. */
  goWith(commit: number): void {
    for (const batch of this.unsafe) batch.commit = commit;
    this.unsafe.length = 0;
  }

  /** What left entries is safe up to this commit. */
  settle(commit: number): void {
    const { waiting } = this;
    if (waiting.length === 0) return;
    this.waiting = [];
    this.waitingFrom = 0;
    for (const batch of waiting) {
      const bit = 1 << batch.from;
      if (batch.commit <= commit && (this.waitingFrom & bit) === 0) {
        batch.peer.commit(batch.sequence);
      } else {
        this.waiting.push(batch);
        this.waitingFrom |= bit;
      }
    }
  }
}

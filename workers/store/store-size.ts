/** How much a store holds, and whether that is all it may. Runs on the shard's thread. */
import type { Clock } from '../../src/base/clock.js';
import { STORE_FULL_END_SHARE, STORE_MEASURE_MS } from '../../src/limits.js';
import type { Change } from '../../src/storage/tables.js';

export interface Measurable {
  /** @throws Error when it cannot be read */
  readonly usedBytes: number;
}

export class StoreSize {
  /** No more is to be added. */
  isFull = false;
  private measuredBytes = 0;
  private measuredMs = Number.NEGATIVE_INFINITY;
  /** Written since then; what was removed is not known. */
  private addedBytes = 0;

  /** `maxBytes` 0: no limit. */
  constructor(
    private readonly maxBytes: number,
    private readonly clock: Clock,
  ) {}

  /** A commit of these begins. */
  add(changes: readonly Change[]): void {
    if (this.maxBytes === 0) return;
    for (const { value } of changes) if (value !== null) this.addedBytes += value.length;
    if (this.measuredBytes + this.addedBytes >= this.maxBytes) this.isFull = true;
  }

  /** A commit has ended. */
  look(store: Measurable): void {
    if (this.maxBytes === 0) return;
    const nowMs = this.clock.monotonicMs();
    if (!this.isFull && nowMs - this.measuredMs < STORE_MEASURE_MS) return;
    this.measuredMs = nowMs;
    try {
      this.measuredBytes = store.usedBytes;
    } catch {
      // It has been given up since it was written; it is looked at again after the next commit.
      return;
    }
    this.addedBytes = 0;
    const limit = this.isFull ? this.maxBytes * STORE_FULL_END_SHARE : this.maxBytes;
    this.isFull = this.measuredBytes >= limit;
  }
}

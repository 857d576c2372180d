/** Who waits until other shards know this shard's interest: SUBACKs, mostly. Runs on the shard's thread. */

/** @param ok false: the deadline has passed first. */
export type OnInterestKnown = (ok: boolean) => void;

// Columns instead of objects: tens of thousands may wait after a crowd has connected.
export class InterestWaiters {
  private callbacks: (OnInterestKnown | null)[] = [];
  private barriers: number[] = [];
  private deadlinesMs: number[] = [];
  // Barriers never fall, so those who may go stand in front.
  private head = 0;
  private earliestMs = Number.POSITIVE_INFINITY;

  get isEmpty(): boolean {
    return this.head === this.callbacks.length;
  }

  /** `barrier` must not be lower than the last one added. */
  add(callback: OnInterestKnown, barrier: number, deadlineMs: number): void {
    this.callbacks.push(callback);
    this.barriers.push(barrier);
    this.deadlinesMs.push(deadlineMs);
    if (deadlineMs < this.earliestMs) this.earliestMs = deadlineMs;
  }

  /** Calls back, in order, all that wait for a barrier up to `barrier`. */
  release(barrier: number): void {
    while (this.head < this.callbacks.length && this.barriers[this.head]! <= barrier) {
      const callback = this.callbacks[this.head]!;
      this.callbacks[this.head++] = null;
      callback?.(true);
    }
    if (this.isEmpty) this.clear();
    else if (this.head > 1024 && this.head * 2 > this.callbacks.length) this.trim();
  }

  /** Tells those whose deadline has passed that it has come to nothing. */
  expire(nowMs: number): void {
    if (nowMs < this.earliestMs) return;
    this.earliestMs = Number.POSITIVE_INFINITY;
    const expired: OnInterestKnown[] = [];
    for (let i = this.head; i < this.callbacks.length; i++) {
      const callback = this.callbacks[i]!;
      if (callback === null) continue;
      const deadlineMs = this.deadlinesMs[i]!;
      if (deadlineMs <= nowMs) {
        this.callbacks[i] = null;
        expired.push(callback);
      } else if (deadlineMs < this.earliestMs) this.earliestMs = deadlineMs;
    }
    // Last, because a callback may add or release.
    for (const callback of expired) callback(false);
  }

  private clear(): void {
    this.callbacks.length = this.barriers.length = this.deadlinesMs.length = this.head = 0;
    this.earliestMs = Number.POSITIVE_INFINITY;
  }

  private trim(): void {
    this.callbacks = this.callbacks.slice(this.head);
    this.barriers = this.barriers.slice(this.head);
    this.deadlinesMs = this.deadlinesMs.slice(this.head);
    this.head = 0;
  }
}

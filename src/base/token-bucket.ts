/** Rate limit of one thing, by any clock whose milliseconds are given in. Any thread. */

/**
 * Fills with `perSecond` tokens up to `burst`. What has happened already (a packet read) is spent even where there are
 * too few: the bucket then owes, and says how long to pause until it owes no more.
 */
export class TokenBucket {
  private readonly perMs: number;
  private readonly burst: number;
  private tokens: number;
  private filledAtMs: number;

  /** Starts full. `perSecond` must be above 0. */
  constructor(perSecond: number, burst: number, nowMs: number) {
    this.perMs = perSecond / 1_000;
    this.burst = burst;
    this.tokens = burst;
    this.filledAtMs = nowMs;
  }

  /** Spends tokens, into debt if need be. @returns milliseconds to pause; 0: go on. */
  spend(tokens: number, nowMs: number): number {
    this.fill(nowMs);
    this.tokens -= tokens;
    return this.tokens >= 0 ? 0 : -this.tokens / this.perMs;
  }

  /** Spends tokens only if there are enough. */
  trySpend(tokens: number, nowMs: number): boolean {
    this.fill(nowMs);
    if (this.tokens < tokens) return false;
    this.tokens -= tokens;
    return true;
  }

  /** Takes back what was spent. */
  giveBack(tokens: number): void {
    this.tokens = Math.min(this.burst, this.tokens + tokens);
  }

  private fill(nowMs: number): void {
    const passedMs = nowMs - this.filledAtMs;
    // A clock set back neither takes tokens away nor gives them twice.
    if (passedMs <= 0) return;
    this.tokens = Math.min(this.burst, this.tokens + passedMs * this.perMs);
    this.filledAtMs = nowMs;
  }
}

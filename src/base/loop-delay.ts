/**
 * How late an event loop is: by how much a repeated timer fires too late, which is what anything waits that is due at
 * some moment. Averaged over about a second, with the weight of the time it covers: a pause of the garbage collector is
 * nothing, a loop that is late all the time is noticed within two seconds. Any thread.
 */
import { LOOP_DELAY_AVERAGE_MS, LOOP_DELAY_CAP, LOOP_RELIEF_SHARE } from '../limits.js';

export class LoopDelay {
  /** Above `boundMs`, until it is below LOOP_RELIEF_SHARE of it. */
  isOverloaded = false;
  /** The average, in milliseconds. */
  delayMs = 0;
  /** `overload.loop_delay`; 0: never overloaded. May change at any time. */
  boundMs: number;

  /** @param boundMs see there */
  constructor(boundMs: number) {
    this.boundMs = boundMs;
  }

  /**
   * To be called by the timer, which was set `elapsedMs` ago and fires so much too late.
   * @returns whether `isOverloaded` has changed
   */
  tick(firedLateMs: number, elapsedMs: number): boolean {
    // One very long pause is over when it is seen, and must not count for long after.
    const capMs = this.boundMs > 0 ? LOOP_DELAY_CAP * this.boundMs : Number.POSITIVE_INFINITY;
    const lateMs = Math.min(firedLateMs, capMs);
    const weight = 1 - Math.exp(-Math.max(0, elapsedMs) / LOOP_DELAY_AVERAGE_MS);
    this.delayMs += (lateMs - this.delayMs) * weight;
    const limitMs = this.isOverloaded ? this.boundMs * LOOP_RELIEF_SHARE : this.boundMs;
    const isOverloaded = this.boundMs > 0 && this.delayMs > limitMs;
    if (isOverloaded === this.isOverloaded) return false;
    this.isOverloaded = isOverloaded;
    return true;
  }
}

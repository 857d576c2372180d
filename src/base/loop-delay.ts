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
  readonly #intervalMs: number;
  #lastMs: number;

  /**
   * @param boundMs see there
   * @param intervalMs of the timer
   */
  constructor(boundMs: number, intervalMs: number, nowMs: number) {
    this.boundMs = boundMs;
    this.#intervalMs = intervalMs;
    this.#lastMs = nowMs;
  }

  /** To be called by the timer. @returns whether `isOverloaded` has changed */
  tick(nowMs: number): boolean {
    const elapsedMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    // One very long pause is over when it is seen, and must not count for long after.
    const capMs = this.boundMs > 0 ? LOOP_DELAY_CAP * this.boundMs : Number.POSITIVE_INFINITY;
    const lateMs = Math.min(Math.max(0, elapsedMs - this.#intervalMs), capMs);
    const weight = 1 - Math.exp(-Math.max(0, elapsedMs) / LOOP_DELAY_AVERAGE_MS);
    this.delayMs += (lateMs - this.delayMs) * weight;
    const limitMs = this.isOverloaded ? this.boundMs * LOOP_RELIEF_SHARE : this.boundMs;
    const isOverloaded = this.boundMs > 0 && this.delayMs > limitMs;
    if (isOverloaded === this.isOverloaded) return false;
    this.isOverloaded = isOverloaded;
    return true;
  }

  /** The clock was turned: the time until now was none. */
  skip(nowMs: number): void {
    this.#lastMs = nowMs;
  }
}

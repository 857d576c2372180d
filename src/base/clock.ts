/** The only place that reads time. Each thread has one clock; tests turn them. Any thread. */

/** Time as a part of the broker sees it. Both values are milliseconds, possibly fractional. */
export interface Clock {
  /** Never goes backward; its zero is arbitrary. For timeouts, intervals and ages. */
  monotonicMs(): number;
  /** Since 1970, as the wall clock says; may jump. For stamps that people or other processes see. */
  wallMs(): number;
}

/** The machine's clock, with an offset that only tests move. */
export class SystemClock implements Clock {
  #offsetMs = 0;

  monotonicMs(): number {
    return performance.now() + this.#offsetMs;
  }

  wallMs(): number {
    return Date.now() + this.#offsetMs;
  }

  /** Moves both readings forward. */
  advance(ms: number): void {
    this.#offsetMs += ms;
  }
}

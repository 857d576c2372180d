/**
 * The timer for all that has to be looked at again and again: often while something happens, and seldom while nothing
 * does, for to wake a thread costs more than what it then looks at. Any thread.
 */
import type { Clock } from './clock.js';

export interface Ticking {
  /** Milliseconds between two ticks, and while it rests. */
  readonly intervalMs: number;
  readonly restMs: number;
  /**
   * The timer was set `elapsedMs` ago, and fires so much too late: what anything waits that is due at some moment.
   * @returns whether something is under way, or due soon; if not, and nothing has woken it since the tick before, it
   * rests
   */
  tick(lateMs: number, elapsedMs: number): boolean;
}

export class Ticker {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #ticking: Ticking;
  #timer: NodeJS.Timeout | null = null;
  #isResting = false;
  /** Since the last tick, or by it. */
  #isWoken = false;
  /** When the timer was set, and to what. */
  #setMs = 0;
  #forMs = 0;
  readonly #onTimer = (): void => this.#fired();

  constructor(clock: Pick<Clock, 'monotonicMs'>, ticking: Ticking) {
    this.#clock = clock;
    this.#ticking = ticking;
  }

  start(): void {
    this.#set(false);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#isResting = false;
  }

  /** Something happens. To be called as often as one likes. */
  wake(): void {
    this.#isWoken = true;
    if (!this.#isResting) return;
    const leftMs = this.#setMs + this.#forMs - this.#clock.monotonicMs();
    // One that is due already says how late it is.
    if (leftMs > this.#ticking.intervalMs) this.#set(false);
    else this.#isResting = false;
  }

  /** A test has turned the clock. */
  clockTurned(ms: number): void {
    this.#setMs += ms;
  }

  #fired(): void {
    const { intervalMs } = this.#ticking;
    const elapsedMs = this.#clock.monotonicMs() - this.#setMs;
    const lateMs = Math.max(0, elapsedMs - this.#forMs);
    // What wakes it now must not set the timer beside us.
    this.#isResting = false;
    const isUnderWay = this.#ticking.tick(lateMs, elapsedMs);
    // A thread that is late does something.
    const isBusy = isUnderWay || this.#isWoken || lateMs >= intervalMs;
    this.#isWoken = false;
    // Unless it was stopped by what it ticks.
    if (this.#timer !== null) this.#set(!isBusy);
  }

  #set(isResting: boolean): void {
    const { intervalMs, restMs } = this.#ticking;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#isResting = isResting;
    this.#setMs = this.#clock.monotonicMs();
    this.#forMs = isResting ? restMs : intervalMs;
    this.#timer = setTimeout(this.#onTimer, this.#forMs);
  }
}

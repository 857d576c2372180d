/**
 * The timer for all that has to be looked at again and again: often while something happens, and seldom while nothing
 * does, for to wake a thread costs more than what it then looks at. Any thread.
 */
export interface Ticking {
  /** Milliseconds between two ticks, and while it rests. */
  readonly intervalMs: number;
  readonly restMs: number;
  /** The timer is set, to so many milliseconds. */
  set(ms: number): void;
  /** @returns whether something has happened since the tick before; if not, it rests */
  tick(): boolean;
}

export class Ticker {
  readonly #ticking: Ticking;
  #timer: NodeJS.Timeout | null = null;
  #isResting = false;
  readonly #onTimer = (): void => {
    const isBusy = this.#ticking.tick();
    // Unless it was stopped by what it ticks.
    if (this.#timer !== null) this.#set(!isBusy);
  };

  constructor(ticking: Ticking) {
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
    if (!this.#isResting) return;
    clearTimeout(this.#timer!);
    this.#set(false);
  }

  #set(isResting: boolean): void {
    const { intervalMs, restMs } = this.#ticking;
    const ms = isResting ? restMs : intervalMs;
    this.#isResting = isResting;
    this.#ticking.set(ms);
    this.#timer = setTimeout(this.#onTimer, ms);
  }
}

/** Work that is done again on request, one run after the other. Main thread. */

export class OneAtATime {
  /** The run under way, and the one that all calls during it get. */
  #running: Promise<void> = Promise.resolve();
  #queued: Promise<void> | null = null;
  readonly #work: () => Promise<void>;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Resolves or rejects as a run that begins after this call. All calls during one run get the next. */
  run(): Promise<void> {
    this.#queued ??= this.#running.then(() => {
      this.#queued = null;
      const ran = this.#work();
      this.#running = ran.catch(ignore);
      return ran;
    });
    return this.#queued;
  }
}

function ignore(): void {}

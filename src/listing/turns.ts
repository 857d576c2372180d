/** Lets a few do something at a time; the others wait, in order, and not too many of them. Main thread. */
import { BrokerError } from '../base/errors.js';

export class Turns {
  #underWay = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(
    private readonly underWayMax: number,
    private readonly waitingMax: number,
  ) {}

  /** Does `work` when its turn comes. @throws BrokerError REQUEST_FAILED at once when too many wait */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#underWay >= this.underWayMax) {
      if (this.#waiting.length >= this.waitingMax)
        throw new BrokerError('REQUEST_FAILED', 'too many lists are asked for at one time');
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#underWay += 1;
    try {
      return await work();
    } finally {
      // Whoever waited takes over the place.
      const next = this.#waiting.shift();
      if (next === undefined) this.#underWay -= 1;
      else next();
    }
  }
}

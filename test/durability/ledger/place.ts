/** Where the broker is, which changes with each of its starts, and the pause before clients look again. */

/** Clients try again after this long, at random, up to twice of it. */
const AGAIN_MS = 25;

export class Place {
  private port = 0;
  private wakes: (() => void)[] = [];

  constructor(private readonly random: () => number) {}

  address(): { host: string; port: number } {
    return { host: '127.0.0.1', port: this.port };
  }

  /** Whoever waits tries at once. */
  moved(port: number): void {
    this.port = port;
    const { wakes } = this;
    this.wakes = [];
    for (const wake of wakes) wake();
  }

  /** A pause; until somebody knows where the broker is. */
  async wait(): Promise<void> {
    const pause = new Promise((resolve) => setTimeout(resolve, AGAIN_MS * (1 + this.random())));
    await Promise.race([pause, new Promise<void>((resolve) => this.wakes.push(resolve))]);
    while (this.port === 0) await new Promise<void>((resolve) => this.wakes.push(resolve));
  }
}

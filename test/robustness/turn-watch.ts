/** Looks again and again at the figures of all shards: the longest turn, and the most that waited. Beside a test. */
import type { Assertions, LogFn } from 'ava';
import type { RunningBroker } from '../../src/broker.js';
import { onEveryShard } from '../helpers/with-broker.js';

const LOOK_EVERY_MS = 40;
/**
 * The product's own bound is 10 ms, and what the log says on a quiet machine is to be held against that. Here other
 * tests run on the same cores: this one only finds what is not cut into slices at all.
 */
const TURN_MAX_MS = 2_000;

export class TurnWatch {
  longestTurnMs = 0;
  mostWaitingBytes = 0;
  private readonly timer: NodeJS.Timeout;
  private looking: Promise<void> = Promise.resolve();

  constructor(private readonly broker: RunningBroker) {
    this.timer = setInterval(() => {
      this.looking = this.look();
    }, LOOK_EVERY_MS);
  }

  /** Ends it, and fails the test when some shard was held for long. */
  async stop(t: Assertions & { readonly log: LogFn }): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
    await this.look();
    t.log(`longest turn ${this.longestTurnMs.toFixed(1)} ms, at most ${this.mostWaitingBytes} bytes waiting`);
    t.true(this.longestTurnMs < TURN_MAX_MS, `a turn of ${this.longestTurnMs} ms`);
  }

  private async look(): Promise<void> {
    const all = await onEveryShard(this.broker, (shard) => this.broker.request(shard, 'shard.figures', null));
    for (const { longestTurnMs, waitingBytes } of all) {
      this.longestTurnMs = Math.max(this.longestTurnMs, longestTurnMs);
      this.mostWaitingBytes = Math.max(this.mostWaitingBytes, waitingBytes);
    }
  }
}

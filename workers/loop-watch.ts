/** Tells main at once when this shard's loop is too late to take new clients, and when no longer. On the shard's thread. */
import type { Clock } from '../src/base/clock.js';
import { LoopDelay } from '../src/base/loop-delay.js';
import type { Config } from '../src/config/schema.js';
import { TIMER_WHEEL_TICK_MS } from '../src/limits.js';
import type { ConfigFollower } from './core.js';

/** Told of each change, with the delay in milliseconds. */
export type OverloadChanged = (isOverloaded: boolean, delayMs: number) => void;

export class LoopWatch implements ConfigFollower {
  private readonly delay: LoopDelay;

  /** @param boundMs `overload.loop_delay` */
  constructor(
    private readonly clock: Clock,
    boundMs: number,
    private readonly changed: OverloadChanged,
  ) {
    this.delay = new LoopDelay(boundMs, TIMER_WHEEL_TICK_MS, clock.monotonicMs());
  }

  /** Milliseconds that something due has to wait for its turn, averaged over the last second. */
  get delayMs(): number {
    return this.delay.delayMs;
  }

  /** A test has turned the clock. */
  clockTurned(): void {
    this.delay.skip(this.clock.monotonicMs());
  }

  onConfig(config: Config): void {
    this.delay.boundMs = config['overload.loop_delay'];
  }

  /** To be called by a timer every TIMER_WHEEL_TICK_MS, before anything else that it does. */
  tick(): void {
    if (this.delay.tick(this.clock.monotonicMs())) this.changed(this.delay.isOverloaded, this.delay.delayMs);
  }
}

/** Tells main at once when this shard's loop is too late to take new clients, and when no longer. On the shard's thread. */
import type { Clock } from '../src/base/clock.js';
import { LoopDelay } from '../src/base/loop-delay.js';
import type { Config } from '../src/config/schema.js';
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
    this.delay = new LoopDelay(boundMs);
  }

  /** Milliseconds that something due has to wait for its turn, averaged over the last second. */
  get delayMs(): number {
    return this.delay.delayMs;
  }

  /** A test has turned the clock. */
  clockTurned(ms: number): void {
    this.delay.turned(ms);
  }

  onConfig(config: Config): void {
    this.delay.boundMs = config['overload.loop_delay'];
  }

  /** The shard's timer is set, to so many milliseconds. */
  timerSet(ms: number): void {
    this.delay.set(this.clock.monotonicMs(), ms);
  }

  /** To be called by that timer before anything else that it does. */
  tick(): void {
    if (this.delay.tick(this.clock.monotonicMs())) this.changed(this.delay.isOverloaded, this.delay.delayMs);
  }
}

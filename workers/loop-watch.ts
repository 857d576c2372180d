/** Tells main at once when this shard's loop is too late to take new clients, and when no longer. On the shard's thread. */
import { LoopDelay } from '../src/base/loop-delay.js';
import type { Config } from '../src/config/schema.js';
import type { ConfigFollower } from './core.js';

/** Told of each change, with the delay in milliseconds. */
export type OverloadChanged = (isOverloaded: boolean, delayMs: number) => void;

export class LoopWatch implements ConfigFollower {
  private readonly delay: LoopDelay;

  /** @param boundMs `overload.loop_delay` */
  constructor(
    boundMs: number,
    private readonly changed: OverloadChanged,
  ) {
    this.delay = new LoopDelay(boundMs);
  }

  /** Milliseconds that something due has to wait for its turn, averaged over the last second. */
  get delayMs(): number {
    return this.delay.delayMs;
  }

  onConfig(config: Config): void {
    this.delay.boundMs = config['overload.loop_delay'];
  }

  /** To be called by the shard's timer, before anything else that it does; see LoopDelay. */
  tick(lateMs: number, elapsedMs: number): void {
    if (this.delay.tick(lateMs, elapsedMs)) this.changed(this.delay.isOverloaded, this.delay.delayMs);
  }
}

/**
 * Ends links whose other side was told that all is over and has stayed. For layers that end a link by themselves,
 * before the one above them knows of it. Runs on the shard's thread.
 */
import { type TimerWheel, WheelItem } from '../../src/base/timer-wheel.js';
import { LINK_CLOSE_TIMEOUT_MS } from '../../src/limits.js';
import type { Turn } from '../turn.js';
import type { Link } from './link.js';

/** What of the shard a layer needs for that. */
export interface Deadlines {
  readonly turn: Turn;
  readonly wheel: TimerWheel;
}

export class LinkCloser extends WheelItem {
  constructor(
    private readonly deadlines: Deadlines,
    private readonly link: Link,
  ) {
    super();
    deadlines.turn.enter();
    deadlines.wheel.schedule(deadlines.turn.nowMs + LINK_CLOSE_TIMEOUT_MS, this);
  }

  /** The link is closed. */
  cancel(): void {
    this.deadlines.wheel.cancel(this);
  }

  override onDeadline(): void {
    this.link.destroy();
  }
}

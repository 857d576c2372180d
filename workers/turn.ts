/**
 * The turn: one pass of a shard's event loop. It bounds how much is done before other connections get their
 * chance, and gathers what has to be flushed at its end. Runs on the shard's thread.
 */
import type { Clock } from '../src/base/clock.js';
import { holdThread } from '../src/base/hold-thread.js';
import {
  TURN_CLOCK_CHECK_PACKETS,
  TURN_DELIVERIES_MAX,
  TURN_INPUT_BYTES_MAX,
  TURN_TIME_MAX_MS,
  TURN_WALK_PACKETS,
} from '../src/limits.js';
import type { Pace } from './pace.js';

/** Work that did not fit into a turn, or that must not start inside somebody else's call. */
export interface Runnable {
  /** True while it stands in the turn's backlog; only the turn writes it. */
  queued: boolean;
  /** Does a part of the work, within the turn's budget. @returns true when there is more to do. */
  run(): boolean;
}

/** What happens at the end of every turn, in this order. */
export interface TurnEnd {
  /** Asks the store to make safe what must be safe before it is acknowledged. */
  commit(): void;
  /** Sends other shards what this turn has for them. */
  flushPeers(): void;
  /** One write per connection that has output. */
  flushOutputs(): void;
  /** Sends other shards what connections and outputs have written for clients there. */
  flushRelays(): void;
}

export class Turn {
  /** Monotonic time at the start of this turn, in milliseconds: good enough for timeouts and ages. */
  nowMs: number;
  /** Wall clock at the start of this turn, in milliseconds since 1970. */
  wallMs: number;
  /** Rises with every turn. */
  number = 0;
  /** Rises with everything that comes from the outside, and with each piece of work that waits. */
  entries = 0;
  /** Longest turn since it was last read and reset, in milliseconds. */
  longestMs = 0;

  private deliveriesLeft = TURN_DELIVERIES_MAX;
  private bytesLeft = TURN_INPUT_BYTES_MAX;
  private packets = 0;
  private untilClockCheck = TURN_CLOCK_CHECK_PACKETS;
  private outOfTime = false;
  private startMs: number;
  private scheduled = false;
  private end: TurnEnd | null = null;
  private backlog: Runnable[] = [];
  private running: Runnable[] = [];
  private readonly onImmediate = (): void => this.finish();

  /** `pace`: null for turns that follow at once. */
  constructor(
    private readonly clock: Clock,
    private readonly pace: Pace | null = null,
  ) {
    this.nowMs = clock.monotonicMs();
    this.wallMs = clock.wallMs();
    this.startMs = this.nowMs;
  }

  attach(end: TurnEnd): void {
    this.end = end;
  }

  /** Every entry from the outside (bytes, peer message, timer) calls this first. */
  enter(): void {
    this.entries++;
    if (this.scheduled) return;
    this.scheduled = true;
    this.begin();
    setImmediate(this.onImmediate);
  }

  /** Puts `item` at the end of the rotation. */
  queue(item: Runnable): void {
    if (item.queued) return;
    item.queued = true;
    this.backlog.push(item);
    this.enter();
  }

  /** Counts copies handed to subscribers. */
  spend(deliveries: number): void {
    this.deliveriesLeft -= deliveries;
  }

  /** Counts one packet read. */
  spendPacket(bytes: number): void {
    this.bytesLeft -= bytes;
    this.packets++;
    if (--this.untilClockCheck > 0) return;
    this.untilClockCheck = TURN_CLOCK_CHECK_PACKETS;
    if (this.clock.monotonicMs() - this.startMs > TURN_TIME_MAX_MS) this.outOfTime = true;
  }

  /** Counts one walk of the filter tree, whose cost the topic does not show: the clock is looked at sooner. */
  spendWalk(): void {
    this.untilClockCheck -= TURN_WALK_PACKETS;
  }

  /** The budget is used up: whoever asks stops where it stands and queues itself. */
  get spent(): boolean {
    return this.deliveriesLeft <= 0 || this.bytesLeft <= 0 || this.outOfTime;
  }

  /** Reads the clock now, for slices of long work that count no packets. Once true, it is `spent` for all. */
  get overTime(): boolean {
    if (this.clock.monotonicMs() - this.startMs > TURN_TIME_MAX_MS) this.outOfTime = true;
    return this.outOfTime;
  }

  private begin(): void {
    this.number++;
    this.nowMs = this.clock.monotonicMs();
    this.wallMs = this.clock.wallMs();
    this.refill(this.nowMs);
  }

  private refill(nowMs: number): void {
    this.startMs = nowMs;
    this.outOfTime = false;
    this.untilClockCheck = TURN_CLOCK_CHECK_PACKETS;
    this.deliveriesLeft = TURN_DELIVERIES_MAX;
    this.bytesLeft = TURN_INPUT_BYTES_MAX;
  }

  // Runs in the loop's check phase, after all sockets that were ready have been read. What waits has a budget of
  // its own, so that a flood of fresh reads cannot starve it.
  private finish(): void {
    const began = this.nowMs;
    this.refill(this.clock.monotonicMs());
    this.runBacklog();
    this.end?.commit();
    this.end?.flushPeers();
    this.end?.flushOutputs();
    this.end?.flushRelays();
    this.scheduled = false;
    const endMs = this.clock.monotonicMs();
    if (endMs - began > this.longestMs) this.longestMs = endMs - began;
    const pauseMs = this.pace === null ? 0 : this.pace.pauseMs(began, endMs, this.wallMs, this.packets);
    this.packets = 0;
    if (this.backlog.length > 0) this.enter();
    // A timer of the event loop counts in milliseconds, and lets sockets wake it.
    else if (pauseMs > 0) holdThread(pauseMs);
  }

  private runBacklog(): void {
    const items = this.backlog;
    this.backlog = this.running;
    this.running = items;
    for (let i = 0; i < items.length; i++) {
      const item = items[i]!;
      item.queued = false;
      if (this.spent) {
        // Not reached this time: first in the next turn.
        item.queued = true;
        this.backlog.push(item);
      } else if (item.run() && !item.queued) {
        item.queued = true;
        this.backlog.push(item);
      }
    }
    items.length = 0;
  }
}

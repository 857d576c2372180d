/**
 * Whether a shard waits a little before it looks at its sockets again, so that each read and each write carries more.
 * A read and a write cost ten times what a message in them costs, and a shard that is quicker than its clients finds
 * one message in each. But clients that wait for answers before they go on send no more for being read later. Nothing
 * that the shard knows of them tells the two apart, so it tries, and keeps what pays. Runs on the shard's thread.
 */
import {
  PACE_BUSY_SHARE_MIN,
  PACE_COST_SHARE_MAX,
  PACE_GAP_MS_MAX,
  PACE_HOLD_MS,
  PACE_HOLD_MS_MIN,
  PACE_LONG_PERIOD_MS,
  PACE_LONG_RATE_SHARE_MIN,
  PACE_LONG_SHARE_HOPELESS,
  PACE_LONG_SKIPS_MAX,
  PACE_PAUSE_MS_MIN,
  PACE_PAUSE_SHARE,
  PACE_PERIOD_MS,
  PACE_RATE_SHARE_HOPELESS,
  PACE_RATE_SHARE_MIN,
  PACE_TRIAL_BLOCK_MS,
  PACE_TRIAL_BLOCKS,
  PACE_TRIAL_MS_MAX,
} from '../src/limits.js';

/** No pauses. */
const NONE = 0;
/** A part of the turn before: cheaper, and hardly later. */
const SHORT = 1;
/** Until the long period is over: for clients that send the more the cheaper they are read, and so wait anyway. */
const LONG = 2;
type Level = typeof NONE | typeof SHORT | typeof LONG;

/** What turns have done that came after pauses of one level. */
class Arm {
  private elapsedMs = 0;
  private workMs = 0;
  private packets = 0;

  add(elapsedMs: number, workMs: number, packets: number): void {
    this.elapsedMs += elapsedMs;
    this.workMs += workMs;
    this.packets += packets;
  }

  get busyShare(): number {
    return this.workMs / this.elapsedMs;
  }

  get packetsPerMs(): number {
    return this.packets / this.elapsedMs;
  }

  get workMsPerPacket(): number {
    return this.workMs / this.packets;
  }

  clear(): void {
    this.elapsedMs = this.workMs = this.packets = 0;
  }
}

export class Pace {
  /** What the last trial has found best. */
  level: Level = NONE;

  /** What it was tried against in the last trial, or is. */
  private rival: Level = SHORT;
  /** Trials to come without long pauses, which are seen in latencies; and how many when they lose next. */
  private longSkips = 0;
  private longSkipsNext = 1;
  /** So much of its time the thread had to do without pauses, when that was seen last. */
  private unpacedBusyShare = 0;
  private isTrying = false;
  /** The level after the last turn, whether or not that was long enough for a pause. */
  private lastLevel: Level = NONE;
  private lastBeginMs = Number.NEGATIVE_INFINITY;
  /** When the next trial may begin. */
  private holdsUntilMs = Number.NEGATIVE_INFINITY;
  private holdMs = PACE_HOLD_MS_MIN;
  private trialUntilMs = 0;
  private block = 0;
  private blockMs = 0;
  private readonly lower = new Arm();
  private readonly upper = new Arm();

  /**
   * A turn has ended that began at `beginMs` and handled so many packets and records. Monotonic milliseconds.
   * @returns for how many milliseconds nothing should be looked at now.
   */
  pauseMs(beginMs: number, endMs: number, packets: number): number {
    const workMs = endMs - beginMs;
    if (this.isTrying) this.observe(beginMs, workMs, packets);
    else if (beginMs >= this.holdsUntilMs && workMs >= PACE_PAUSE_MS_MIN) this.begin(beginMs);
    this.lastBeginMs = beginMs;
    this.lastLevel = !this.isTrying
      ? this.level
      : isUpperBlock(this.block)
        ? higher(this.level, this.rival)
        : lower(this.level, this.rival);
    return pauseAfter(workMs, this.lastLevel);
  }

  private begin(nowMs: number): void {
    this.isTrying = true;
    this.rival = this.nextRival();
    this.trialUntilMs = nowMs + PACE_TRIAL_MS_MAX;
    this.block = this.blockMs = 0;
    this.lower.clear();
    this.upper.clear();
  }

  private observe(beginMs: number, workMs: number, packets: number): void {
    // From one look at the sockets to the next: what has come meanwhile is what this turn has handled.
    const elapsedMs = beginMs - this.lastBeginMs;
    // After a long gap there was nothing to do, or the thread was not allowed to: neither says anything.
    if (elapsedMs <= PACE_GAP_MS_MAX) {
      const arm = this.lastLevel === higher(this.level, this.rival) ? this.upper : this.lower;
      arm.add(elapsedMs, workMs, packets);
      this.blockMs += elapsedMs;
    }
    if (this.blockMs >= PACE_TRIAL_BLOCK_MS) {
      this.blockMs = 0;
      this.block++;
    }
    if (this.block === PACE_TRIAL_BLOCKS) this.decide(beginMs, this.best());
    else if (beginMs > this.trialUntilMs || this.isHopeless)
      this.decide(beginMs, lower(this.level, this.rival));
  }

  /** After a quarter of the blocks: clients plainly wait for answers, or send no more for long pauses. */
  private get isHopeless(): boolean {
    if (this.block < PACE_TRIAL_BLOCKS / 4) return false;
    const share = this.rival === LONG ? PACE_LONG_SHARE_HOPELESS : PACE_RATE_SHARE_HOPELESS;
    return this.upper.packetsPerMs < this.lower.packetsPerMs * share;
  }

  // Long pauses that are cheaper and no longer raise the rate speak for short ones.
  private best(): Level {
    const isCheaper = this.upper.workMsPerPacket <= this.lower.workMsPerPacket * PACE_COST_SHARE_MAX;
    const rateShare = this.upper.packetsPerMs / this.lower.packetsPerMs;
    const isElastic = rateShare >= PACE_LONG_RATE_SHARE_MIN;
    // Promising.
    if (isElastic) this.longSkips = 0;
    if (!isCheaper || rateShare < PACE_RATE_SHARE_MIN) return lower(this.level, this.rival);
    if (higher(this.level, this.rival) === SHORT) return SHORT;
    if (isElastic) return LONG;
    return this.level === LONG ? SHORT : this.level;
  }

  private nextRival(): Level {
    if (this.level === LONG) return NONE;
    if (this.rival !== LONG && this.unpacedBusyShare >= PACE_BUSY_SHARE_MIN && --this.longSkips < 0)
      return LONG;
    return this.level === NONE ? SHORT : NONE;
  }

  // What brings nothing is tried less and less often, as a trial costs clients that wait for answers.
  private decide(nowMs: number, level: Level): void {
    if (lower(this.level, this.rival) === NONE) this.unpacedBusyShare = this.lower.busyShare;
    if (level === LONG) {
      this.longSkipsNext = 1;
    } else if (higher(this.level, this.rival) === LONG) {
      this.longSkips = this.longSkipsNext;
      this.longSkipsNext = Math.min(2 * this.longSkipsNext, PACE_LONG_SKIPS_MAX);
    }
    this.isTrying = false;
    this.holdMs = level === this.level ? Math.min(2 * this.holdMs, PACE_HOLD_MS) : PACE_HOLD_MS_MIN;
    this.holdsUntilMs = nowMs + this.holdMs;
    this.level = level;
  }
}

function higher(a: Level, b: Level): Level {
  return a > b ? a : b;
}

function lower(a: Level, b: Level): Level {
  return a < b ? a : b;
}

function pauseAfter(workMs: number, level: Level): number {
  if (level === NONE || workMs < PACE_PAUSE_MS_MIN) return 0;
  const pauseMs =
    level === LONG
      ? PACE_LONG_PERIOD_MS - workMs
      : Math.min(workMs * PACE_PAUSE_SHARE, PACE_PERIOD_MS - workMs);
  return pauseMs < PACE_PAUSE_MS_MIN ? 0 : pauseMs;
}

// No, yes, yes, no, yes, no, no, yes, ...: what changes steadily or with a period meanwhile falls on both alike.
function isUpperBlock(block: number): boolean {
  return ((block ^ (block >> 1) ^ (block >> 2) ^ (block >> 3)) & 1) === 1;
}

/**
 * Whether a shard waits a little before it looks at its sockets again, so that each read and each write carries more.
 * A read and a write cost ten times what a message in them costs, and a shard that is quicker than its clients finds
 * one message in each. But clients that wait for answers before they go on send no more for being read later. Nothing
 * that the shard knows of them tells the two apart, so it tries, and keeps what pays. Shards try at the same times, by
 * the wall clock: where messages cross, what one of them saves is seen by all. Runs on the shard's thread.
 */
import {
  PACE_COST_SHARE_MAX,
  PACE_GAP_MS_MAX,
  PACE_HINT_MS_MIN,
  PACE_LIMIT_BUSY_SHARE,
  PACE_LIMIT_RATE_SHARE_MIN,
  PACE_LONG_BUSY_SHARE_MIN,
  PACE_LONG_PERIOD_MS,
  PACE_LONG_RATE_SHARE_MIN,
  PACE_LONG_SHARE_HOPELESS,
  PACE_LONG_SKIPS_MAX,
  PACE_PAUSE_MS_MIN,
  PACE_RATE_FOR_COST,
  PACE_RATE_SHARE_HOPELESS,
  PACE_SHORT_BUSY_SHARE_MIN,
  PACE_SHORT_PERIOD_MS,
  PACE_TELLING_MS_MIN,
  PACE_TELLING_PACKETS_MIN,
  PACE_TRIAL_BLOCK_MS,
  PACE_TRIAL_BLOCKS,
  PACE_TRIAL_EVERY_MAX,
} from '../src/limits.js';

/** No pauses. */
const NONE = 0;
/** Until the short period is over: cheaper, and hardly later. */
const SHORT = 1;
/**
 * Until the long period is over: for clients that send the more the cheaper they are read, and so wait anyway, and for
 * a thread that has no time left with short pauses, where messages wait longer still.
 */
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

  /** Enough of it to judge by a rate that is far off. */
  get isHint(): boolean {
    return this.elapsedMs >= PACE_HINT_MS_MIN && this.packets > 0;
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

  /** Enough of it to judge by. */
  get isTelling(): boolean {
    return this.elapsedMs >= PACE_TELLING_MS_MIN && this.packets >= PACE_TELLING_PACKETS_MIN;
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
  /** The same with short pauses; at first as if it had no time left. */
  private shortBusyShare = 1;
  private isTrying = false;
  /** The level after the last turn, whether or not that left room for a pause. */
  private lastLevel: Level = NONE;
  private lastBeginMs = Number.NEGATIVE_INFINITY;
  /** Stretches of wall clock time are numbered: a trial takes one, from beginning to end. */
  private stretch = -1;
  /** A trial is in every stretch whose number this divides. A power of two. */
  private every = 1;
  /** In a trial, its lower level; between trials what is done at `level`, with all gaps, as idleness counts then. */
  private readonly lower = new Arm();
  /** In a trial, its upper level. */
  private readonly upper = new Arm();

  /**
   * A turn has ended that began at `beginMs`, which was `wallMs` by the wall clock, and handled so many packets and
   * records. Monotonic milliseconds.
   * @returns for how many milliseconds nothing should be looked at now.
   */
  pauseMs(beginMs: number, endMs: number, wallMs: number, packets: number): number {
    const workMs = endMs - beginMs;
    const blockNumber = Math.floor(wallMs / PACE_TRIAL_BLOCK_MS);
    const stretch = Math.floor(blockNumber / PACE_TRIAL_BLOCKS);
    const block = blockNumber % PACE_TRIAL_BLOCKS;
    this.count(beginMs, workMs, packets);
    if (stretch !== this.stretch) this.next(stretch);
    else if (this.isTrying && block >= PACE_TRIAL_BLOCKS / 4 && this.isHopeless) this.decide(this.lowerLevel);
    this.lastBeginMs = beginMs;
    this.lastLevel = !this.isTrying ? this.level : isUpperBlock(block) ? this.upperLevel : this.lowerLevel;
    return pauseAfter(workMs, this.lastLevel);
  }

  private get lowerLevel(): Level {
    return lower(this.level, this.rival);
  }

  private get upperLevel(): Level {
    return higher(this.level, this.rival);
  }

  private count(beginMs: number, workMs: number, packets: number): void {
    // From one look at the sockets to the next: what has come meanwhile is what this turn has handled.
    const elapsedMs = beginMs - this.lastBeginMs;
    const isUpper = this.isTrying && this.lastLevel !== this.lowerLevel;
    // After a long gap in a trial there was nothing to do, or the thread was not allowed to: neither says anything.
    if (this.isTrying && elapsedMs > PACE_GAP_MS_MAX) return;
    (isUpper ? this.upper : this.lower).add(elapsedMs, workMs, packets);
  }

  /** A stretch is over: its trial is decided, or there may be one in the next. */
  private next(stretch: number): void {
    this.stretch = stretch;
    if (this.isTrying) {
      this.learn();
      this.decide(this.best());
    } else if (stretch % this.every === 0 && (this.level !== NONE || this.isBusy)) {
      // Without pauses there is none unless the thread has much to do: they are seen in latencies.
      this.begin();
    }
    this.lower.clear();
    this.upper.clear();
  }

  private begin(): void {
    this.isTrying = true;
    this.rival = this.nextRival();
  }

  private get isBusy(): boolean {
    return this.lower.busyShare >= PACE_SHORT_BUSY_SHARE_MIN;
  }

  /** Clients plainly wait for answers. */
  private get isHopeless(): boolean {
    const share = this.rival === LONG ? PACE_LONG_SHARE_HOPELESS : PACE_RATE_SHARE_HOPELESS;
    const { lower, upper } = this;
    return lower.isHint && upper.isHint && upper.packetsPerMs < lower.packetsPerMs * share;
  }

  private best(): Level {
    const { lower, upper, lowerLevel } = this;
    const isTelling = lower.isTelling && upper.isTelling;
    if (!isTelling || (lowerLevel === NONE && !this.isBusy)) return lowerLevel;
    const costShare = upper.workMsPerPacket / lower.workMsPerPacket;
    const rateShare = upper.packetsPerMs / lower.packetsPerMs;
    const isElastic = rateShare >= PACE_LONG_RATE_SHARE_MIN;
    // Promising.
    if (isElastic) this.longSkips = 0;
    const isWorthIt =
      costShare <= PACE_COST_SHARE_MAX && 1 - rateShare <= (1 - costShare) * PACE_RATE_FOR_COST;
    if (!isWorthIt) return lowerLevel;
    if (this.upperLevel === SHORT) return SHORT;
    // At its limit the thread makes messages wait longer than a pause does.
    const isAtLimit = this.shortBusyShare >= PACE_LIMIT_BUSY_SHARE && rateShare >= PACE_LIMIT_RATE_SHARE_MIN;
    return isElastic || isAtLimit ? LONG : lowerLevel;
  }

  private learn(): void {
    const { lower, upper, lowerLevel, upperLevel } = this;
    if (lowerLevel === NONE && lower.isTelling) this.unpacedBusyShare = lower.busyShare;
    const short = lowerLevel === SHORT ? lower : upperLevel === SHORT ? upper : null;
    if (short?.isTelling) this.shortBusyShare = short.busyShare;
  }

  private nextRival(): Level {
    if (this.level === LONG) return SHORT;
    if (this.rival !== LONG && this.unpacedBusyShare >= PACE_LONG_BUSY_SHARE_MIN && --this.longSkips < 0)
      return LONG;
    return this.level === NONE ? SHORT : NONE;
  }

  // What brings nothing is tried less and less often, as a trial costs clients that wait for answers.
  private decide(level: Level): void {
    if (level === LONG) {
      this.longSkipsNext = 1;
    } else if (this.upperLevel === LONG) {
      this.longSkips = this.longSkipsNext;
      this.longSkipsNext = Math.min(2 * this.longSkipsNext, PACE_LONG_SKIPS_MAX);
    }
    this.isTrying = false;
    this.every = level === this.level ? Math.min(2 * this.every, PACE_TRIAL_EVERY_MAX) : 2;
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
  if (level === NONE) return 0;
  const pauseMs = (level === LONG ? PACE_LONG_PERIOD_MS : PACE_SHORT_PERIOD_MS) - workMs;
  return pauseMs < PACE_PAUSE_MS_MIN ? 0 : pauseMs;
}

// No, yes, yes, no, yes, no, no, yes: what changes steadily or with a period meanwhile falls on both alike.
function isUpperBlock(block: number): boolean {
  return ((block ^ (block >> 1) ^ (block >> 2)) & 1) === 1;
}

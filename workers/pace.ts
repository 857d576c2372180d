/**
 * Whether a shard waits a little before it looks at its sockets again, so that each read and each write carries more.
 * A read and a write cost ten times what a message in them costs, and a shard that is quicker than its clients finds
 * one message in each. But clients that wait for answers before they go on send no more for being read later. Nothing
 * that the shard knows of them tells the two apart, so it tries both and keeps what is cheaper. Runs on the shard's
 * thread.
 */
import {
  PACE_COST_SHARE_MAX,
  PACE_GAP_MS_MAX,
  PACE_HOLD_MS,
  PACE_PAUSE_MS_MIN,
  PACE_PERIOD_MS,
  PACE_RATE_SHARE_MIN,
  PACE_TRIAL_BLOCK_MS,
  PACE_TRIAL_BLOCKS,
  PACE_TRIAL_MS_MAX,
  PACE_UNPACED_HOLD_MS_MIN,
} from '../src/limits.js';

/** What turns have done that came after pauses, or after none. */
class Arm {
  private elapsedMs = 0;
  private workMs = 0;
  private packets = 0;

  add(elapsedMs: number, workMs: number, packets: number): void {
    this.elapsedMs += elapsedMs;
    this.workMs += workMs;
    this.packets += packets;
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
  /** The verdict of the last trial: turns are paced. */
  isPacing = false;

  private isTrying = false;
  /** What the last turn has asked for, whether or not it was long enough for a pause. */
  private wasPaced = false;
  private lastEndMs = Number.NEGATIVE_INFINITY;
  /** When the verdict is to be looked at again. */
  private holdsUntilMs = Number.NEGATIVE_INFINITY;
  private unpacedHoldMs = PACE_UNPACED_HOLD_MS_MIN;
  private trialUntilMs = 0;
  private block = 0;
  private blockMs = 0;
  private readonly paced = new Arm();
  private readonly unpaced = new Arm();

  /**
   * A turn has ended that began at `beginMs` and handled so many packets and records. Monotonic milliseconds.
   * @returns for how many milliseconds nothing should be looked at now. Never longer than the turn was.
   */
  pauseMs(beginMs: number, endMs: number, packets: number): number {
    const workMs = endMs - beginMs;
    if (this.isTrying) this.observe(endMs, workMs, packets);
    else if (endMs >= this.holdsUntilMs && workMs >= PACE_PAUSE_MS_MIN) this.begin(endMs);
    this.lastEndMs = endMs;
    this.wasPaced = this.isTrying ? isPacedBlock(this.block) : this.isPacing;
    if (!this.wasPaced) return 0;
    const pauseMs = Math.min(workMs, PACE_PERIOD_MS - workMs);
    return pauseMs < PACE_PAUSE_MS_MIN ? 0 : pauseMs;
  }

  private begin(nowMs: number): void {
    this.isTrying = true;
    this.trialUntilMs = nowMs + PACE_TRIAL_MS_MAX;
    this.block = this.blockMs = 0;
    this.paced.clear();
    this.unpaced.clear();
  }

  private observe(endMs: number, workMs: number, packets: number): void {
    const elapsedMs = endMs - this.lastEndMs;
    // After a long gap there was nothing to do, or the thread was not allowed to: neither says anything.
    if (elapsedMs <= PACE_GAP_MS_MAX) {
      (this.wasPaced ? this.paced : this.unpaced).add(elapsedMs, workMs, packets);
      this.blockMs += elapsedMs;
      if (this.blockMs >= PACE_TRIAL_BLOCK_MS) {
        this.block++;
        this.blockMs = 0;
      }
    }
    if (this.block === PACE_TRIAL_BLOCKS) this.decide(endMs, this.isWorthIt());
    else if (endMs > this.trialUntilMs) this.decide(endMs, false);
  }

  private isWorthIt(): boolean {
    const { paced, unpaced } = this;
    return (
      paced.packetsPerMs >= unpaced.packetsPerMs * PACE_RATE_SHARE_MIN &&
      paced.workMsPerPacket <= unpaced.workMsPerPacket * PACE_COST_SHARE_MAX
    );
  }

  // What has brought nothing is tried less and less often, as a trial costs clients that wait for answers.
  private decide(nowMs: number, isPacing: boolean): void {
    this.isTrying = false;
    this.isPacing = isPacing;
    this.holdsUntilMs = nowMs + (isPacing ? PACE_HOLD_MS : this.unpacedHoldMs);
    this.unpacedHoldMs = isPacing ? PACE_UNPACED_HOLD_MS_MIN : Math.min(this.unpacedHoldMs * 2, PACE_HOLD_MS);
  }
}

// No, yes, yes, no, yes, no, no, yes: what changes steadily or with a period meanwhile falls on both alike.
function isPacedBlock(block: number): boolean {
  return ((block ^ (block >> 1) ^ (block >> 2) ^ (block >> 3)) & 1) === 1;
}

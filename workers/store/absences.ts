/**
 * What is due for sessions that are back from the store: the end of those whose time is up, wills. Counted from the
 * moment at which the shard takes clients, for a message that is sent before reaches no other shard. In slices. Runs
 * on the shard's thread.
 *
 * After a crash most rows say that the client is connected. Since when it is away is written lot by lot, once all are
 * scheduled: nobody waits for it, and all in one commit would hold the loop for seconds.
 *
 * The wall clock says how long the broker was away. One that was set back meanwhile says that no time has passed.
 */
import { ABSENCES_PER_COMMIT, RESTORE_LOOK_ROWS, WILL_AFTER_START_MS } from '../../src/limits.js';
import type { Core } from '../core.js';
import type { Session } from '../session/session.js';
import type { Runnable } from '../turn.js';

export class Absences implements Runnable {
  queued = false;
  private next = 0;
  /** Those whose rows have to be written. */
  private readonly unwritten: Session[] = [];
  private nextUnwritten = 0;

  constructor(
    private readonly core: Core,
    private readonly sessions: readonly Session[],
  ) {}

  run(): boolean {
    const { sessions, core } = this;
    for (let left = RESTORE_LOOK_ROWS; this.next < sessions.length; left--) {
      if (left === 0) {
        if (core.turn.overTime) return true;
        left = RESTORE_LOOK_ROWS;
      }
      this.begin(sessions[this.next++]!);
    }
    this.writeSome();
    return false;
  }

  private begin(session: Session): void {
    // Its client was faster.
    if (session.ended || session.connection !== null) return;
    const { turn, wheel } = this.core;
    if (session.disconnectedAtMs === 0) {
      session.disconnectedAtMs = turn.wallMs;
      this.unwritten.push(session);
    }
    const sinceMs = turn.nowMs - Math.max(0, turn.wallMs - session.disconnectedAtMs);
    const { will } = session;
    session.expiryDueMs = sinceMs + session.expirySeconds * 1000;
    if (will !== null) {
      const earliestMs = turn.nowMs + WILL_AFTER_START_MS;
      session.willDueMs = Math.max(earliestMs, sinceMs + will.delaySeconds * 1000);
      // It ended with the connection, and only its will is left.
      if (!session.durable) session.expiryDueMs = session.willDueMs = earliestMs;
    }
    wheel.schedule(Math.min(session.expiryDueMs, session.willDueMs), session);
  }

  private writeSome(): void {
    const { unwritten, core } = this;
    const end = Math.min(this.nextUnwritten + ABSENCES_PER_COMMIT, unwritten.length);
    if (this.nextUnwritten === end) return;
    while (this.nextUnwritten < end) {
      const session = unwritten[this.nextUnwritten++]!;
      if (session.connection === null) core.keeper.changed(session);
    }
    core.commits.whenSafe(() => core.turn.queue(this));
  }
}

/**
 * Where packets wait that would need a commit while none can be had: nothing of them has happened yet, and their
 * connections are not read meanwhile. Runs on the shard's thread.
 */
import { COMMIT_TIMEOUT_MS } from '../../src/limits.js';
import type { Commits } from '../store/commits.js';
import type { Turn } from '../turn.js';
import type { Connection } from './connection.js';

/** The packet waits, and is handled again when the door has opened or its time is up. */
export const DOOR_WAIT = 1;
/** It has waited long enough, and is refused. */
export const DOOR_SHUT = 2;

interface Waiter {
  readonly sinceMs: number;
  isStalled: boolean;
}

export class StoreDoor {
  /** Those that have found it shut since commits have failed. */
  private readonly waiters = new Map<Connection, Waiter>();

  constructor(
    private readonly commits: Commits,
    private readonly turn: Turn,
  ) {}

  /** Nothing that has to be kept is taken on now. */
  get isShut(): boolean {
    return this.commits.isRefusing || this.commits.isLate;
  }

  /**
   * A packet of this connection needs a commit, and the door is shut. The first one waits for COMMIT_TIMEOUT_MS at
   * most; those behind it are refused at once, until commits succeed again.
   * @returns DOOR_WAIT or DOOR_SHUT
   */
  knock(connection: Connection): number {
    const { nowMs } = this.turn;
    let waiter = this.waiters.get(connection);
    if (waiter === undefined) {
      waiter = { sinceMs: nowMs, isStalled: false };
      this.waiters.set(connection, waiter);
    }
    if (nowMs - waiter.sinceMs >= COMMIT_TIMEOUT_MS) return DOOR_SHUT;
    waiter.isStalled = true;
    return DOOR_WAIT;
  }

  /** The connection is over. */
  leave(connection: Connection): void {
    this.waiters.delete(connection);
  }

  /** Lets those go on that may, or whose time is up. To be called several times a second. */
  sweep(nowMs: number): void {
    const { isShut } = this;
    for (const [connection, waiter] of this.waiters) {
      if (isShut && nowMs - waiter.sinceMs < COMMIT_TIMEOUT_MS) continue;
      if (!isShut) this.waiters.delete(connection);
      if (!waiter.isStalled) continue;
      waiter.isStalled = false;
      connection.unstall();
    }
  }
}

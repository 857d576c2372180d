/**
 * Keeps out who is banned, and puts out who is in when a ban comes. Main decides about bans; here they are looked up.
 * Runs on the shard's thread.
 */
import type { Ban, BanChange } from '../../src/access/ban.js';
import { type BanSubject, BanTable } from '../../src/access/ban-table.js';
import { BANNED_SLICE } from '../../src/limits.js';
import { asClientId } from '../../src/protocol/ids.js';
import { ReasonCode } from '../../src/protocol/mqtt/reason-code.js';
import type { Connection } from '../connection/connection.js';
import type { Core } from '../core.js';
import type { Runnable } from '../turn.js';

export class Doorkeeper implements Runnable {
  queued = false;
  private readonly bans = new BanTable();
  /** All connections, looked at in slices after a ban of users or addresses. */
  private round: Iterator<Connection> | null = null;
  /** To be called when everybody has been looked at. */
  private waiting: (() => void)[] = [];

  constructor(
    private readonly core: Core,
    bans: readonly Ban[],
  ) {
    for (const ban of bans) this.bans.add(ban);
  }

  isBanned(subject: BanSubject): boolean {
    return this.bans.size > 0 && this.bans.find(subject, this.core.turn.wallMs) !== null;
  }

  /** Resolves when nobody is connected who is banned now. */
  update({ added, removed }: BanChange): Promise<void> {
    for (const ban of removed) this.bans.remove(ban);
    for (const ban of added) this.bans.add(ban);
    for (const { kind, value } of added) {
      const session = kind === 'clientid' ? this.core.sessions.find(asClientId(value)) : null;
      if (session !== null && session.connection !== null) this.look(session.connection);
    }
    if (added.every(({ kind }) => kind === 'clientid')) return Promise.resolve();
    this.round = this.core.connections.values();
    this.core.turn.queue(this);
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  run(): boolean {
    const { turn } = this.core;
    for (let left = BANNED_SLICE; this.round !== null; left--) {
      if (left === 0) {
        if (turn.spent || turn.overTime) return true;
        left = BANNED_SLICE;
      }
      const next = this.round.next();
      if (next.done === true) this.round = null;
      else this.look(next.value);
    }
    for (const resolve of this.waiting.splice(0)) resolve();
    return false;
  }

  private look(connection: Connection): void {
    const { session, username, origin } = connection;
    // Who is not in yet is looked at on the way in.
    if (session === null) return;
    const subject = { clientId: session.clientId, username, peerAddress: origin.peerAddress };
    // 0x8A is for CONNACK only.
    if (this.isBanned(subject)) connection.disconnect(ReasonCode.AdministrativeAction, 'banned');
  }
}

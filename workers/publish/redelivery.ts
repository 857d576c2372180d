/**
 * Sends again what a client has not acknowledged: when it is back, and by the clock in 3.x. Runs on the shard's thread.
 */
import type { Core } from '../core.js';
import { HELD, PUBLISHED_QOS1, PUBLISHED_QOS2, READY, RELEASED, RELEASING } from '../session/exchange.js';
import type { Session } from '../session/session.js';

export class Redelivery {
  constructor(private readonly core: Core) {}

  /**
   * The client is back: everything in flight in order [MQTT-4.4.0-1], as much as its Receive Maximum allows, the rest
   * when acknowledgements make room (v5 [MQTT-3.3.4-9]).
   */
  resume(session: Session): void {
    const window = session.inflight;
    session.unsent = null;
    if (window === null) return;
    let unsent: number[] | null = null;
    // Released exchanges come first, and are open too.
    let open = 0;
    for (let slot = window.first(); slot >= 0; ) {
      const next = window.next(slot);
      const state = window.stateAt(slot);
      if (state === RELEASING) open++;
      else if (state === RELEASED || (state !== HELD && open < window.limit)) {
        if (this.core.delivery.sendAgain(session, slot)) open++;
      } else if (state !== HELD) {
        unsent ??= [];
        unsent.push(window.idAt(slot));
      }
      slot = next;
    }
    session.unsent = unsent;
    session.account();
  }

  /** An exchange has ended, or the client reads again: those for which there was no room, once there is. */
  next(session: Session): void {
    const window = session.inflight!;
    while (session.unsent !== null && openOf(session) < window.limit) {
      const slot = window.slotOf(session.unsent.shift()!);
      if (session.unsent.length === 0) session.unsent = null;
      if (slot >= 0 && isSendable(window.stateAt(slot))) this.core.delivery.sendAgain(session, slot);
    }
  }

  /** The message in this slot is safe, and the client is there: it is sent when those before it are, and has room. */
  ready(session: Session, slot: number): void {
    const window = session.inflight!;
    // It counts already.
    const hasRoom = openOf(session) <= window.limit && !session.connection!.isSlow;
    if (session.unsent !== null || !hasRoom) {
      session.unsent ??= [];
      session.unsent.push(window.idAt(slot));
    } else if (!this.core.delivery.sendAgain(session, slot)) {
      session.account();
      this.core.turn.queue(session);
    }
  }

  /** 3.x only: what has waited `intervalMs` for its acknowledgement. */
  retry(session: Session, nowMs: number, intervalMs: number): void {
    session.inflight?.overdue(nowMs, intervalMs, (slot) => {
      if (session.connection === null || session.connection.isSlow) return false;
      this.core.delivery.sendAgain(session, slot);
      return true;
    });
  }
}

/** Exchanges that the client of this connection knows of, by now or by the next packets. */
function openOf({ inflight, unsent }: Session): number {
  return inflight!.size - inflight!.heldCount - (unsent === null ? 0 : unsent.length);
}

function isSendable(state: number): boolean {
  return state === PUBLISHED_QOS1 || state === PUBLISHED_QOS2 || state === READY;
}

/**
 * Sends again what a client has not acknowledged: when it is back, and by the clock in 3.x. Runs on the shard's thread.
 */
import type { Core } from '../core.js';
import { RELEASED } from '../session/exchange.js';
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
      if (window.stateAt(slot) === RELEASED || open < window.limit) {
        if (this.core.delivery.sendAgain(session, slot)) open++;
      } else {
        unsent ??= [];
        unsent.push(window.idAt(slot));
      }
      slot = next;
    }
    session.unsent = unsent;
    session.account();
  }

  /** An exchange has ended: the next of those that `resume` had no room for, once there is room. */
  next(session: Session): void {
    const window = session.inflight!;
    while (session.unsent !== null && window.size - session.unsent.length < window.limit) {
      const slot = window.slotOf(session.unsent.shift()!);
      if (session.unsent.length === 0) session.unsent = null;
      if (slot >= 0 && window.stateAt(slot) !== RELEASED) this.core.delivery.sendAgain(session, slot);
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

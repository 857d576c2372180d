/**
 * Hands one message to local sessions: picks QoS and flags, encodes once per variant, keeps the in-flight window and
 * the queue. The hottest code of the broker: no allocation for QoS 0, one packet identifier and no copy of the message
 * for the rest. Runs on the shard's thread.
 */
import type { Config } from '../../src/config/schema.js';
import { PublishView } from '../../src/protocol/mqtt/publish-view.js';
import type { ConfigFollower, Core } from '../core.js';
import { topicOfView } from '../hooks/hook-message.js';
import type { Hooks } from '../hooks/hooks.js';
import {
  OPTION_NO_LOCAL,
  OPTION_QOS_MASK,
  OPTION_RETAIN_AS_PUBLISHED,
  type Route,
} from '../routing/route.js';
import { type Identifiers, PUBLISHED_QOS1, READY, RELEASED } from '../session/exchange.js';
import { QueuedMessage } from '../session/message-ring.js';
import type { Session } from '../session/session.js';
import { type EntryGroup, NO_ENTRY } from '../store/journal.js';
import { PublishWriter } from './publish-writer.js';

/** Bit of the flags kept with a message in flight or in a queue: RETAIN goes out as 1. */
export const FLAG_RETAIN = 1;

export class Delivery implements ConfigFollower {
  private readonly writer: PublishWriter;
  private readonly hooks: Hooks;
  // Messages that are sent from the window or the queue; apart, because a delivery may be under way around it.
  private readonly storedView = new PublishView();
  private readonly taken = new QueuedMessage();
  private isQosUpgraded = false;
  private isQos0Queued = false;
  private isLoopIgnored = false;

  constructor(private readonly core: Core) {
    this.hooks = core.hooks;
    this.writer = new PublishWriter(core);
    this.onConfig(core.config);
  }

  onConfig(config: Config): void {
    this.isQosUpgraded = config['mqtt.session.upgrade_qos'];
    this.isQos0Queued = config['mqtt.mqueue.store_qos0'];
    this.isLoopIgnored = config['mqtt.session.ignore_loop_deliver'];
  }

  /**
   * Delivers to every local session of `route`; `origin` is the publisher's session where it is local.
   * @returns whether a session that outlives its connection has taken it with QoS 1 or 2.
   */
  toRoute(view: PublishView, route: Route<Session>, origin: Session | null): boolean {
    const sessions = route.subscribers;
    const count = sessions.length;
    if (count === 0) return false;
    this.writer.begin(view, count > 1);
    let isDurable = false;
    for (let i = 0; i < count; i++) {
      const session = sessions[i]!;
      const options = route.options[i]!;
      if (session === origin && this.isKeptFrom(session, options)) continue;
      const qos = this.qosFor(view.qos, options & OPTION_QOS_MASK);
      const retain = view.retain && (options & OPTION_RETAIN_AS_PUBLISHED) !== 0;
      const identifiers = route.identifiers === null ? null : route.identifiers[i]!;
      if (qos === 0) {
        if (!this.sendQos0(session, retain, identifiers)) continue;
      } else {
        if (session.durable) isDurable = true;
        this.sendAcknowledged(session, qos, retain, identifiers, null);
      }
      if (view.retain && session.awaitsRetained) this.core.replays.onLive(session, view);
    }
    this.core.turn.spend(count);
    return isDurable;
  }

  /** Delivers to one session with the options of its subscription; `group` is the share group that chose it. */
  toSession(
    view: PublishView,
    session: Session,
    options: number,
    identifiers: Identifiers,
    group: EntryGroup | null,
    isReplay: boolean,
  ): void {
    this.writer.begin(view, false);
    const qos = this.qosFor(view.qos, options & OPTION_QOS_MASK);
    const retain = isReplay || (view.retain && (options & OPTION_RETAIN_AS_PUBLISHED) !== 0);
    if (qos === 0) this.sendQos0(session, retain, identifiers);
    else this.sendAcknowledged(session, qos, retain, identifiers, group);
    this.core.turn.spend(1);
  }

  /** @returns whether a message for a subscription with `qos` would go out now instead of into the queue. */
  hasRoom(session: Session, qos: number): boolean {
    const connection = session.connection;
    if (connection === null || connection.isSlow) return false;
    if (qos === 0 && !this.isQosUpgraded) return true;
    if (session.queue !== null && session.queue.size > 0) return false;
    return session.inflight === null || !session.inflight.isFull;
  }

  /**
   * Sends what waits, as far as window, reader and turn allow.
   * @returns true when the turn's budget ended it and there is more to send.
   */
  drain(session: Session): boolean {
    const queue = session.queue;
    const connection = session.connection;
    if (connection === null) return false;
    if (session.unsent !== null) this.core.redelivery.next(session);
    if (queue !== null && queue.size > 0) {
      const window = session.window();
      while (queue.size > 0 && !window.isFull && !connection.isSlow) {
        if (this.core.turn.spent) {
          session.account();
          return true;
        }
        if (!queue.shift(this.core.turn.wallMs, this.taken)) break;
        this.sendTaken(session, this.taken);
        this.core.turn.spend(1);
      }
      session.account();
      if (queue.size > 0) return false;
    }
    return session.replays !== null && this.core.replays.pump(session);
  }

  /**
   * Sends the packet in this slot of the window, with DUP unless it is the first time [MQTT-3.3.1-1].
   * @returns false when the message is gone: too large for the client's new connection (v5 [MQTT-3.1.2-25]), or expired
   * before it was ever sent (v5 [MQTT-3.3.2-5]).
   */
  sendAgain(session: Session, slot: number): boolean {
    const window = session.inflight!;
    const connection = session.connection!;
    const { turn } = this.core;
    const id = window.idAt(slot);
    if (window.stateAt(slot) === RELEASED) {
      window.resent(slot, turn.nowMs);
      connection.sendPubrel(id);
      return true;
    }
    const message = window.messageAt(slot)!;
    const isFirst = window.stateAt(slot) === READY;
    const retain = (window.flagsAt(slot) & FLAG_RETAIN) !== 0;
    const identifiers = window.identifiersAt(slot);
    const qos = window.stateAt(slot) === PUBLISHED_QOS1 ? 1 : 2;
    const isExpired = isFirst && message.expiresAtMs <= turn.wallMs;
    this.writer.begin(this.storedView.load(message), false);
    if (isExpired || !this.writer.fits(connection, qos, identifiers)) {
      window.drop(slot);
      this.core.kept.done(window.lastEntry);
      if (isExpired) session.onQueueDrop(message, 'expired', NO_ENTRY);
      return false;
    }
    if (isFirst) window.published(slot, turn.nowMs);
    else window.resent(slot, turn.nowMs);
    this.writer.write(connection, qos, retain, !isFirst, id, identifiers);
    session.delivered++;
    return true;
  }

  /** Its own messages are kept from a session: by No Local in MQTT 5, by configuration before. */
  private isKeptFrom(session: Session, options: number): boolean {
    if ((options & OPTION_NO_LOCAL) !== 0) return true;
    return this.isLoopIgnored && session.connection?.version !== 5;
  }

  /** @returns whether `toRoute` would say so. */
  isForDurable(view: PublishView, route: Route<Session>, origin: Session | null): boolean {
    for (const [i, session] of route.subscribers.entries()) {
      const options = route.options[i]!;
      if (!session.durable || (session === origin && this.isKeptFrom(session, options))) continue;
      if (this.qosFor(view.qos, options & OPTION_QOS_MASK) > 0) return true;
    }
    return false;
  }

  private qosFor(published: number, granted: number): number {
    if (this.isQosUpgraded) return Math.max(published, granted);
    return Math.min(published, granted);
  }

  // @returns false when it was dropped.
  private sendQos0(session: Session, retain: boolean, identifiers: Identifiers): boolean {
    const connection = session.connection;
    // Those that were queued while the client was away go first.
    if (connection === null || session.queue?.hasQos0 === true) {
      if (this.isQos0Queued) this.enqueue(session, 0, retain, identifiers, null);
      return this.isQos0Queued;
    }
    if (connection.isSlow) {
      this.core.counters.slowDropped++;
      this.hooks.dropped?.(session.clientId, topicOfView(this.writer.view), 'queue_full');
      return false;
    }
    this.writer.write(connection, 0, retain, false, 0, identifiers);
    session.delivered++;
    return true;
  }

  private sendAcknowledged(
    session: Session,
    qos: number,
    retain: boolean,
    identifiers: Identifiers,
    group: EntryGroup | null,
  ): void {
    const connection = session.connection;
    if (connection === null || connection.isSlow || (session.queue !== null && session.queue.size > 0)) {
      this.enqueue(session, qos, retain, identifiers, group);
      return;
    }
    const window = session.window();
    if (window.isFull) {
      this.enqueue(session, qos, retain, identifiers, group);
      return;
    }
    // Too large for this client: gone on as if it had been delivered (v5 [MQTT-3.1.2-25]).
    if (!this.writer.fits(connection, qos, identifiers)) return;
    const flags = retain ? FLAG_RETAIN : 0;
    const message = this.writer.view.message();
    const id = session.isKept
      ? this.core.kept.send(session, message, qos, flags, identifiers, group)
      : window.add(message, qos, flags, identifiers, group, this.core.turn.nowMs);
    session.account();
    if (id === 0) return;
    this.writer.write(connection, qos, retain, false, id, identifiers);
    session.delivered++;
  }

  private enqueue(
    session: Session,
    qos: number,
    retain: boolean,
    identifiers: Identifiers,
    group: EntryGroup | null,
  ): void {
    if (session.ended) return;
    session.enqueued++;
    const message = this.writer.view.message();
    const flags = retain ? FLAG_RETAIN : 0;
    const isKept = qos > 0 && session.isKept;
    const entry = isKept ? this.core.kept.queued(session, message, qos, flags, identifiers, group) : NO_ENTRY;
    session.waiting().push(message, qos, flags, identifiers, group, entry);
    session.account();
  }

  private sendTaken(session: Session, taken: QueuedMessage): void {
    const connection = session.connection!;
    const message = taken.message!;
    const retain = (taken.flags & FLAG_RETAIN) !== 0;
    this.writer.begin(this.storedView.load(message), false);
    if (!this.writer.fits(connection, taken.qos, taken.identifiers)) {
      this.core.kept.done(taken.entry);
      return;
    }
    let id = 0;
    if (taken.entry !== NO_ENTRY) {
      id = this.core.kept.sendTaken(session, taken);
      if (id === 0) return;
    } else if (taken.qos > 0) {
      const { nowMs } = this.core.turn;
      id = session.window().add(message, taken.qos, taken.flags, taken.identifiers, taken.group, nowMs);
    }
    this.writer.write(connection, taken.qos, retain, false, id, taken.identifiers);
    session.delivered++;
  }
}

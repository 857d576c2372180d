/**
 * Hands one message to local sessions: picks QoS and flags, encodes once per variant, keeps the in-flight window and
 * the queue. The hottest code of the broker: no allocation for QoS 0, one packet identifier and no copy of the message
 * for the rest. Runs on the shard's thread.
 */
import type { Config } from '../../src/config/schema.js';
import { OUTPUT_COPY_BYTES_MAX } from '../../src/limits.js';
import { expirySecondsLeft } from '../../src/protocol/message.js';
import { encodePublish, publishFrameBytes } from '../../src/protocol/mqtt/encode-publish.js';
import { PublishView } from '../../src/protocol/mqtt/publish-view.js';
import type { Connection } from '../connection/connection.js';
import { mountedStart } from '../connection/listener-options.js';
import type { ConfigFollower, Core } from '../core.js';
import { DeliveryNotice } from '../hooks/delivery-notice.js';
import { topicOfView } from '../hooks/hook-message.js';
import type { Hooks } from '../hooks/hooks.js';
import {
  OPTION_NO_LOCAL,
  OPTION_QOS_MASK,
  OPTION_RETAIN_AS_PUBLISHED,
  type Route,
} from '../routing/route.js';
import { type Identifiers, PUBLISHED_QOS2, RELEASED } from '../session/exchange.js';
import { QueuedMessage } from '../session/message-ring.js';
import type { Session } from '../session/session.js';
import type { EntryGroup } from '../store/journal.js';
import { FrameCache, variantOf } from './frame-cache.js';

/** Bit of the flags kept with a message in flight or in a queue: RETAIN goes out as 1. */
export const FLAG_RETAIN = 1;

export class Delivery implements ConfigFollower {
  private readonly frames = new FrameCache();
  private readonly notice = new DeliveryNotice();
  private readonly hooks: Hooks;
  // Messages that are sent from the window or the queue; apart, because a delivery may be under way around it.
  private readonly storedView = new PublishView();
  private readonly taken = new QueuedMessage();
  private view: PublishView = this.storedView;
  private shared = false;
  private isQosUpgraded = false;
  private isQos0Queued = false;
  private isLoopIgnored = false;

  constructor(private readonly core: Core) {
    this.hooks = core.hooks;
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
    this.begin(view, count > 1);
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
    this.begin(view, false);
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
   * Sends the packet in this slot of the window once more, with DUP [MQTT-3.3.1-1].
   * @returns false when the message is too large for the client's new connection, and is gone (v5 [MQTT-3.1.2-25]).
   */
  sendAgain(session: Session, slot: number): boolean {
    const window = session.inflight!;
    const connection = session.connection!;
    const id = window.idAt(slot);
    window.resent(slot, this.core.turn.nowMs);
    if (window.stateAt(slot) === RELEASED) {
      connection.sendPubrel(id);
      return true;
    }
    const message = window.messageAt(slot)!;
    const retain = (window.flagsAt(slot) & FLAG_RETAIN) !== 0;
    const qos = window.stateAt(slot) === PUBLISHED_QOS2 ? 2 : 1;
    this.begin(this.storedView.load(message), false);
    const identifiers = window.identifiersAt(slot);
    if (!this.fits(connection, qos, identifiers)) {
      if (qos === 2) window.refused(id);
      else window.acked(id);
      return false;
    }
    this.write(connection, qos, retain, true, id, identifiers);
    session.delivered++;
    return true;
  }

  private begin(view: PublishView, isShared: boolean): void {
    this.view = view;
    this.shared = isShared;
    if (this.hooks.delivered !== null) this.notice.begin();
    if (isShared) this.frames.begin(view, this.core.turn.wallMs);
  }

  /** Its own messages are kept from a session: by No Local in MQTT 5, by configuration before. */
  private isKeptFrom(session: Session, options: number): boolean {
    if ((options & OPTION_NO_LOCAL) !== 0) return true;
    return this.isLoopIgnored && session.connection?.version !== 5;
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
      this.hooks.dropped?.(session.clientId, topicOfView(this.view), 'queue_full');
      return false;
    }
    this.write(connection, 0, retain, false, 0, identifiers);
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
    if (!this.fits(connection, qos, identifiers)) return;
    const flags = retain ? FLAG_RETAIN : 0;
    const id = window.add(this.view.message(), qos, flags, identifiers, group, this.core.turn.nowMs);
    session.account();
    this.write(connection, qos, retain, false, id, identifiers);
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
    session.waiting().push(this.view.message(), qos, retain ? FLAG_RETAIN : 0, identifiers, group);
    session.account();
  }

  private sendTaken(session: Session, taken: QueuedMessage): void {
    const connection = session.connection!;
    const message = taken.message!;
    const retain = (taken.flags & FLAG_RETAIN) !== 0;
    this.begin(this.storedView.load(message), false);
    if (!this.fits(connection, taken.qos, taken.identifiers)) return;
    let id = 0;
    if (taken.qos > 0) {
      const { nowMs } = this.core.turn;
      id = session.window().add(message, taken.qos, taken.flags, taken.identifiers, taken.group, nowMs);
    }
    this.write(connection, taken.qos, retain, false, id, taken.identifiers);
    session.delivered++;
  }

  private fits(connection: Connection, qos: number, identifiers: Identifiers): boolean {
    if (this.isWithinLimit(connection, qos, identifiers, 0)) return true;
    this.core.counters.oversizeDropped++;
    return false;
  }

  private isWithinLimit(connection: Connection, qos: number, ids: Identifiers, alias: number): boolean {
    if (!connection.hasPacketLimit) return true;
    const { version, maximumPacketBytes } = connection;
    const expiry = this.expiry(connection);
    return publishFrameBytes(this.view, version, qos, ids, alias, true, expiry) <= maximumPacketBytes;
  }

  private expiry(connection: Connection): number {
    return connection.version === 5 ? expirySecondsLeft(this.view.expiresAtMs, this.core.turn.wallMs) : -1;
  }

  /** Appends the frame to the connection's output. Its size has been checked for QoS 1 and 2. */
  private write(
    connection: Connection,
    qos: number,
    retain: boolean,
    dup: boolean,
    packetId: number,
    identifiers: Identifiers,
  ): void {
    if (connection.isPlain && identifiers === null && this.shared) {
      this.writeShared(connection, qos, retain, packetId);
    } else if (connection.isPlain) {
      this.writeOwn(connection, qos, retain, dup, packetId, identifiers, 0, true);
    } else if (!this.writeSpecial(connection, qos, retain, dup, packetId, identifiers)) {
      return;
    }
    if (!this.view.isSys) this.core.counters.sentQos[qos]!++;
    const { delivered } = this.hooks;
    if (delivered !== null) this.notice.tell(delivered, connection.session!.clientId, this.view, qos, retain);
  }

  private writeShared(connection: Connection, qos: number, retain: boolean, packetId: number): void {
    const { frames } = this;
    const { output } = connection;
    frames.select(variantOf(connection.version === 5, qos, retain));
    if (qos === 0 && frames.isOwned) {
      output.appendOwned(frames.bytes);
      return;
    }
    if (frames.isOwned) {
      this.writeOwn(connection, qos, retain, false, packetId, null, 0, true);
      return;
    }
    output.append(frames.bytes, frames.start, frames.end);
    if (qos === 0) return;
    // The copy is the last thing in the chunk.
    const at = output.length - frames.idFromEnd;
    output.chunk![at] = packetId >> 8;
    output.chunk![at + 1] = packetId & 0xff;
  }

  private writeOwn(
    connection: Connection,
    qos: number,
    retain: boolean,
    dup: boolean,
    packetId: number,
    identifiers: Identifiers,
    alias: number,
    writeTopic: boolean,
  ): void {
    const { view } = this;
    const { version, output } = connection;
    const expiry = this.expiry(connection);
    const size = publishFrameBytes(view, version, qos, identifiers, alias, writeTopic, expiry);
    if (size <= OUTPUT_COPY_BYTES_MAX) {
      const at = output.reserve(size);
      encodePublish(
        output.chunk!,
        at,
        view,
        version,
        qos,
        retain,
        dup,
        packetId,
        identifiers,
        alias,
        writeTopic,
        expiry,
      );
      return;
    }
    const frame = Buffer.allocUnsafeSlow(size);
    encodePublish(
      frame,
      0,
      view,
      version,
      qos,
      retain,
      dup,
      packetId,
      identifiers,
      alias,
      writeTopic,
      expiry,
    );
    output.appendOwned(frame);
  }

  /** Connections with a mountpoint, topic aliases or a packet limit: nothing is shared with others. */
  private writeSpecial(
    connection: Connection,
    qos: number,
    retain: boolean,
    dup: boolean,
    packetId: number,
    identifiers: Identifiers,
  ): boolean {
    const { view } = this;
    if (qos === 0 && !this.fits(connection, 0, identifiers)) return false;
    const topicStart = view.topicStart;
    view.topicStart = mountedStart(connection.options.mountpoint, view);
    const aliases = connection.aliasesOut;
    // A new alias travels beside the topic and must not take the packet over the limit (v5 [MQTT-3.1.2-24]).
    if (aliases === null || !this.isWithinLimit(connection, qos, identifiers, 1)) {
      this.writeOwn(connection, qos, retain, dup, packetId, identifiers, 0, true);
    } else {
      const isNew = aliases.assign(view.topicBytes, view.topicStart, view.topicEnd);
      const alias = aliases.alias;
      // A packet identifier that is sent again must mean the same without the aliases of a lost connection.
      this.writeOwn(connection, qos, retain, dup, packetId, identifiers, alias, isNew || alias === 0);
    }
    view.topicStart = topicStart;
    return true;
  }
}

/**
 * What a shard does with each control packet of a client. Frames come whole from the connection; PUBLISH and the
 * acknowledgements take the short way. Runs on the shard's thread.
 */
import { Ack, decodeAck } from '../../src/protocol/mqtt/decode-ack.js';
import { decodeAuth, decodeDisconnect } from '../../src/protocol/mqtt/decode-control.js';
import type { FrameHeader } from '../../src/protocol/mqtt/frame.js';
import { type AckType, PacketType } from '../../src/protocol/mqtt/packet-type.js';
import { ReasonCode } from '../../src/protocol/mqtt/reason-code.js';
import type { Core } from '../core.js';
import { messageInFlight } from '../hooks/hook-message.js';
import { FLAG_RETAIN } from '../publish/delivery.js';
import { PUBLISHED_QOS1, PUBLISHED_QOS2 } from '../session/exchange.js';
import { PUBREC_KEPT, PUBREC_MISSING, PUBREC_SAFE_LATER } from '../session/inflight.js';
import type { Session } from '../session/session.js';
import type { ConnectFlow } from './connect-flow.js';
import type { Connection } from './connection.js';
import { HANDLED, type PacketHandler } from './packet-handler.js';
import type { PublishIn } from './publish-in.js';
import type { SubscribeFlow } from './subscribe-flow.js';

const PINGRESP = Uint8Array.of(PacketType.Pingresp << 4, 0);

export class Packets implements PacketHandler {
  private readonly ack = new Ack();

  constructor(
    private readonly core: Core,
    private readonly connects: ConnectFlow,
    private readonly publishes: PublishIn,
    private readonly subscribes: SubscribeFlow,
  ) {}

  handlePacket(connection: Connection, frame: FrameHeader, bytes: Buffer): number {
    const type = frame.firstByte >> 4;
    if (connection.session === null) {
      // CONNECT is the first packet and the only one before CONNACK [MQTT-3.1.0-1].
      if (type === PacketType.Connect) return this.connects.onConnect(connection, frame, bytes);
      return this.refuse(connection, 'protocol_not_connected');
    }
    switch (type) {
      case PacketType.Publish:
        return this.publishes.onPublish(connection, frame, bytes);
      case PacketType.Puback:
      case PacketType.Pubrec:
      case PacketType.Pubrel:
      case PacketType.Pubcomp:
        return this.onAck(connection, type, frame, bytes);
      case PacketType.Pingreq:
        if (frame.bodyEnd !== frame.bodyStart) return ReasonCode.MalformedPacket;
        connection.sendControl(PacketType.Pingresp, PINGRESP);
        return HANDLED;
      case PacketType.Subscribe:
        return this.subscribes.onSubscribe(connection, frame, bytes);
      case PacketType.Unsubscribe:
        return this.subscribes.onUnsubscribe(connection, frame, bytes);
      case PacketType.Disconnect:
        return this.onDisconnect(connection, frame, bytes);
      case PacketType.Connect:
        // A second CONNECT [MQTT-3.1.0-2].
        connection.disconnect(ReasonCode.ProtocolError, 'protocol_bad_connect');
        return HANDLED;
      case PacketType.Auth:
        return connection.version === 5 ? this.onAuth(frame, bytes) : ReasonCode.ProtocolError;
      default:
        // Packets that only a server sends.
        return ReasonCode.ProtocolError;
    }
  }

  /** The connection is over: its session goes on without it, or ends. */
  handleEnd(connection: Connection): void {
    this.connects.onEnd(connection);
  }

  private onAck(connection: Connection, type: AckType, frame: FrameHeader, bytes: Buffer): number {
    const { ack } = this;
    const error = decodeAck(bytes, type, frame.bodyStart, frame.bodyEnd, connection.version, ack);
    if (error !== 0) return error;
    const session = connection.session!;
    if (this.core.hooks.acked !== null && ack.reason < 0x80) this.tellAcked(session, type);
    switch (type) {
      case PacketType.Puback:
        if (session.inflight === null || !session.inflight.acked(ack.packetId)) this.miss(type);
        else this.freed(session);
        return HANDLED;
      case PacketType.Pubrec:
        this.onPubrec(connection, session);
        return HANDLED;
      case PacketType.Pubcomp:
        if (session.inflight === null || !session.inflight.completed(ack.packetId)) this.miss(type);
        else this.freed(session);
        return HANDLED;
      default:
        this.onPubrel(connection, session);
        return HANDLED;
    }
  }

  // The first acknowledgement of a message is the one that finds it in the window.
  private tellAcked(session: Session, type: AckType): void {
    const { inflight, clientId } = session;
    const slot = inflight === null ? -1 : inflight.slotOf(this.ack.packetId);
    if (slot < 0) return;
    const isPuback = type === PacketType.Puback;
    if (!isPuback && type !== PacketType.Pubrec) return;
    if (inflight!.stateAt(slot) !== (isPuback ? PUBLISHED_QOS1 : PUBLISHED_QOS2)) return;
    const retain = (inflight!.flagsAt(slot) & FLAG_RETAIN) !== 0;
    const message = messageInFlight(inflight!.messageAt(slot)!, isPuback ? 1 : 2, retain);
    this.core.hooks.acked?.(clientId, message);
  }

  private onPubrec(connection: Connection, session: Session): void {
    const { packetId, reason } = this.ack;
    const window = session.inflight;
    if (reason >= 0x80) {
      if (window === null || !window.refused(packetId)) this.miss(PacketType.Pubrec);
      else this.freed(session);
      return;
    }
    const known = window === null ? PUBREC_MISSING : window.received(packetId, this.core.turn.nowMs);
    if (known === PUBREC_KEPT) {
      this.core.kept.released(session, packetId, window!.lastEntry);
      session.account();
      return;
    }
    if (known === PUBREC_SAFE_LATER) return;
    if (known === PUBREC_MISSING) this.miss(PacketType.Pubrec);
    const code = known === PUBREC_MISSING ? ReasonCode.PacketIdentifierNotFound : ReasonCode.Success;
    connection.sendAck(PacketType.Pubrel, packetId, code);
  }

  private onPubrel(connection: Connection, session: Session): void {
    const { packetId } = this.ack;
    const { awaitingRel } = session;
    const isKnown = awaitingRel?.delete(packetId) === true;
    if (isKnown) this.core.kept.done(awaitingRel.removedEntry);
    else this.miss(PacketType.Pubrel);
    if (isKnown && connection.inboundOpen > 0) connection.inboundOpen--;
    const code = isKnown ? ReasonCode.Success : ReasonCode.PacketIdentifierNotFound;
    // If this PUBREL were forgotten, the next message with the same identifier would be taken for a repeat.
    if (session.isKept) this.core.acks.acknowledge(connection, PacketType.Pubcomp, packetId, code, true);
    else connection.sendAck(PacketType.Pubcomp, packetId, code);
  }

  private miss(type: AckType): void {
    this.core.counters.missed[type]!++;
  }

  // Room in the window: the next message goes out in the same turn.
  private freed(session: Session): void {
    this.core.kept.acknowledged(session.inflight!.lastEntry);
    session.account();
    if (session.unsent !== null) this.core.redelivery.next(session);
    if (session.queue === null && session.replays === null) return;
    if (this.core.delivery.drain(session)) this.core.turn.queue(session);
  }

  private onDisconnect(connection: Connection, frame: FrameHeader, bytes: Buffer): number {
    const result = decodeDisconnect(bytes, frame.bodyStart, frame.bodyEnd, connection.version);
    if (!result.ok) return result.reason;
    const session = connection.session!;
    const { reason, sessionExpirySeconds } = result.packet;
    if (sessionExpirySeconds !== null) {
      // A session that was to end with its connection cannot be made to live on (3.14.2.2.2).
      if (session.expirySeconds === 0 && sessionExpirySeconds > 0) return ReasonCode.ProtocolError;
      const { sessions } = this.core;
      sessions.setExpiry(session, sessions.expiryFor(sessionExpirySeconds));
    }
    if (reason === ReasonCode.Success) {
      session.will = null;
      this.core.keeper.changed(session);
    }
    connection.close('normal', true);
    return HANDLED;
  }

  private onAuth(frame: FrameHeader, bytes: Buffer): number {
    const result = decodeAuth(bytes, frame.bodyStart, frame.bodyEnd);
    if (!result.ok) return result.reason;
    // No CONNECT that names a method has been accepted, so there is nothing to go on with [MQTT-4.12.0-7].
    return ReasonCode.ProtocolError;
  }

  private refuse(connection: Connection, endReason: string): number {
    connection.close(endReason);
    return HANDLED;
  }
}

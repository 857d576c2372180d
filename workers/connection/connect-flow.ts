/**
 * From CONNECT to CONNACK: checks, authentication, takeover, resumption; and the end of a connection. The session is
 * touched only after every check has passed. Runs on the shard's thread.
 */
import { ALIASES_OUT_MAX, PACKET_BYTES_MAX } from '../../src/limits.js';
import { asClientId, type ClientId } from '../../src/protocol/ids.js';
import type { Connect } from '../../src/protocol/mqtt/connect.js';
import { decodeConnect } from '../../src/protocol/mqtt/decode-connect.js';
import { type Connack, encodeConnack } from '../../src/protocol/mqtt/encode-control.js';
import type { FrameHeader } from '../../src/protocol/mqtt/frame.js';
import { PacketType } from '../../src/protocol/mqtt/packet-type.js';
import { ReasonCode } from '../../src/protocol/mqtt/reason-code.js';
import { checkTopicName } from '../../src/protocol/topic.js';
import type { Core } from '../core.js';
import type { Session } from '../session/session.js';
import { EXPIRY_NEVER_SECONDS } from '../session/session-table.js';
import type { Connection } from './connection.js';
import { ConnectionRate } from './connection-rate.js';
import { HANDLED, HANDLED_STALL } from './packet-handler.js';
import type { Presence } from './presence.js';
import { AliasesIn, AliasesOut } from './topic-aliases.js';
import { topicLimits } from './topic-limits.js';

export class ConnectFlow {
  constructor(
    private readonly core: Core,
    private readonly presence: Presence,
  ) {}

  onConnect(connection: Connection, frame: FrameHeader, bytes: Buffer): number {
    const result = decodeConnect(bytes, frame.bodyStart, frame.bodyEnd);
    if (!result.ok) {
      if (result.version !== null) connection.version = result.version;
      const canAnswer = result.version !== null;
      this.refuse(connection, result.reason, canAnswer, 'protocol_bad_connect');
      return HANDLED;
    }
    const { connect } = result;
    connection.version = connect.version;
    const clientId =
      connect.clientId === '' ? connection.origin.assignedClientId : asClientId(connect.clientId);
    const refusal = this.check(connection, connect, clientId);
    if (refusal !== ReasonCode.Success || clientId === null) {
      this.refuse(
        connection,
        refusal,
        true,
        refusal === ReasonCode.ServerBusy ? 'server_busy' : 'bad_connect',
      );
      return HANDLED;
    }
    return this.authenticate(connection, connect, clientId);
  }

  /** The connection is over: its session goes on without it, or ends. */
  onEnd(connection: Connection): void {
    const { session } = connection;
    connection.rate?.cancel();
    this.core.creditWaiters.delete(connection);
    if (session === null || session.connection !== connection) return;
    this.presence.disconnected(connection, session);
    this.core.sessions.onDisconnected(session);
  }

  private check(connection: Connection, connect: Connect, clientId: ClientId | null): ReasonCode {
    const { config, memory, hooks } = this.core;
    if (clientId === null) return ReasonCode.ClientIdentifierNotValid;
    if (Buffer.byteLength(clientId, 'utf8') > config['mqtt.max_clientid_len'])
      return ReasonCode.ClientIdentifierNotValid;
    if (memory.isTight) return ReasonCode.ServerBusy;
    const method = connect.authenticationMethod;
    if (method !== null && hooks.authenticationMethod?.(method) !== true)
      return ReasonCode.BadAuthenticationMethod;
    const { will } = connect;
    if (will !== null && !this.isWillTopic(connection, will.topic)) {
      return connection.version === 5 ? ReasonCode.TopicNameInvalid : ReasonCode.MalformedPacket;
    }
    return ReasonCode.Success;
  }

  /** Behind a mountpoint a topic may get too long. */
  private isWillTopic(connection: Connection, topic: Buffer): boolean {
    const limits = topicLimits(this.core.config);
    if (topic.length + connection.options.mountpoint.length > limits.topicBytesMax) return false;
    return checkTopicName(topic, 0, topic.length, limits);
  }

  private authenticate(connection: Connection, connect: Connect, clientId: ClientId): number {
    const { hooks, config } = this.core;
    if (hooks.authenticate === null) {
      const isAllowed = config['mqtt.allow_anonymous'];
      this.admit(connection, connect, clientId, isAllowed ? ReasonCode.Success : ReasonCode.NotAuthorized);
      return HANDLED;
    }
    let isAnswered = false;
    let isWaiting = false;
    const attempt = {
      clientId,
      username: connection.origin.certificateUsername ?? connect.username,
      password: connect.password,
      peerAddress: connection.origin.peerAddress,
      protocolVersion: connect.version,
    };
    hooks.authenticate(attempt, (reason) => {
      if (isAnswered) return;
      isAnswered = true;
      this.core.turn.enter();
      // The client may have gone meanwhile; then nothing has been touched.
      if (!connection.isOpen || connection.isClosing) return;
      this.admit(connection, connect, clientId, reason);
      if (isWaiting) connection.unstall();
    });
    isWaiting = !isAnswered;
    return isAnswered ? HANDLED : HANDLED_STALL;
  }

  private admit(connection: Connection, connect: Connect, clientId: ClientId, reason: ReasonCode): void {
    this.presence.connected(connection, connect, clientId, reason);
    if (reason !== ReasonCode.Success) {
      this.refuse(connection, reason, true, 'auth_failure');
      return;
    }
    const { sessions } = this.core;
    let session = sessions.find(clientId);
    if (session !== null) this.takeOver(session, connect.cleanStart);
    if (session?.ended === true) session = null;
    const isResumed = session !== null;
    session ??= sessions.create(clientId);
    this.bind(connection, connect, session);
    this.accept(connection, connect, session, isResumed);
    if (!isResumed) return;
    this.core.redelivery.resume(session);
    if (this.core.delivery.drain(session)) this.core.turn.queue(session);
  }

  /** The session has a new client, or ends in favour of a new one [MQTT-3.1.4-2], v5 [MQTT-3.1.4-3]. */
  private takeOver(session: Session, cleanStart: boolean): void {
    const old = session.connection;
    if (old !== null) old.disconnect(ReasonCode.SessionTakenOver, 'conflict');
    // With Clean Start the old session ends here, and its will goes out whatever its delay.
    if (cleanStart) this.core.sessions.end(session);
  }

  private bind(connection: Connection, connect: Connect, session: Session): void {
    const { core } = this;
    const { config } = core;
    connection.session = session;
    session.connection = connection;
    session.will = connect.will === null ? null : this.mountWill(connection, connect.will);
    connection.packetBytesMax = core.sessions.packetBytesMax;
    connection.username = connection.origin.certificateUsername ?? connect.username;
    connection.cleanStart = connect.cleanStart;
    connection.isBridge = connect.bridge;
    connection.clientHash = core.topicHash.hash(
      Buffer.from(session.clientId),
      0,
      Buffer.byteLength(session.clientId),
    );
    connection.maximumPacketBytes = connect.maximumPacketBytes;
    connection.hasPacketLimit = connect.maximumPacketBytes < PACKET_BYTES_MAX;
    connection.wantsProblemInformation = connect.requestProblemInformation;
    if (connect.version === 5) connection.aliasesIn = new AliasesIn(config['mqtt.max_topic_alias']);
    if (connect.topicAliasMaximum > 0) {
      connection.aliasesOut = new AliasesOut(Math.min(connect.topicAliasMaximum, ALIASES_OUT_MAX));
    }
    connection.isPlain =
      connection.options.mountpoint.length === 0 &&
      connection.aliasesOut === null &&
      !connection.hasPacketLimit;
    const { rateLimit } = connection.options;
    const messagesPerSecond = config['mqtt.client.max_publish_rate'];
    if (rateLimit !== null || messagesPerSecond > 0) {
      connection.rate = new ConnectionRate(core, connection, messagesPerSecond, rateLimit);
    }
    core.sessions.setExpiry(session, this.expiryOf(connect));
    const window = Math.min(core.sessions.windowMax, connect.receiveMaximum);
    session.windowMax = window;
    if (session.inflight !== null) session.inflight.limit = window;
    core.sessions.onConnected(session);
  }

  private mountWill(
    connection: Connection,
    will: NonNullable<Connect['will']>,
  ): NonNullable<Connect['will']> {
    const { mountpoint } = connection.options;
    return mountpoint.length === 0 ? will : { ...will, topic: Buffer.concat([mountpoint, will.topic]) };
  }

  /**
   * 3.x has no expiry of its own: a persistent session lives as long as the configuration says, 0 meaning for
   * ever.
   */
  private expiryOf(connect: Connect): number {
    const { config, sessions } = this.core;
    if (connect.version === 5) return sessions.expiryFor(connect.sessionExpirySeconds);
    if (connect.cleanStart) return 0;
    return config['mqtt.session.expiry_interval'] / 1000 || Number.POSITIVE_INFINITY;
  }

  private accept(connection: Connection, connect: Connect, session: Session, isResumed: boolean): void {
    const { config } = this.core;
    const serverKeepAlive = config['mqtt.server_keepalive'] / 1000;
    const isOurs =
      connect.version === 5 && serverKeepAlive > 0 && connect.keepAliveSeconds !== serverKeepAlive;
    connection.keepAliveSeconds = isOurs ? serverKeepAlive : connect.keepAliveSeconds;
    connection.startKeepAlive(connection.keepAliveSeconds * 2 * config['mqtt.keepalive_backoff'] * 1000);
    const granted = Number.isFinite(session.expirySeconds) ? session.expirySeconds : EXPIRY_NEVER_SECONDS;
    const fields: Connack = {
      sessionPresent: isResumed,
      reason: ReasonCode.Success,
      sessionExpirySeconds: granted === connect.sessionExpirySeconds ? null : granted,
      receiveMaximum: config['mqtt.receive_maximum'],
      maximumPacketBytes: config['mqtt.max_packet_size'],
      assignedClientId: connect.clientId === '' ? session.clientId : null,
      topicAliasMaximum: config['mqtt.max_topic_alias'],
      serverKeepAliveSeconds: isOurs ? serverKeepAlive : null,
      // A hook knows the method [MQTT-4.12.0-5]; without one there is none to repeat [MQTT-4.12.0-6].
      authenticationMethod: connect.authenticationMethod,
      responseInformation: this.responseInformation(connect, session),
    };
    connection.sendControl(
      PacketType.Connack,
      encodeConnack(fields, connect.version, connect.maximumPacketBytes),
    );
    connection.isAccepted = true;
  }

  private responseInformation(connect: Connect, session: Session): string | null {
    const prefix = this.core.config['mqtt.response_information'];
    if (!connect.requestResponseInformation || prefix === '') return null;
    return `${prefix}${session.clientId}/`;
  }

  /** CONNACK with the reason where the client can take one, then the end. */
  private refuse(connection: Connection, reason: ReasonCode, canAnswer: boolean, endReason: string): void {
    if (canAnswer) {
      const connack = { sessionPresent: false, reason };
      connection.sendControl(
        PacketType.Connack,
        encodeConnack(connack, connection.version, Number.POSITIVE_INFINITY),
      );
    }
    connection.close(endReason);
  }
}

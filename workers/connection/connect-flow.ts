/**
 * From CONNECT to CONNACK: checks, authentication, takeover, resumption; and the end of a connection. The session is
 * touched only after every check has passed. Runs on the shard's thread.
 */
import type { Config } from '../../src/config/schema.js';
import { ALIASES_OUT_MAX, AUTHENTICATIONS_UNDER_WAY_MAX, PACKET_BYTES_MAX } from '../../src/limits.js';
import type { ConnectAttempt } from '../../src/plugins/api.js';
import { asClientId, type ClientId } from '../../src/protocol/ids.js';
import type { Connect } from '../../src/protocol/mqtt/connect.js';
import { decodeConnect } from '../../src/protocol/mqtt/decode-connect.js';
import { type Connack, encodeConnack } from '../../src/protocol/mqtt/encode-control.js';
import type { FrameHeader } from '../../src/protocol/mqtt/frame.js';
import { PacketType, type ProtocolVersion } from '../../src/protocol/mqtt/packet-type.js';
import { connackReturnCode, ReasonCode } from '../../src/protocol/mqtt/reason-code.js';
import { checkTopicName, topicLimits } from '../../src/protocol/topic.js';
import { Flapping } from '../access/flapping.js';
import type { ConfigFollower, Core } from '../core.js';
import type { AuthVerdict } from '../hooks/hooks.js';
import { Pending } from '../hooks/pending.js';
import { WAITING_INPUT } from '../memory-budget.js';
import type { Session } from '../session/session.js';
import { EXPIRY_NEVER_SECONDS } from '../session/session-table.js';
import { type Client, clientOf, refusedInfo, usernameOf } from './client.js';
import type { Connection } from './connection.js';
import { ConnectionRate } from './connection-rate.js';
import { HANDLED, HANDLED_STALL } from './packet-handler.js';
import { AliasesIn, AliasesOut } from './topic-aliases.js';

export class ConnectFlow implements ConfigFollower {
  /** Clients about whom plugins have not answered yet. */
  private underWay = 0;
  private readonly flapping: Flapping;

  constructor(private readonly core: Core) {
    this.flapping = new Flapping(core.config);
  }

  onConfig(config: Config): void {
    this.flapping.onConfig(config);
  }

  onConnect(connection: Connection, frame: FrameHeader, bytes: Buffer): number {
    const result = decodeConnect(bytes, frame.bodyStart, frame.bodyEnd);
    if (!result.ok) {
      if (result.version !== null) connection.version = result.version;
      if (result.version === null) connection.close('protocol_bad_connect');
      else this.turnAway(connection, result.reason, 'protocol_bad_connect');
      return HANDLED;
    }
    const { connect } = result;
    connection.version = connect.version;
    const clientId =
      connect.clientId === '' ? connection.origin.assignedClientId : asClientId(connect.clientId);
    const refusal = this.check(connection, connect, clientId);
    if (refusal !== ReasonCode.Success || clientId === null) {
      this.refuse(connection, connect, clientId, refusal);
      return HANDLED;
    }
    return this.authenticate(connection, connect, clientId, frame.bodyEnd - frame.bodyStart);
  }

  /** The connection is over: its session goes on without it, or ends. */
  onEnd(connection: Connection): void {
    const { session } = connection;
    connection.rate?.cancel();
    this.core.creditWaiters.delete(connection);
    this.core.storeDoor.leave(connection);
    if (session === null || session.connection !== connection) return;
    const { disconnected } = this.core.hooks;
    // Not for one that another connection of the same client has taken over.
    if (disconnected !== null && connection.endReason !== 'conflict')
      disconnected(clientOf(connection).info, connection.endReason);
    this.core.sessions.onDisconnected(session, connection.endReason);
  }

  private check(connection: Connection, connect: Connect, clientId: ClientId | null): ReasonCode {
    const { config, memory } = this.core;
    if (clientId === null) return ReasonCode.ClientIdentifierNotValid;
    if (Buffer.byteLength(clientId, 'utf8') > config['mqtt.max_clientid_len'])
      return ReasonCode.ClientIdentifierNotValid;
    if (this.isBanned(connection, connect, clientId)) return ReasonCode.Banned;
    if (memory.isTight) return ReasonCode.ServerBusy;
    // None is known [MQTT-4.12.0-1].
    if (connect.authenticationMethod !== null) return ReasonCode.BadAuthenticationMethod;
    if (config['mqtt.clientid_binding'] === 'username' && clientId !== usernameOf(connection, connect))
      return ReasonCode.ClientIdentifierNotValid;
    const { will } = connect;
    if (will !== null && !this.isWillTopic(connection, will.topic)) {
      return connection.version === 5 ? ReasonCode.TopicNameInvalid : ReasonCode.MalformedPacket;
    }
    // v5 [MQTT-3.2.2-13]; 3.x has no word for it: the will is published and not retained.
    if (will?.retain === true && connection.version === 5 && !this.core.retained.isOn)
      return ReasonCode.RetainNotSupported;
    return ReasonCode.Success;
  }

  /** Behind a mountpoint a topic may get too long. */
  private isWillTopic(connection: Connection, topic: Buffer): boolean {
    const limits = topicLimits(this.core.config);
    if (topic.length + connection.options.mountpoint.length > limits.topicBytesMax) return false;
    return checkTopicName(topic, 0, topic.length, limits);
  }

  private isBanned({ origin }: Connection, connect: Connect, clientId: ClientId): boolean {
    const username = origin.certificateUsername ?? connect.username;
    return this.core.door.isBanned({ clientId, username, peerAddress: origin.peerAddress });
  }

  /** `bytes` of its CONNECT wait for the answer. */
  private authenticate(connection: Connection, connect: Connect, clientId: ClientId, bytes: number): number {
    const { hooks, memory } = this.core;
    const { authenticate } = hooks;
    if (authenticate === null) {
      this.decide(connection, connect, clientId, 'ignore');
      return HANDLED;
    }
    if (this.underWay >= AUTHENTICATIONS_UNDER_WAY_MAX) {
      this.refuse(connection, connect, clientId, ReasonCode.ServerBusy);
      return HANDLED;
    }
    const found = authenticate(attemptOf(connection, connect));
    if (!(found instanceof Pending)) {
      this.decide(connection, connect, clientId, found);
      return HANDLED;
    }
    this.underWay++;
    // Until there is an answer, also when the client has gone.
    memory.add(WAITING_INPUT, bytes);
    found.whenAnswered((verdict) => {
      this.underWay--;
      memory.add(WAITING_INPUT, -bytes);
      // The client may have gone meanwhile; then nothing has been touched.
      if (!connection.isOpen || connection.isClosing) return;
      if (verdict !== 'ignore' || hooks.authenticate === authenticate) {
        this.decide(connection, connect, clientId, verdict);
      } else if (this.authenticate(connection, connect, clientId, bytes) !== HANDLED) {
        // Nobody knows the client, and plugins that came meanwhile have not been asked: now they are.
        return;
      }
      connection.unstall();
    });
    return HANDLED_STALL;
  }

  private decide(
    connection: Connection,
    connect: Connect,
    clientId: ClientId,
    verdict: AuthVerdict | 'ignore',
  ): void {
    const reason =
      verdict === 'ignore'
        ? this.unknownReason(connection, connect)
        : refusalFor(connection.version, verdict.reason);
    if (reason !== ReasonCode.Success) {
      this.refuse(connection, connect, clientId, reason);
      return;
    }
    // A ban may have come while a plugin was asked.
    if (this.isBanned(connection, connect, clientId) || this.isFlapping(clientId)) {
      this.refuse(connection, connect, clientId, ReasonCode.Banned);
      return;
    }
    connection.isSuperuser = verdict !== 'ignore' && verdict.isSuperuser;
    this.admit(connection, connect, clientId);
  }

  private isFlapping(clientId: ClientId): boolean {
    const { turn, main } = this.core;
    if (!this.flapping.isTooOften(clientId, turn.nowMs)) return false;
    main.flapping(clientId);
    return true;
  }

  /** Nobody knows the client. */
  private unknownReason(connection: Connection, connect: Connect): ReasonCode {
    const { config, hooks } = this.core;
    if (config['mqtt.allow_anonymous']) return ReasonCode.Success;
    // Also of a password alone: whether anybody has that ClientId must not be told.
    const isGiven = usernameOf(connection, connect) !== null || connect.password !== null;
    return hooks.authenticate !== null && isGiven
      ? ReasonCode.BadUserNameOrPassword
      : ReasonCode.NotAuthorized;
  }

  private admit(connection: Connection, connect: Connect, clientId: ClientId): void {
    const { sessions } = this.core;
    let session = sessions.findLasting(clientId);
    if (session !== null) this.takeOver(session, connect.cleanStart);
    if (session?.ended === true) session = null;
    const isResumed = session !== null;
    session ??= sessions.create(clientId);
    this.bind(connection, connect, session);
    this.accept(connection, connect, session, isResumed);
    if (!isResumed) return;
    this.recheck(session, clientOf(connection));
    this.core.redelivery.resume(session);
    if (this.core.delivery.drain(session)) this.core.turn.queue(session);
  }

  /** What somebody else, or the same one from elsewhere, has subscribed to may not be allowed to this client. */
  private recheck(session: Session, client: Client): void {
    const { client: last } = session;
    session.client = null;
    if (last === null || !this.core.access.isOn) return;
    if (!isAlike(last, client)) this.core.rechecks.one(session);
  }

  /** The session has a new client, or ends in favour of a new one [MQTT-3.1.4-2], v5 [MQTT-3.1.4-3]. */
  private takeOver(session: Session, cleanStart: boolean): void {
    const old = session.connection;
    if (old !== null) old.disconnect(ReasonCode.SessionTakenOver, 'conflict');
    // With Clean Start the old session ends here, and its will goes out whatever its delay.
    if (cleanStart) this.core.sessions.end(session, 'destroy');
  }

  private bind(connection: Connection, connect: Connect, session: Session): void {
    const { core } = this;
    const { config } = core;
    connection.session = session;
    session.connection = connection;
    connection.packetBytesMax = core.sessions.packetBytesMax;
    connection.username = usernameOf(connection, connect);
    connection.cleanStart = connect.cleanStart;
    const serverKeepAlive = config['mqtt.server_keepalive'] / 1000;
    const isOurs = connect.version === 5 && serverKeepAlive > 0;
    connection.keepAliveSeconds = isOurs ? serverKeepAlive : connect.keepAliveSeconds;
    session.will = connect.will === null ? null : this.mountWill(connection, connect.will);
    session.willFrom = connect.will === null ? null : clientOf(connection);
    connection.isBridge = connect.bridge;
    connection.isRetainUnavailable = connect.version === 5 && !core.retained.isOn;
    connection.clientHash = core.topicHash.hash(
      Buffer.from(session.clientId),
      0,
      Buffer.byteLength(session.clientId),
    );
    connection.receiveMaximum = config['mqtt.receive_maximum'];
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
    const { created, connected } = this.core.hooks;
    if (!isResumed) created?.(clientOf(connection).info);
    connected?.(clientOf(connection).info, ReasonCode.Success);
    connection.startKeepAlive(connection.keepAliveSeconds * 2 * config['mqtt.keepalive_backoff'] * 1000);
    const granted = Number.isFinite(session.expirySeconds) ? session.expirySeconds : EXPIRY_NEVER_SECONDS;
    const fields: Connack = {
      sessionPresent: isResumed,
      reason: ReasonCode.Success,
      sessionExpirySeconds: granted === connect.sessionExpirySeconds ? null : granted,
      receiveMaximum: connection.receiveMaximum,
      retainAvailable: connection.isRetainUnavailable ? false : null,
      maximumPacketBytes: config['mqtt.max_packet_size'],
      assignedClientId: connect.clientId === '' ? session.clientId : null,
      topicAliasMaximum: config['mqtt.max_topic_alias'],
      serverKeepAliveSeconds:
        connection.keepAliveSeconds === connect.keepAliveSeconds ? null : connection.keepAliveSeconds,
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

  /** CONNECT was understood, and is refused. */
  private refuse(
    connection: Connection,
    connect: Connect,
    clientId: ClientId | null,
    reason: ReasonCode,
  ): void {
    const { connected, disconnected } = this.core.hooks;
    const endReason = refusalOf(reason);
    const info =
      connected === null && disconnected === null ? null : refusedInfo(connection, connect, clientId);
    if (info !== null) connected?.(info, connackCode(connection, reason));
    this.turnAway(connection, reason, endReason);
    if (info !== null) disconnected?.(info, endReason);
  }

  /** CONNACK with the reason, then the end. */
  private turnAway(connection: Connection, reason: ReasonCode, endReason: string): void {
    const connack = { sessionPresent: false, reason };
    connection.sendControl(
      PacketType.Connack,
      encodeConnack(connack, connection.version, Number.POSITIVE_INFINITY),
    );
    connection.close(endReason);
  }
}

/** Whether rules and plugins say the same about both, as far as can be known. */
function isAlike(a: Client, b: Client): boolean {
  return (
    a.info.username === b.info.username &&
    a.info.peerAddress === b.info.peerAddress &&
    a.info.listener === b.info.listener &&
    a.isSuperuser === b.isSuperuser
  );
}

function attemptOf(connection: Connection, connect: Connect): ConnectAttempt {
  return {
    clientId: connect.clientId,
    username: usernameOf(connection, connect),
    password: connect.password,
    peerAddress: connection.origin.peerAddress,
    peerPort: connection.origin.peerPort,
    listener: connection.options.key,
    protocolVersion: connect.version,
    cleanStart: connect.cleanStart,
    keepAliveSeconds: connect.keepAliveSeconds,
  };
}

/** @returns the reason for which 3.x has a return code that comes nearest. */
function refusalFor(version: ProtocolVersion, reason: ReasonCode): ReasonCode {
  if (version === 5 || reason === ReasonCode.Success || connackReturnCode(reason) !== 0) return reason;
  const isElsewhere = reason === ReasonCode.UseAnotherServer || reason === ReasonCode.ServerMoved;
  return isElsewhere ? ReasonCode.ServerUnavailable : ReasonCode.NotAuthorized;
}

/** The number that CONNACK has. */
function connackCode(connection: Connection, reason: ReasonCode): number {
  return connection.version === 5 ? reason : connackReturnCode(reason);
}

/** The name under which a refusal is counted and told. */
function refusalOf(reason: ReasonCode): string {
  switch (reason) {
    case ReasonCode.ServerBusy:
      return 'server_busy';
    case ReasonCode.Banned:
      return 'banned';
    case ReasonCode.ClientIdentifierNotValid:
    case ReasonCode.BadAuthenticationMethod:
    case ReasonCode.TopicNameInvalid:
    case ReasonCode.MalformedPacket:
    case ReasonCode.RetainNotSupported:
      return 'bad_connect';
    default:
      return 'auth_failure';
  }
}

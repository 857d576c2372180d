/**
 * A client's PUBLISH, from its bytes to its acknowledgement: decode, find the route, check, hand on, acknowledge.
 * Nothing is changed before the last check has passed, so a packet that has to wait can simply be handled again. Runs
 * on the shard's thread.
 */
import { decodePublish } from '../../src/protocol/mqtt/decode-publish.js';
import type { FrameHeader } from '../../src/protocol/mqtt/frame.js';
import { PacketType } from '../../src/protocol/mqtt/packet-type.js';
import { PublishView } from '../../src/protocol/mqtt/publish-view.js';
import { ReasonCode } from '../../src/protocol/mqtt/reason-code.js';
import { isValidUtf8Mqtt } from '../../src/protocol/mqtt/utf8.js';
import { checkTopicName, type TopicLimits } from '../../src/protocol/topic.js';
import type { Core } from '../core.js';
import { NEEDS_COMMIT, WANTED_BY_NOBODY } from '../publish/publisher.js';
import type { Route } from '../routing/route.js';
import type { Session } from '../session/session.js';
import type { Connection } from './connection.js';
import { HANDLED, STALLED } from './packet-handler.js';
import { topicLimits } from './topic-limits.js';

export class PublishIn {
  private readonly view = new PublishView();
  private readonly limits: TopicLimits;
  private readonly receiveMaximum: number;
  private readonly awaitingRelMax: number;
  // Topics behind a listener's mountpoint are put together here.
  private mounted = Buffer.alloc(0);

  constructor(private readonly core: Core) {
    const { config } = core;
    this.limits = topicLimits(config);
    this.receiveMaximum = config['mqtt.receive_maximum'];
    this.awaitingRelMax = config['mqtt.session.max_awaiting_rel'];
  }

  /** @returns HANDLED, STALLED or a reason code. */
  onPublish(connection: Connection, frame: FrameHeader, bytes: Buffer): number {
    const { core, view } = this;
    const { version } = connection;
    view.nowMs = core.turn.wallMs;
    const error = decodePublish(bytes, frame.firstByte, frame.bodyStart, frame.bodyEnd, version, view);
    if (error !== 0) return error;
    if (connection.aliasesIn !== null) {
      const aliasError = connection.aliasesIn.resolve(view);
      if (aliasError !== 0) return aliasError;
    }
    if (connection.options.mountpoint.length > 0) this.mount(connection.options.mountpoint);
    const { router } = core;
    let route = router.lookup(view.topicBytes, view.topicStart, view.topicEnd);
    if (route === null) {
      // Valid or not is a matter of the topic alone: who is in the cache has passed this once.
      if (!checkTopicName(view.topicBytes, view.topicStart, view.topicEnd, this.limits)) {
        // v5 [MQTT-1.5.4-1]: what is no string at all is malformed, whatever it was to name.
        const isString = isValidUtf8Mqtt(view.topicBytes, view.topicStart, view.topicEnd);
        return isString ? ReasonCode.TopicNameInvalid : ReasonCode.MalformedPacket;
      }
      route = router.match(view.topicBytes, view.topicStart, view.topicEnd);
      core.turn.spendWalk();
    }
    if (view.qos === 2 && connection.session!.awaitingRel?.has(view.packetId) === true) {
      return this.onRepeat(connection);
    }
    if (!this.mayPass(connection, route)) return STALLED;
    if (core.hooks.authorizePublish !== null) {
      const verdict = this.verdict(connection);
      if (verdict < 0) return STALLED;
      if (verdict > 0) return this.deny(connection, verdict as ReasonCode);
    }
    core.counters.receivedQos[view.qos]!++;
    if (view.qos === 0) {
      core.publisher.distribute(view, route, connection.session, connection.clientHash);
      return HANDLED;
    }
    return view.qos === 1 ? this.onQos1(connection, route) : this.onQos2(connection, route);
  }

  // Credit towards every shard that may get it. A shared message may go to any shard.
  private mayPass(connection: Connection, route: Route<Session>): boolean {
    const { core, view } = this;
    if (route.shards !== 0 || view.retain || route.groups.length > 0) {
      const shards = view.retain || route.groups.length > 0 ? -1 : route.shards;
      if (!core.mesh.hasCredit(shards, view.qos)) {
        core.creditWaiters.add(connection);
        return false;
      }
    }
    return true;
  }

  private onQos1(connection: Connection, route: Route<Session>): number {
    const { core, view } = this;
    if (connection.inboundOpen >= this.receiveMaximum && connection.version === 5) {
      return ReasonCode.ReceiveMaximumExceeded;
    }
    connection.inboundOpen++;
    const { packetId } = view;
    const answer = core.publisher.distribute(view, route, connection.session, connection.clientHash);
    const reason = this.successCode(connection, answer);
    core.acks.acknowledge(connection, PacketType.Puback, packetId, reason, answer === NEEDS_COMMIT);
    return HANDLED;
  }

  // The message is ours already: it needs neither credit nor leave, and is not handed on again [MQTT-4.3.3-10]. Its
  // first PUBREC may still wait for the store, so this one takes its place behind it.
  private onRepeat(connection: Connection): number {
    const { core, view } = this;
    const { durable } = connection.session!;
    core.counters.receivedQos[2]!++;
    core.acks.acknowledge(connection, PacketType.Pubrec, view.packetId, ReasonCode.Success, durable);
    return HANDLED;
  }

  private onQos2(connection: Connection, route: Route<Session>): number {
    const { core, view } = this;
    const session = connection.session!;
    const { packetId } = view;
    const awaiting = session.awaiting();
    if (connection.version === 5) {
      if (connection.inboundOpen >= this.receiveMaximum) return ReasonCode.ReceiveMaximumExceeded;
    } else if (this.awaitingRelMax > 0 && awaiting.size >= this.awaitingRelMax) {
      core.counters.qos2Dropped++;
      return ReasonCode.ReceiveMaximumExceeded;
    }
    connection.inboundOpen++;
    awaiting.add(packetId, core.turn.nowMs);
    const answer = core.publisher.distribute(view, route, session, connection.clientHash);
    const reason = this.successCode(connection, answer);
    const needsCommit = answer === NEEDS_COMMIT || session.durable;
    core.acks.acknowledge(connection, PacketType.Pubrec, packetId, reason, needsCommit);
    return HANDLED;
  }

  private successCode(connection: Connection, answer: number): ReasonCode {
    return answer === WANTED_BY_NOBODY && connection.version === 5
      ? ReasonCode.NoMatchingSubscribers
      : ReasonCode.Success;
  }

  // -1: the answer is not there yet. The packet is handled again when it is.
  private verdict(connection: Connection): number {
    if (connection.verdict !== null) {
      const { verdict } = connection;
      connection.verdict = null;
      return verdict;
    }
    if (connection.hookAskedMs !== Number.POSITIVE_INFINITY) return -1;
    const { view } = this;
    const topic = view.topicBytes.toString('utf8', view.topicStart, view.topicEnd);
    let isWaiting = false;
    let answered: number | null = null;
    this.core.hooks.authorizePublish!(connection.session!.clientId, topic, (reason) => {
      if (answered !== null) return;
      answered = reason;
      if (!isWaiting) return;
      connection.verdict = reason;
      connection.hookAskedMs = Number.POSITIVE_INFINITY;
      connection.unstall();
    });
    if (answered !== null) return answered;
    isWaiting = true;
    connection.hookAskedMs = this.core.turn.nowMs;
    return -1;
  }

  /** Refused: MQTT 5 says so in the acknowledgement, 3.x acknowledges as usual (v3 [MQTT-3.3.5-2]). */
  private deny(connection: Connection, reason: ReasonCode): number {
    const { core, view } = this;
    core.counters.receivedQos[view.qos]!++;
    if (view.qos === 0) return HANDLED;
    const code = connection.version === 5 ? reason : ReasonCode.Success;
    const type = view.qos === 1 ? PacketType.Puback : PacketType.Pubrec;
    connection.inboundOpen++;
    if (view.qos === 2 && connection.version !== 5)
      connection.session!.awaiting().add(view.packetId, core.turn.nowMs);
    core.acks.acknowledge(connection, type, view.packetId, code, false);
    if (view.qos === 2 && connection.version === 5) connection.inboundOpen--;
    return HANDLED;
  }

  private mount(mountpoint: Buffer): void {
    const { view } = this;
    const length = mountpoint.length + view.topicEnd - view.topicStart;
    if (this.mounted.length < length) this.mounted = Buffer.allocUnsafeSlow(length * 2);
    mountpoint.copy(this.mounted, 0);
    view.topicBytes.copy(this.mounted, mountpoint.length, view.topicStart, view.topicEnd);
    view.useTopic(this.mounted, 0, length);
  }
}

/**
 * A client's PUBLISH, from its bytes to its acknowledgement: decode, find the route, check, hand on, acknowledge.
 * Nothing is changed before the last check has passed, so a packet that has to wait can simply be handled again. Runs
 * on the shard's thread.
 */
import type { Config } from '../../src/config/schema.js';
import { decodePublish } from '../../src/protocol/mqtt/decode-publish.js';
import type { FrameHeader } from '../../src/protocol/mqtt/frame.js';
import { PacketType } from '../../src/protocol/mqtt/packet-type.js';
import { PublishView } from '../../src/protocol/mqtt/publish-view.js';
import { ReasonCode } from '../../src/protocol/mqtt/reason-code.js';
import { isValidUtf8Mqtt } from '../../src/protocol/mqtt/utf8.js';
import { checkTopicName, type TopicLimits, topicLimits } from '../../src/protocol/topic.js';
import type { AccessControl } from '../access/access-control.js';
import type { ConfigFollower, Core } from '../core.js';
import { rewriteView, topicOfView } from '../hooks/hook-message.js';
import type { Hooks } from '../hooks/hooks.js';
import { Pending } from '../hooks/pending.js';
import { HANDED_ON, NEEDS_COMMIT, WANTED_BY_NOBODY } from '../publish/publisher.js';
import { type Judgement, type Review, UNDECIDED } from '../publish/review.js';
import type { Route } from '../routing/route.js';
import type { Session } from '../session/session.js';
import { clientOf } from './client.js';
import type { Connection } from './connection.js';
import { HANDLED, STALLED } from './packet-handler.js';
import { DOOR_WAIT } from './store-door.js';

/** Nothing holds the packet up; beside the answers of the store's door. */
const PASSES = 0;

export class PublishIn implements ConfigFollower {
  private readonly view = new PublishView();
  // For one look per message.
  private readonly hooks: Hooks;
  private readonly access: AccessControl;
  private readonly review: Review;
  private limits: TopicLimits;
  private awaitingRelMax = 0;
  // Topics behind a listener's mountpoint are put together here.
  private mounted = Buffer.alloc(0);

  constructor(private readonly core: Core) {
    this.hooks = core.hooks;
    this.access = core.access;
    this.review = core.publisher.review;
    this.limits = topicLimits(core.config);
    this.onConfig(core.config);
  }

  onConfig(config: Config): void {
    this.limits = topicLimits(config);
    this.awaitingRelMax = config['mqtt.session.max_awaiting_rel'];
  }

  /** @returns HANDLED, STALLED or a reason code. */
  onPublish(connection: Connection, frame: FrameHeader, bytes: Buffer): number {
    const { core, view } = this;
    const { version } = connection;
    view.nowMs = core.turn.wallMs;
    const error = decodePublish(bytes, frame.firstByte, frame.bodyStart, frame.bodyEnd, version, view);
    if (error !== 0) return error;
    // v5 [MQTT-3.2.2-14]. Nobody minds once it is available again.
    if (view.retain && connection.isRetainUnavailable && !core.retained.isOn)
      return ReasonCode.RetainNotSupported;
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
    if (this.hooks.publish !== null || this.access.isOn || connection.judged !== null)
      return this.onReviewed(connection, route);
    const passed = this.pass(connection, route);
    if (passed === PASSES) return this.accept(connection, view.qos, route);
    return passed === DOOR_WAIT ? STALLED : this.refuseUnsafe(connection);
  }

  // Somebody is asked about it. The packet waits for the answer, and is then handled again.
  private onReviewed(connection: Connection, route: Route<Session>): number {
    const { core, view } = this;
    const judged = connection.judged ?? this.judge(connection);
    if (judged === UNDECIDED) return STALLED;
    const { qos } = view;
    let wanted: Route<Session> | null = route;
    if (!judged.isAllowed || judged.isDropped) {
      wanted = null;
    } else if (judged.rewritten !== null) {
      rewriteView(view, judged.rewritten);
      wanted = core.publisher.routeOf(view);
    }
    const passed = wanted === null ? PASSES : this.pass(connection, wanted);
    if (passed === DOOR_WAIT) {
      connection.judged = judged;
      return STALLED;
    }
    connection.judged = null;
    if (passed !== PASSES) return this.refuseUnsafe(connection);
    if (wanted === null) core.publisher.lost(view, judged.isAllowed ? 'dropped_by_hook' : 'denied');
    if (!judged.isAllowed) this.hooks.denied?.(connection.session!.clientId, 'publish', topicOfView(view));
    // 3.x has no word for a refusal: it is acknowledged as usual (v3 [MQTT-3.3.5-2]), like what a plugin has taken out.
    const isRefused = !judged.isAllowed && connection.version === 5;
    return isRefused
      ? this.deny(connection, qos, ReasonCode.NotAuthorized)
      : this.accept(connection, qos, wanted);
  }

  /** `route` is null for a message that is acknowledged and not handed on. */
  private accept(connection: Connection, qos: number, route: Route<Session> | null): number {
    this.core.counters.receivedQos[qos]!++;
    if (qos === 0) {
      this.handOn(connection, route);
      return HANDLED;
    }
    return qos === 1 ? this.onQos1(connection, route) : this.onQos2(connection, route);
  }

  private handOn(connection: Connection, route: Route<Session> | null): number {
    if (route === null) return HANDED_ON;
    if (this.hooks.wantsAuthors) this.view.author = clientOf(connection).author;
    return this.core.publisher.distribute(this.view, route, connection.session, connection.clientHash);
  }

  // Without room in another shard the packet waits, and while nothing can be kept that would have to be.
  // @returns PASSES, DOOR_WAIT or DOOR_SHUT.
  private pass(connection: Connection, route: Route<Session>): number {
    const { core, view } = this;
    const { publisher, storeDoor } = core;
    if (view.qos > 0 && storeDoor.isShut && publisher.mayNeedCommit(view, route, connection.session)) {
      return storeDoor.knock(connection);
    }
    if (publisher.hasCredit(view, route)) return PASSES;
    core.creditWaiters.add(connection);
    return DOOR_WAIT;
  }

  // It could not be made safe in time. Nothing of it has happened.
  private refuseUnsafe(connection: Connection): number {
    if (connection.version === 5) return this.deny(connection, this.view.qos, ReasonCode.QuotaExceeded);
    connection.close('store_failed');
    return HANDLED;
  }

  private onQos1(connection: Connection, route: Route<Session> | null): number {
    const { core, view } = this;
    if (connection.inboundOpen >= connection.receiveMaximum && connection.version === 5) {
      return ReasonCode.ReceiveMaximumExceeded;
    }
    connection.inboundOpen++;
    const { packetId } = view;
    const answer = this.handOn(connection, route);
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

  private onQos2(connection: Connection, route: Route<Session> | null): number {
    const { core, view } = this;
    const session = connection.session!;
    const { packetId } = view;
    const awaiting = session.awaiting();
    if (connection.version === 5) {
      if (connection.inboundOpen >= connection.receiveMaximum) return ReasonCode.ReceiveMaximumExceeded;
    } else if (this.awaitingRelMax > 0 && awaiting.size >= this.awaitingRelMax) {
      core.counters.qos2Dropped++;
      return ReasonCode.ReceiveMaximumExceeded;
    }
    connection.inboundOpen++;
    awaiting.add(packetId, core.turn.nowMs, core.kept.inbound(session, packetId));
    const answer = this.handOn(connection, route);
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

  /** @returns UNDECIDED when the answer is not there yet. */
  private judge(connection: Connection): Judgement {
    const found = this.review.judge(this.view, clientOf(connection));
    if (!(found instanceof Pending)) return found;
    found.whenAnswered((judgement) => {
      connection.judged = judgement;
      connection.unstall();
    });
    connection.judged = UNDECIDED;
    return UNDECIDED;
  }

  /** MQTT 5 says so in the acknowledgement; the packet identifier of QoS 2 is free again [MQTT-4.3.3-9]. */
  private deny(connection: Connection, qos: number, reason: ReasonCode): number {
    const { core, view } = this;
    core.counters.receivedQos[qos]!++;
    if (qos === 0) return HANDLED;
    const type = qos === 1 ? PacketType.Puback : PacketType.Pubrec;
    connection.inboundOpen++;
    core.acks.acknowledge(connection, type, view.packetId, reason, false);
    if (qos === 2) connection.inboundOpen--;
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

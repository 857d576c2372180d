/**
 * Takes an accepted message to everybody who wants it: local sessions, other shards, share groups, the owner of its
 * retained topic. One entry for what the broker itself publishes, one for clients' messages, one for records of other
 * shards. Runs on the shard's thread.
 */
import { EXPIRY_GRACE_MS } from '../../src/limits.js';
import type { DropReason } from '../../src/plugins/api.js';
import { RECORD_BOUNCE, RECORD_DELIVER, RECORD_RETAIN, RECORD_SHARE } from '../../src/protocol/batch.js';
import type { BatchReader } from '../../src/protocol/batch-reader.js';
import type { ShardId } from '../../src/protocol/ids.js';
import { isSysTopic, type Message } from '../../src/protocol/message.js';
import type { PublishView } from '../../src/protocol/mqtt/publish-view.js';
import { checkTopicName } from '../../src/protocol/topic.js';
import type { Client } from '../connection/client.js';
import type { Core } from '../core.js';
import { topicOfView } from '../hooks/hook-message.js';
import type { Route } from '../routing/route.js';
import type { Session } from '../session/session.js';
import { OwnMessages } from './own-messages.js';
import type { Review } from './review.js';

/** Nobody has wanted the message. */
export const WANTED_BY_NOBODY = 0;
/** It was handed on, and nothing of it has to be safe before it is acknowledged. */
export const HANDED_ON = 1;
/** Some of it must be safe before it is acknowledged with QoS 1 or 2. */
export const NEEDS_COMMIT = 2;

export class Publisher {
  /** A bit per shard whose open batch has left something here that must be safe before it is reported. */
  private unsafeFrom = 0;

  private readonly own: OwnMessages;

  constructor(
    private readonly core: Core,
    readonly review: Review,
  ) {
    this.own = new OwnMessages(core, review);
  }

  /** @returns the route of the topic in `view`, which must be valid unless it is in the cache. */
  routeOf(view: PublishView): Route<Session> {
    const { router, turn } = this.core;
    const { topicBytes, topicStart, topicEnd } = view;
    const known = router.lookup(topicBytes, topicStart, topicEnd);
    if (known !== null) return known;
    turn.spendWalk();
    return router.match(topicBytes, topicStart, topicEnd);
  }

  /** @returns whether all shards that may get it have room for it. A shared message may go to any of them. */
  hasCredit(view: PublishView, route: Route<Session>): boolean {
    if (route.shards === 0 && !view.retain && route.groups.length === 0) return true;
    const { mesh } = this.core;
    if (view.retain || route.groups.length > 0) return mesh.hasCredit(-1, view.qos);
    if (!mesh.hasCredit(route.shards, view.qos, route.durableShards)) return false;
    return view.qos === 0 || mesh.hasRoomBehind(view, route.shards);
  }

  /** @returns whether `distribute` could answer NEEDS_COMMIT, or the packet identifier itself has to be safe. */
  mayNeedCommit(view: PublishView, route: Route<Session>, origin: Session | null): boolean {
    const { delivery, retained } = this.core;
    if (view.qos === 0) return false;
    return (
      (view.qos === 2 && origin?.durable === true) ||
      (view.retain && retained.isOn) ||
      route.durableShards !== 0 ||
      route.groups.some((group) => group.hasDurable) ||
      delivery.isForDurable(view, route, origin)
    );
  }

  /**
   * Publishes for the broker: wills, `$SYS`, the API, plugins. At once, unless a plugin is asked about it and takes its
   * time, or a handler is on the stack. `from`: whose will it is.
   */
  publishOwn(message: Message, from: Client | null = null): void {
    this.own.publish(message, from);
  }

  /** Whether anybody would get the broker's own message with this topic, or a plugin see it; true for what is none. */
  isWanted(topic: string): boolean {
    const { hooks, router } = this.core;
    if (hooks.publish !== null) return true;
    const bytes = Buffer.from(topic, 'utf8');
    if (!checkTopicName(bytes, 0, bytes.length, this.review.limits)) return true;
    return (hooks.dropped !== null && !isSysTopic(bytes, 0, bytes.length)) || router.isWanted(bytes);
  }

  /** A message is lost before any session has got it: counted, and plugins are told; not of the broker's figures. */
  lost(view: PublishView, reason: DropReason): void {
    const { counters, hooks } = this.core;
    if (!view.isSys) counters.dropped++;
    else if (reason === 'no_subscribers') return;
    hooks.dropped?.(null, topicOfView(view), reason);
  }

  /**
   * Hands a message on. `origin` is the publisher's session, `originHash` a hash of its ClientId.
   * @returns one of the three answers above.
   */
  distribute(view: PublishView, route: Route<Session>, origin: Session | null, originHash: number): number {
    const { core } = this;
    let isDurable = core.delivery.toRoute(view, route, origin);
    const isWanted = route.subscribers.length > 0 || route.shards !== 0 || route.groups.length > 0;
    let owner = -1;
    if (view.retain && core.retained.isOn) {
      isDurable = true;
      owner = core.retained.write(view);
    }
    if (route.shards !== 0 || owner >= 0) {
      core.mesh.forward(view, route.shards, route.durableShards, owner);
      if (route.durableShards !== 0) isDurable = true;
    }
    const { groups } = route;
    for (let i = 0; i < groups.length; i++) {
      if (core.shared.dispatch(view, groups[i]!, originHash)) isDurable = true;
    }
    // Retained or not: nobody has got it now.
    if (!isWanted) this.lost(view, 'no_subscribers');
    if (isDurable && view.qos > 0) return NEEDS_COMMIT;
    return isWanted ? HANDED_ON : WANTED_BY_NOBODY;
  }

  /** Handles what another shard has sent. */
  onRecord(view: PublishView, record: BatchReader, from: ShardId): void {
    const { core } = this;
    const { flags } = record;
    let isDurable = (flags & RECORD_RETAIN) !== 0;
    if (isDurable) core.retained.store(view);
    if (view.expiresAtMs + EXPIRY_GRACE_MS <= core.turn.wallMs) {
      // It has waited for this shard until it was too old to begin with (v5 [MQTT-3.3.2-5]).
      this.lost(view, 'expired');
      core.turn.spendPacket(view.payloadEnd - view.topicStart);
      return;
    }
    if ((flags & RECORD_DELIVER) !== 0) {
      const route = this.routeOf(view);
      core.counters.forwardedIn++;
      core.counters.forwardedDeliveries += route.subscribers.length;
      if (core.delivery.toRoute(view, route, null)) isDurable = true;
      if (route.subscribers.length === 0) this.lost(view, 'no_subscribers');
    }
    if ((flags & RECORD_SHARE) !== 0 && core.shared.onShared(view, record, from)) isDurable = true;
    if ((flags & RECORD_BOUNCE) !== 0 && core.shared.onBounce(view, record)) isDurable = true;
    if (isDurable && view.qos > 0) this.unsafeFrom |= 1 << from;
    core.turn.spendPacket(view.payloadEnd - view.topicStart);
  }

  /** Whether records of that shard since the last call have left something here that must be safe. */
  takeNeedsCommit(from: ShardId): boolean {
    const bit = 1 << from;
    const needsCommit = (this.unsafeFrom & bit) !== 0;
    this.unsafeFrom &= ~bit;
    return needsCommit;
  }
}

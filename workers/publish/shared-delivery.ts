/**
 * Share groups: one copy of a message per group, to one member wherever it is; and what happens to a member's messages
 * when it leaves. The publisher's shard chooses the shard, that shard the member. Runs on the shard's thread.
 */
import type { ShardId } from '../../src/protocol/ids.js';
import { PublishView } from '../../src/protocol/mqtt/publish-view.js';
import type { Core } from '../core.js';
import { type BatchReader, RECORD_BOUNCE, RECORD_SHARE } from '../peers/batch.js';
import type { ByteHash } from '../routing/byte-hash.js';
import type { ShareGroup, ShareStrategy } from '../routing/share-group.js';
import { QueuedMessage } from '../session/message-ring.js';
import type { Session } from '../session/session.js';

export class SharedDelivery {
  private readonly strategy: ShareStrategy;
  // For messages that a leaving member had; apart, because a delivery may be under way around it.
  private readonly takenView = new PublishView();
  private readonly taken = new QueuedMessage();

  constructor(
    private readonly core: Core,
    private readonly hash: ByteHash,
  ) {
    this.strategy = core.config['mqtt.shared_subscription_strategy'];
  }

  /** Hands a message to one member of `group`. @returns whether it must be safe before it is acknowledged. */
  dispatch(view: PublishView, group: ShareGroup<Session>, originHash: number): boolean {
    return this.choose(view, group, this.hashFor(view, originHash), 0, null);
  }

  /** Another shard has chosen this one. @returns as `dispatch`. */
  onShared(view: PublishView, record: BatchReader, from: ShardId): boolean {
    const { core } = this;
    core.counters.forwardedIn++;
    const group = core.router.groupById(record.groupId);
    const member = group?.pickMember(this.strategy, record.hash, null) ?? null;
    if (group !== undefined && member !== null) {
      return this.deliver(view, group, member);
    }
    // The last member left while the message was on its way: its sender tries elsewhere.
    const tried = record.triedMask | (1 << core.shard);
    core.mesh.forwardShared(
      view,
      from,
      RECORD_BOUNCE,
      record.sourceGroupId,
      record.groupId,
      tried >>> 0,
      record.hash,
    );
    return false;
  }

  /** A shard that this one had chosen had no member left. @returns as `dispatch`. */
  onBounce(view: PublishView, record: BatchReader): boolean {
    const group = this.core.router.groupById(record.groupId);
    if (group !== undefined) return this.choose(view, group, record.hash, record.triedMask, null);
    this.core.counters.dropped++;
    return false;
  }

  /**
   * Gives other members what `session` had of its groups: everything that waits, and QoS 1 in flight. QoS 2 that was
   * sent waits for its own client [MQTT-4.8.2-4], or dies with it [MQTT-4.8.2-5]. A session that lives on keeps what
   * no online member can take.
   */
  onMemberLeft(session: Session, isSessionOver: boolean): void {
    const give = (group: object, message: QueuedMessage['message']): boolean => {
      const share = group as ShareGroup<Session>;
      if (message === null || !(isSessionOver || share.hasOnline)) return false;
      const view = this.takenView.load(message);
      this.choose(view, share, this.hashFor(view, 0), 0, session);
      return true;
    };
    session.inflight?.takeShared((message, group) => {
      if (!give(group, message)) session.waiting().push(message, message.qos, 0, null, group);
    });
    session.queue?.takeShared(this.taken, (taken) => {
      if (!give(taken.group!, taken.message)) {
        session.waiting().push(taken.message!, taken.qos, taken.flags, taken.identifiers, taken.group);
      }
    });
  }

  private choose(
    view: PublishView,
    group: ShareGroup<Session>,
    hash: number,
    triedMask: number,
    exclude: Session | null,
  ): boolean {
    const { core, strategy } = this;
    for (let tried = triedMask; ; ) {
      const shard = group.pickShard(strategy, hash, tried);
      if (shard < 0) {
        if (!view.isSys) core.counters.dropped++;
        return false;
      }
      if (shard === core.shard) {
        const member = group.pickMember(strategy, hash, exclude);
        if (member !== null) return this.deliver(view, group, member);
      } else if (
        core.mesh.forwardShared(view, shard, RECORD_SHARE, group.idOn(shard), group.id, tried >>> 0, hash)
      ) {
        // Whether a member there outlives its connection is not known here.
        return true;
      }
      tried |= 1 << shard;
    }
  }

  private deliver(view: PublishView, group: ShareGroup<Session>, member: Session): boolean {
    const identifier = group.identifierOf(member);
    const identifiers = identifier === 0 ? null : [identifier];
    this.core.delivery.toSession(view, member, group.optionsOf(member), identifiers, group, false);
    return member.durable;
  }

  private hashFor(view: PublishView, originHash: number): number {
    switch (this.strategy) {
      case 'hash_clientid':
        return originHash;
      case 'hash_topic':
        return this.hash.hash(view.topicBytes, view.topicStart, view.topicEnd) >>> 0;
      default:
        return 0;
    }
  }
}

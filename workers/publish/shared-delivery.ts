/**
 * Share groups: one copy of a message per group, to one member wherever it is; and what happens to a member's messages
 * when it leaves. The publisher's shard chooses the shard, that shard the member. Runs on the shard's thread.
 */
import type { Config } from '../../src/config/schema.js';
import { SHARE_LEFT_SLICE } from '../../src/limits.js';
import { RECORD_BOUNCE, RECORD_NAMED, RECORD_SHARE } from '../../src/protocol/batch.js';
import type { BatchReader } from '../../src/protocol/batch-reader.js';
import type { ShardId } from '../../src/protocol/ids.js';
import type { Message } from '../../src/protocol/message.js';
import { PublishView } from '../../src/protocol/mqtt/publish-view.js';
import type { ConfigFollower, Core } from '../core.js';
import type { ByteHash } from '../routing/byte-hash.js';
import type { ShareGroup, ShareStrategy } from '../routing/share-group.js';
import { QueuedMessage } from '../session/message-ring.js';
import type { Session } from '../session/session.js';
import { type Entry, type EntryGroup, NO_ENTRY } from '../store/journal.js';
import type { Runnable } from '../turn.js';

/** What has become of a message for one member. */
const NOBODY = 0;
const TAKEN = 1;
/** It must be safe before it is acknowledged. */
const TAKEN_DURABLY = 2;

/** What a member had when it left, on its way to others. */
interface LeftMessages {
  readonly session: Session;
  readonly messages: Message[];
  readonly groups: ShareGroup<Session>[];
  /** What they were known by at `session`. */
  readonly entries: Entry[];
  /** Commits wait: `session` is over, and one in between would hold messages neither here nor there. */
  isHeldTogether: boolean;
  /** Index of the first that is still to be given. */
  next: number;
}

export class SharedDelivery implements Runnable, ConfigFollower {
  queued = false;
  private readonly left: LeftMessages[] = [];
  private strategy: ShareStrategy;
  // For messages that a leaving member had; apart, because a delivery may be under way around it.
  private readonly takenView = new PublishView();
  private readonly taken = new QueuedMessage();

  constructor(
    private readonly core: Core,
    private readonly hash: ByteHash,
  ) {
    this.strategy = core.config['mqtt.shared_subscription_strategy'];
  }

  onConfig(config: Config): void {
    this.strategy = config['mqtt.shared_subscription_strategy'];
  }

  /** Hands a message to one member of `group`. @returns whether it must be safe before it is acknowledged. */
  dispatch(view: PublishView, group: ShareGroup<Session>, originHash: number): boolean {
    return this.dispatchFrom(view, group, this.hashFor(view, originHash), 0);
  }

  /** Another shard has chosen this one. @returns as `dispatch`. */
  onShared(view: PublishView, record: BatchReader, from: ShardId): boolean {
    const { core } = this;
    core.counters.forwardedIn++;
    const group = this.groupOf(record);
    const member = group?.pickMember(this.strategy, record.hash, null) ?? null;
    if (group !== undefined && member !== null) {
      core.counters.forwardedDeliveries++;
      return this.deliver(view, group, member);
    }
    // The last member left while the message was on its way: its sender tries elsewhere.
    const { groupId, sourceGroupId, filter, name, hash } = record;
    const tried = (record.triedMask | (1 << core.shard)) >>> 0;
    if (isNamed(record)) return core.mesh.forwardKept(view, from, RECORD_BOUNCE, filter, name, tried, hash);
    core.mesh.forwardShared(view, from, RECORD_BOUNCE, sourceGroupId, groupId, tried, hash);
    return false;
  }

  private groupOf(record: BatchReader): ShareGroup<Session> | undefined {
    const { router } = this.core;
    return isNamed(record) ? router.groupNamed(record.filter, record.name) : router.groupById(record.groupId);
  }

  /** A shard that this one had chosen had no member left. @returns as `dispatch`. */
  onBounce(view: PublishView, record: BatchReader): boolean {
    const group = this.groupOf(record);
    if (group !== undefined) return this.dispatchFrom(view, group, record.hash, record.triedMask);
    this.countDropped(view);
    return false;
  }

  /**
   * Takes from `session` what other members shall have: all that waits, and QoS 1 in flight. QoS 2 that was sent waits
   * for its own client [MQTT-4.8.2-4], or dies with it [MQTT-4.8.2-5]. A session that lives on keeps what no online
   * member can take. The others get it in slices, because it may be a hundred thousand messages.
   */
  onMemberLeft(session: Session, isSessionOver: boolean): void {
    const left: LeftMessages = {
      session,
      messages: [],
      groups: [],
      entries: [],
      isHeldTogether: false,
      next: 0,
    };
    const take = (message: Message, group: EntryGroup, entry: Entry): boolean => {
      if (!isSessionOver && !(group as ShareGroup<Session>).hasOnline) return false;
      left.messages.push(message);
      left.groups.push(group as ShareGroup<Session>);
      left.entries.push(entry);
      return true;
    };
    session.inflight?.takeShared(take);
    session.queue?.takeShared(this.taken, ({ message, group, entry }) => take(message!, group!, entry));
    session.account();
    if (left.messages.length > 0) this.left.push(left);
    // It may have left before it was over.
    if (isSessionOver) for (const each of this.left) if (each.session === session) this.holdTogether(each);
    if (left.messages.length === 0) return;
    this.run();
    if (this.left.length > 0) this.core.turn.queue(this);
  }

  /** Goes on giving members what others have left. */
  run(): boolean {
    for (;;) {
      const left = this.left[0];
      if (left === undefined) return false;
      const end = Math.min(left.next + SHARE_LEFT_SLICE, left.messages.length);
      for (; left.next < end; left.next++) {
        this.giveOn(left.messages[left.next]!, left.groups[left.next]!, left.session);
        this.core.kept.done(left.entries[left.next]!);
      }
      if (end === left.messages.length) {
        this.left.shift();
        if (left.isHeldTogether) this.core.commits.resume();
      }
      if (this.core.turn.overTime) return this.left.length > 0;
    }
  }

  private holdTogether(left: LeftMessages): void {
    if (left.isHeldTogether || left.entries.every((entry) => entry === NO_ENTRY)) return;
    left.isHeldTogether = true;
    this.core.commits.suspend();
  }

  private giveOn(message: Message, group: ShareGroup<Session>, from: Session): void {
    if (message.expiresAtMs <= this.core.turn.wallMs) {
      from.onQueueDrop(message, 'expired', NO_ENTRY);
      return;
    }
    const view = this.takenView.load(message);
    // Its own member is to be passed over while it is away, and may take it again when it is back.
    const exclude = from.connection === null ? from : null;
    const hash = this.hashFor(view, 0);
    if (this.choose(view, group, hash, 0, exclude) !== NOBODY) return;
    // The others have gone meanwhile. A session that is over has no second chance to deliver it.
    if (from.ended || this.choose(view, group, hash, 0, null) === NOBODY) this.countDropped(view);
  }

  private dispatchFrom(
    view: PublishView,
    group: ShareGroup<Session>,
    hash: number,
    triedMask: number,
  ): boolean {
    const answer = this.choose(view, group, hash, triedMask, null);
    if (answer === NOBODY) this.countDropped(view);
    return answer === TAKEN_DURABLY;
  }

  private countDropped(view: PublishView): void {
    this.core.publisher.lost(view, 'no_subscribers');
  }

  // @returns NOBODY, TAKEN or TAKEN_DURABLY.
  private choose(
    view: PublishView,
    group: ShareGroup<Session>,
    hash: number,
    triedMask: number,
    exclude: Session | null,
  ): number {
    const { core, strategy } = this;
    for (let tried = triedMask; ; ) {
      const shard = group.pickShard(strategy, hash, tried);
      if (shard < 0) return NOBODY;
      if (shard === core.shard) {
        const member = group.pickMember(strategy, hash, exclude);
        if (member !== null) return this.deliver(view, group, member) ? TAKEN_DURABLY : TAKEN;
      } else if (this.forward(view, shard, group, tried >>> 0, hash)) {
        return group.hasDurableOn(shard) ? TAKEN_DURABLY : TAKEN;
      }
      tried |= 1 << shard;
    }
  }

  private forward(
    view: PublishView,
    shard: number,
    group: ShareGroup<Session>,
    tried: number,
    hash: number,
  ): boolean {
    const { mesh } = this.core;
    if (mesh.keeps(view, shard, group.hasDurableOn(shard)))
      return mesh.forwardKept(view, shard, RECORD_SHARE, group.filter, group.name, tried, hash);
    return mesh.forwardShared(view, shard, RECORD_SHARE, group.idOn(shard), group.id, tried, hash);
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

function isNamed(record: BatchReader): boolean {
  return (record.flags & RECORD_NAMED) !== 0;
}

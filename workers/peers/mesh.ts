/**
 * All channels of this shard to the others: forwards messages, keeps everybody's interest known, and says when a
 * subscription may be acknowledged and publishes may be taken. Runs on the shard's thread.
 *
 * A SUBACK waits for every peer that could take a publish without knowing the subscription. A shard takes publishes
 * only once it is `isReady`, that is: after hearing the whole interest of every peer it was connected to at its start,
 * and where messages are kept of every other shard, as the dead will want theirs. So a peer that has not said hello
 * cannot, and one that has is waited for.
 */
import type { MessagePort } from 'node:worker_threads';
import type { PeerBytes, RelayMessage, RetainedMessage } from '../../src/actor/peer-protocol.js';
import { assert } from '../../src/base/assert.js';
import { PEER_DROP_SLICE, PEER_SILENCE_STEP_MS_MAX } from '../../src/limits.js';
import { RECORD_DELIVER, RECORD_DURABLE, RECORD_RETAIN } from '../../src/protocol/batch.js';
import type { ShardId } from '../../src/protocol/ids.js';
import { PublishView } from '../../src/protocol/mqtt/publish-view.js';
import { BarrierAnswers } from './barrier-answers.js';
import type { Budget, InterestTable, PeerHandlers } from './handlers.js';
import { InterestFeed } from './interest-feed.js';
import { InterestWaiters, type OnInterestKnown } from './interest-waiters.js';
import type { Outbox } from './outbox.js';
import type { OutboxStream } from './outbox-stream.js';
import { Peer, type PeerContext, type PeerOwner } from './peer.js';

export interface MeshOptions {
  readonly shard: ShardId;
  readonly shards: number;
  readonly table: InterestTable;
  readonly handlers: PeerHandlers;
  readonly outbox: Outbox;
}

export class Mesh implements PeerOwner {
  // One bit per shard. Publishers ask before every message, so this must cost no more than an AND.
  private fullMask = 0;
  private fullMaskQos0 = 0;
  private fullMaskKept = 0;
  // Outboxes that are full and hold what is not safe: what must not overtake that finds no room there either.
  private fullMaskHeld = 0;
  // The interest of these has been known completely, in this shard's life.
  private heardMask: number;
  private readonly peers: (Peer | null)[];
  // Lost peers whose last messages and interest are not dealt with yet, oldest first, by shard.
  private readonly leaving: Peer[][];
  private readonly feed: InterestFeed;
  private readonly waiters = new InterestWaiters();
  private readonly answers = new BarrierAnswers();
  private readonly context: PeerContext;
  private readonly shard: number;
  private readonly outbox: Outbox;
  private lostQos0 = 0;
  private lostGuaranteed = 0;
  private hasBegun = false;
  private ready = false;
  private firstDrained = 0;
  private sweptMs = Number.NaN;

  constructor(private readonly options: MeshOptions) {
    const { shards, table, handlers, outbox } = options;
    assert(shards >= 1 && shards <= 32, 'shards fit into the bits of a number');
    this.shard = options.shard;
    this.outbox = outbox;
    this.heardMask = outbox.isOn ? 1 << options.shard : -1;
    outbox.onCredit = (shard) => this.updateCredit(shard);
    this.peers = new Array<Peer | null>(shards).fill(null);
    this.leaving = Array.from({ length: shards }, () => []);
    this.feed = new InterestFeed(table);
    this.context = { table, handlers, outbox, view: new PublishView(), owner: this };
  }

  /** The interest of all peers is known: publishes may be taken. Never false again. */
  get isReady(): boolean {
    return this.ready;
  }

  /** Barrier of the last interest that was posted to everybody. */
  get postedBarrier(): number {
    return this.feed.postedBarrier;
  }

  /** Messages with QoS 0 not taken for another shard since start: it was silent or dead, or had too much waiting. */
  get droppedQos0(): number {
    return this.peers.reduce((sum, peer) => sum + (peer?.outgoing.droppedQos0 ?? 0), this.lostQos0);
  }

  /** The same for QoS 1 and 2; what was taken and then lost with its shard is told to `onUndelivered` instead. */
  get droppedGuaranteed(): number {
    const lost = this.lostGuaranteed + this.outbox.dropped;
    return this.peers.reduce((sum, peer) => sum + (peer?.outgoing.droppedGuaranteed ?? 0), lost);
  }

  /** All other shards live, and everything that their outboxes had for this one has been handled. */
  get isWhole(): boolean {
    return this.peers.every((peer, shard) => shard === this.shard || peer?.state === 'live');
  }

  /** There is a channel to this shard, and its whole interest is not known yet. */
  isJoining(shard: ShardId): boolean {
    const peer = this.peers[shard] ?? null;
    return peer !== null && peer.state === 'joining';
  }

  /** Bytes that wait in the outbox and on channels, in both directions. */
  get waitingBytes(): number {
    let bytes = this.outbox.waitingBytes;
    for (const peer of this.peers) if (peer !== null) bytes += peer.waitingBytes;
    return bytes;
  }

  /** Opens the channel to a shard, new or restarted. An older channel to it is dead. */
  connect(shard: ShardId, port: MessagePort): void {
    assert(shard !== this.shard && shard < this.peers.length, 'a peer is another shard');
    this.lost(shard);
    const peer = new Peer(shard, port, this.context);
    this.peers[shard] = peer;
    if (this.ready) peer.outgoing.reply({ kind: 'ready' });
  }

  /** All peers that live have been connected: from now on readiness depends only on what they say. */
  begin(): void {
    this.hasBegun = true;
    this.progressed();
  }

  /** The shard is dead. Nobody waits for it any more; what it had sent is still handled by `drain`. */
  lost(shard: ShardId): void {
    const peer = this.peers[shard] ?? null;
    if (peer === null) return;
    const { handlers } = this.options;
    const undelivered = peer.lose();
    this.peers[shard] = null;
    this.leaving[shard]!.push(peer);
    this.lostQos0 += peer.outgoing.droppedQos0;
    this.lostGuaranteed += peer.outgoing.droppedGuaranteed;
    handlers.onUndelivered(shard, undelivered);
    handlers.onPeerLost(shard);
    this.updateCredit(shard);
    this.progressed();
    handlers.onWork();
  }

  /** Ends all channels, at the end of the shard. */
  close(): void {
    for (const peer of this.peers) peer?.lose();
    this.peers.fill(null);
  }

  /**
   * To be asked before a publisher's message is handled. `shards`: a bit for each that may get it, -1 for all;
   * `keptShards`: those of them for which it may have to be kept.
   * @returns false when its connection must not be read on until `onCredit`.
   */
  hasCredit(shards: number, qos: number, keptShards = shards): boolean {
    if (qos === 0) return (shards & this.fullMaskQos0) === 0;
    return ((shards & this.fullMask) | (keptShards & this.fullMaskKept)) === 0;
  }

  /**
   * As `hasCredit`, for what needs no keeping (QoS 1 or 2): a message on the same topic may wait for its commit in an
   * outbox without room. @returns false when the connection must not be read on until `onCredit`.
   */
  hasRoomBehind(view: PublishView, shards: number): boolean {
    for (let left = shards & this.fullMaskHeld; left !== 0; left &= left - 1) {
      if (this.stream(31 - Math.clz32(left & -left)).holds(view)) return false;
    }
    return true;
  }

  /**
   * Sends a message to every shard in `shards`, and to the owner of its topic's retained message (-1: none).
   * `durableShards` have durable interest. This shard itself must be neither. With QoS 1 and 2 those and the owner
   * get it through the outbox where it is on, dead or alive.
   * @returns the shards that did not take it; counted as dropped.
   */
  forward(view: PublishView, shards: number, durableShards: number, retainOwner: number): number {
    const ownerBit = retainOwner < 0 ? 0 : 1 << retainOwner;
    let refused = 0;
    for (let left = shards | ownerBit; left !== 0; left &= left - 1) {
      const bit = left & -left;
      let flags = (shards & bit) === 0 ? 0 : RECORD_DELIVER;
      if ((durableShards & bit) !== 0) flags |= RECORD_DURABLE;
      if ((ownerBit & bit) !== 0) flags |= RECORD_RETAIN;
      const shard = 31 - Math.clz32(bit);
      const isTaken = this.goesKept(view, shard, (durableShards & bit) !== 0, (ownerBit & bit) !== 0)
        ? this.stream(shard).append(view, flags)
        : this.openPeer(shard, view.qos)?.outgoing.append(view, flags) === true;
      if (!isTaken) refused |= bit;
    }
    return refused;
  }

  /** @returns whether a message for a group goes to `shard` through the outbox; `isDurable`: it has to be kept. */
  keeps(view: PublishView, shard: number, isDurable: boolean): boolean {
    return this.goesKept(view, shard, isDurable, false);
  }

  // What is retained at the owner with QoS 0 must not overtake either: the same millisecond would not show it.
  private goesKept(view: PublishView, shard: number, isDurable: boolean, isRetained: boolean): boolean {
    if (!this.outbox.isOn) return false;
    if (view.qos === 0) return isRetained && this.stream(shard).holds(view);
    return isDurable || isRetained || this.stream(shard).holds(view);
  }

  /**
   * Sends a message to one member of a group on `shard`, or back (`flags`: SHARE or BOUNCE, perhaps DURABLE).
   * @returns false when the shard cannot take it: choose another.
   */
  forwardShared(
    view: PublishView,
    shard: number,
    flags: number,
    groupId: number,
    sourceGroupId: number,
    triedMask: number,
    hash: number,
  ): boolean {
    const peer = this.openPeer(shard, view.qos);
    if (peer === null) return false;
    return peer.outgoing.appendShared(view, flags, groupId, sourceGroupId, triedMask, hash);
  }

  /** As `forwardShared`, through the outbox. */
  forwardKept(
    view: PublishView,
    shard: number,
    flags: number,
    filter: string,
    name: string,
    triedMask: number,
    hash: number,
  ): boolean {
    return this.stream(shard).appendShared(view, flags, filter, name, triedMask, hash);
  }

  /** @returns false when there is no such shard now. */
  post(shard: ShardId, message: RetainedMessage): boolean {
    const peer = this.peers[shard] ?? null;
    if (peer === null || !peer.isOpen) return false;
    peer.post(message);
    return true;
  }

  /** Posts what belongs to relays; for a shard that is gone it is dropped. */
  postRelay(shard: ShardId, message: RelayMessage | PeerBytes): void {
    const outgoing = this.peers[shard]?.outgoing;
    if (typeof message === 'string' || message instanceof ArrayBuffer) outgoing?.postBytes(message);
    else outgoing?.reply(message);
  }

  /**
   * Calls back when every peer knows the interest that this shard has now: at once if nothing is outstanding, with
   * false when `deadlineMs` (monotonic) passes first. Peers that are lost meanwhile do not count.
   */
  whenInterestKnown(callback: OnInterestKnown, deadlineMs: number): void {
    this.feed.collect();
    if (this.ready && this.knownBarrier() >= this.feed.barrier) callback(true);
    else this.waiters.add(callback, this.feed.barrier, deadlineMs);
  }

  /** Handles what has come, within the budget. @returns true when nothing is left to do. */
  drain(budget: Budget): boolean {
    const { length } = this.peers;
    let isDone = true;
    // Begins with another shard each time, so that none is starved by the budget.
    this.firstDrained = (this.firstDrained + 1) % length;
    for (let i = 0; i < length; i++) {
      const shard = (this.firstDrained + i) % length;
      if (!this.drainShard(shard, budget)) isDone = false;
    }
    return isDone && !this.feed.hasMore;
  }

  /** At the end of every turn: tells changes of interest, posts batches and answers. */
  flush(): void {
    this.feed.collect();
    if (this.feed.hasMore) {
      this.feed.post(this.peers);
      if (this.feed.hasMore) this.options.handlers.onWork();
    }
    for (const peer of this.peers) peer?.flush();
  }

  /** Deadlines and silences: call it several times a second with monotonic time. */
  sweep(nowMs: number): void {
    const elapsedMs = Number.isNaN(this.sweptMs) ? 0 : nowMs - this.sweptMs;
    this.sweptMs = nowMs;
    for (const peer of this.peers) peer?.sweep(Math.min(elapsedMs, PEER_SILENCE_STEP_MS_MAX));
    this.waiters.expire(nowMs);
    this.outbox.sweep(nowMs);
    this.answers.release(this.outbox.isFailing);
  }

  owesBarrier(peer: Peer, barrier: number): void {
    this.answers.add(peer, barrier, this.peers);
  }

  progressed(): void {
    this.answers.release(this.outbox.isFailing);
    if (!this.ready && this.hasBegun && this.isAllHeard()) {
      this.ready = true;
      for (const peer of this.peers) peer?.outgoing.reply({ kind: 'ready' });
      this.options.handlers.onReady();
    }
    if (this.ready && !this.waiters.isEmpty) this.waiters.release(this.knownBarrier());
  }

  creditChanged(peer: Peer): void {
    this.updateCredit(peer.shard);
  }

  private updateCredit(shard: ShardId): void {
    const bit = 1 << shard;
    const outgoing = this.peers[shard]?.outgoing ?? null;
    const stream = this.stream(shard);
    const { fullMask, fullMaskQos0, fullMaskKept, fullMaskHeld } = this;
    this.fullMask = withBit(fullMask, bit, outgoing?.isFull === true);
    this.fullMaskQos0 = withBit(fullMaskQos0, bit, outgoing?.isFullForQos0 === true);
    this.fullMaskKept = withBit(fullMaskKept, bit, stream.isFull);
    this.fullMaskHeld = withBit(fullMaskHeld, bit, stream.isFull && stream.isStuck);
    const freed =
      (fullMask & ~this.fullMask) |
      (fullMaskQos0 & ~this.fullMaskQos0) |
      (fullMaskKept & ~this.fullMaskKept) |
      (fullMaskHeld & ~this.fullMaskHeld);
    if (freed !== 0) this.options.handlers.onCredit(shard);
  }

  private stream(shard: number): OutboxStream {
    return this.outbox.streams[shard]!;
  }

  private isAllHeard(): boolean {
    for (const peer of this.peers) {
      if (peer === null) continue;
      if (peer.state !== 'live') return false;
      this.heardMask |= 1 << peer.shard;
    }
    return this.peers.every((_, shard) => (this.heardMask & (1 << shard)) !== 0);
  }

  private openPeer(shard: number, qos: number): Peer | null {
    const peer = this.peers[shard] ?? null;
    if (peer?.isOpen === true) return peer;
    if (qos === 0) this.lostQos0++;
    else this.lostGuaranteed++;
    return null;
  }

  // What a dead shard had sent comes first, then its interest goes, then its successor is heard.
  private drainShard(shard: number, budget: Budget): boolean {
    const leaving = this.leaving[shard]!;
    while (leaving.length > 0) {
      if (!leaving[0]!.drain(budget) || !this.dropInterest(shard, budget)) return false;
      leaving.shift();
    }
    return this.peers[shard]?.drain(budget) ?? true;
  }

  private dropInterest(shard: number, budget: Budget): boolean {
    const { table, outbox } = this.options;
    while (!table.dropShardSome(shard, PEER_DROP_SLICE, outbox.isOn)) {
      if (budget.overTime) return false;
    }
    return true;
  }

  // The highest barrier that every peer which could take publishes has answered.
  private knownBarrier(): number {
    let barrier = Number.POSITIVE_INFINITY;
    for (const peer of this.peers) {
      if (peer === null || !peer.hasGreeted) continue;
      const known = peer.isTold ? peer.answeredBarrier : -1;
      if (known < barrier) barrier = known;
    }
    return barrier;
  }
}

function withBit(mask: number, bit: number, isSet: boolean): number {
  return isSet ? mask | bit : mask & ~bit;
}

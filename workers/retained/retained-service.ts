/**
 * The owner's side of retained messages: stores those whose topics this shard owns, and answers replays page by page,
 * in slices. Which shard owns a topic is a keyed hash of it, the same everywhere. Runs on the shard's thread.
 */
import type { RetainedMessage } from '../../src/actor/peer-protocol.js';
import { shardOfSlot, topicSlot } from '../../src/actor/slots.js';
import { REPLAY_NODES_SLICE, RETAINED_LOG_INTERVAL_MS, RETAINED_SWEEP_NODES } from '../../src/limits.js';
import type { RetainedLimits } from '../../src/plugins/api.js';
import { BatchWriter, RECORD_DELIVER } from '../../src/protocol/batch.js';
import { asShardId, type ShardId } from '../../src/protocol/ids.js';
import type { Message } from '../../src/protocol/message.js';
import { PublishView } from '../../src/protocol/mqtt/publish-view.js';
import type { RetainedRecord } from '../../src/storage/retained-record.js';
import type { Core } from '../core.js';
import { topicOfView } from '../hooks/hook-message.js';
import type { ByteHash } from '../routing/byte-hash.js';
import { RetainedKeeper } from '../store/retained-keeper.js';
import type { Runnable } from '../turn.js';
import type { RetainedCursor } from './retained-cursor.js';
import { type RetainedChange, RetainedStore, UNLIMITED } from './retained-store.js';

type Ask = Extract<RetainedMessage, { kind: 'retained.open' | 'retained.next' | 'retained.close' }>;

/** A replay of some shard that this shard's topics are walked for. */
interface Walk {
  readonly asker: ShardId;
  readonly replay: number;
  readonly cursor: RetainedCursor;
  /** Bytes wanted in the page under construction; 0: none has been asked for. */
  bytesMax: number;
  /** Messages of the page under construction. */
  readonly found: Message[];
}

export class RetainedService implements Runnable {
  queued = false;
  readonly allOwners: readonly ShardId[];
  /** A plugin wants messages to be retained. Otherwise none is stored or replayed, and those that are there stay. */
  isOn = false;
  private readonly kept: RetainedStore;
  private readonly view = new PublishView();
  private readonly writer = new BatchWriter();
  private readonly walks = new Map<string, Walk>();
  /** Walks with a page to make, in rotation. */
  private readonly busy: Walk[] = [];
  private refused = 0;
  private refusalLoggedMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly core: Core,
    private readonly hash: ByteHash,
    hashSeed: number,
  ) {
    if (!core.journal.isOn) {
      this.kept = new RetainedStore(hashSeed);
    } else {
      const keeper = new RetainedKeeper(hash, core.commits);
      core.commits.add(keeper);
      this.kept = new RetainedStore(hashSeed, keeper);
    }
    this.allOwners = Array.from({ length: core.shards }, (_, i) => asShardId((core.shard + i) % core.shards));
  }

  /** From now on. Null: see `isOn`. */
  limit(limits: RetainedLimits | null): void {
    this.isOn = limits !== null;
    this.kept.limits = limits ?? UNLIMITED;
  }

  /** What was retained when the broker ended, and what was removed shortly before. */
  restore(record: RetainedRecord): void {
    this.kept.restore(record, this.core.turn.wallMs);
  }

  /** Messages kept here. */
  get count(): number {
    return this.kept.count;
  }

  /** Replays, of any shard, that this shard's topics are being walked for. */
  get walkCount(): number {
    return this.walks.size;
  }

  /** Takes a message with RETAIN. @returns the shard that owns its topic, -1 when it is this one and it is stored. */
  write(view: PublishView): number {
    const owner = this.ownerOf(view.topicBytes, view.topicStart, view.topicEnd);
    if (owner !== this.core.shard) return owner;
    this.store(view);
    return -1;
  }

  /**
   * Stores, replaces or removes the retained message of a topic that this shard owns, also while `isOn` is false: it
   * was not where the message was published, and may only be on its way here, as when the broker has just started.
   */
  store(view: PublishView): void {
    const change = this.kept.set(view.message(), this.core.turn.wallMs);
    if (change === 'full' || change === 'too-large') this.logRefusal(view, change);
  }

  /** @returns the owner of a topic given as text. */
  ownerOfText(topic: string): ShardId {
    const bytes = Buffer.from(topic, 'utf8');
    return this.ownerOf(bytes, 0, bytes.length);
  }

  /** Asks `owner`, which may be this shard. @returns false when there is no such shard now. */
  ask(owner: ShardId, message: Ask): boolean {
    if (owner !== this.core.shard) return this.core.mesh.post(owner, message);
    this.onAsk(message, owner);
    return true;
  }

  /** Anything that another shard says about retained messages. */
  onMessage(message: RetainedMessage, from: ShardId): void {
    if (message.kind === 'retained.page') {
      this.core.replays.onPage(message.replay, message.bytes, message.length, message.done);
    } else {
      this.onAsk(message, from);
    }
  }

  /** A shard is gone: nobody waits for its replays. */
  onShardLost(shard: ShardId): void {
    for (const [key, walk] of this.walks) {
      if (walk.asker === shard) this.forget(key, walk);
    }
  }

  /** Removes expired messages, a slice at a time. @returns whether all have been looked at */
  sweep(): boolean {
    const { turn, mesh, outbox } = this.core;
    // What a shard that is away has in its outbox may be older than any removal.
    return this.kept.sweep(turn.wallMs, RETAINED_SWEEP_NODES, !outbox.isOn || mesh.isWhole);
  }

  /** Makes pages, one slice per walk in rotation. */
  run(): boolean {
    while (this.busy.length > 0) {
      if (this.core.turn.overTime) return true;
      const walk = this.busy.shift()!;
      if (walk.bytesMax > 0 && !this.fill(walk)) this.busy.push(walk);
    }
    return false;
  }

  private ownerOf(bytes: Uint8Array, start: number, end: number): ShardId {
    return shardOfSlot(topicSlot(this.hash.hash(bytes, start, end)), this.core.shards);
  }

  private onAsk(message: Ask, asker: ShardId): void {
    const key = `${asker}/${message.replay}`;
    const known = this.walks.get(key);
    switch (message.kind) {
      case 'retained.open': {
        const cursor = this.kept.open(message.filter);
        const { replay, bytesMax } = message;
        const walk: Walk = { asker, replay, cursor, bytesMax, found: [] };
        this.walks.set(key, walk);
        this.makeBusy(walk);
        break;
      }
      case 'retained.next':
        if (known === undefined) break;
        known.bytesMax = message.bytesMax;
        this.makeBusy(known);
        break;
      default:
        if (known !== undefined) this.forget(key, known);
    }
  }

  private makeBusy(walk: Walk): void {
    this.busy.push(walk);
    this.core.turn.queue(this);
  }

  private logRefusal(view: PublishView, why: RetainedChange): void {
    const { main, turn } = this.core;
    this.refused++;
    if (turn.nowMs - this.refusalLoggedMs < RETAINED_LOG_INTERVAL_MS) return;
    const fields = { topic: topicOfView(view), payloadBytes: view.payloadEnd - view.payloadStart };
    const message =
      why === 'full' ? 'there are too many retained messages' : 'a message is too large to be retained';
    main.log('warn', message, { ...fields, notRetained: this.refused });
    this.refusalLoggedMs = turn.nowMs;
    this.refused = 0;
  }

  // One slice. @returns true when the page is made.
  private fill(walk: Walk): boolean {
    const { turn } = this.core;
    if (!this.isOn) {
      walk.cursor.close();
      walk.found.length = 0;
      this.send(walk, true);
      return true;
    }
    const isLast = walk.cursor.next(turn.wallMs, walk.bytesMax, REPLAY_NODES_SLICE, walk.found);
    let bytes = 0;
    for (const message of walk.found) bytes += message.size;
    if (!isLast && bytes < walk.bytesMax) return false;
    this.send(walk, isLast);
    return true;
  }

  private send(walk: Walk, isLast: boolean): void {
    const { writer, view } = this;
    for (const message of walk.found) writer.append(view.load(message), RECORD_DELIVER);
    const { length } = writer;
    const bytes = writer.take();
    walk.found.length = 0;
    walk.bytesMax = 0;
    if (isLast) this.walks.delete(`${walk.asker}/${walk.replay}`);
    if (walk.asker === this.core.shard) {
      this.core.replays.onPage(walk.replay, bytes, length, isLast);
    } else {
      const page = { kind: 'retained.page', replay: walk.replay, bytes, length, done: isLast } as const;
      this.core.mesh.post(walk.asker, page);
    }
  }

  private forget(key: string, walk: Walk): void {
    walk.cursor.close();
    walk.bytesMax = 0;
    this.walks.delete(key);
  }
}

/**
 * Kept messages on their way to one other shard, over all channels to it: gathered into batches, committed with what
 * else their publishers are promised, posted after that, and given up when the other shard has committed them. Runs on
 * the sending shard's thread.
 */
import type { PeerBytes } from '../../src/actor/peer-protocol.js';
import {
  OUTBOX_BATCH_BYTES,
  OUTBOX_KEEP_MS,
  OUTBOX_ROW_BYTES_MAX,
  PEER_CREDIT_BYTES,
  PEER_OVERDRAFT_BYTES,
  PEER_WAITING_BYTES_MAX,
} from '../../src/limits.js';
import { BatchWriter, RECORD_RETAIN } from '../../src/protocol/batch.js';
import type { ShardId } from '../../src/protocol/ids.js';
import type { PublishView } from '../../src/protocol/mqtt/publish-view.js';
import { CONTENT_AT, FRAME_BYTES, framed, seal } from '../../src/storage/framing.js';
import { outboxKey, sequenceOfKey } from '../../src/storage/keys.js';
import { holdsBatch, OUTBOX_VERSION } from '../../src/storage/outbox-record.js';
import type { Unreadable } from '../../src/storage/session-record.js';
import type { Change, Row } from '../../src/storage/tables.js';
import type { ByteHash } from '../routing/byte-hash.js';
import { keptPost } from './posts.js';
import { TopicMarks } from './topic-marks.js';

/** Of a row whose number alone is remembered. */
const NO_RECORDS = Buffer.alloc(0);

/** What is posted there keeps the order of the program. */
export interface KeptChannel {
  postKept(post: PeerBytes): void;
}

/** What all streams of a shard share. */
export interface StreamOwner {
  readonly hash: ByteHash;
  /** Something is to be committed at the end of this turn. */
  changedNow(): void;
  /** Something is to be committed some time. */
  changed(): void;
  /** `isFull` or `isStuck` has changed. */
  creditChanged(target: ShardId): void;
}

interface KeptBatch {
  /** They rise by one. */
  readonly sequence: number;
  /** As in its row. */
  readonly value: Buffer;
}

/** A batch that the target has; its row is still there. */
interface Done {
  readonly sequence: number;
  /** When that was seen; NOT_SEEN before the next sweep. */
  atMs: number;
}

const NOT_SEEN = -1;

export class OutboxStream {
  /** Bytes that the target has not said to be safe there. */
  bytes = 0;
  /** No more from publishers until credit returns. */
  isFull = false;
  /** Messages that were not taken. */
  dropped = 0;
  /** Of the last batch that the target has handled, in this life of it, or committed. */
  handledSequence = 0;
  /** Of the last batch that carries a RETAIN record, perhaps one that is not cut yet. */
  retainedSequence = 0;
  /** The target has shown no life for a while. */
  isSilent = false;

  /** Made for the first message: most pairs of shards never need it where nothing is kept. */
  private writer: BatchWriter | null = null;
  private readonly marks = new TopicMarks();
  /** Of the batch that was cut last. */
  private sequence = 0;
  /** Cut and in no commit yet; in the commit under way; safe, and not known to be safe at the target. In order. */
  private gathered: KeptBatch[] = [];
  private taken: KeptBatch[] = [];
  private safe: KeptBatch[] = [];
  /** So many of `safe` are posted on the channel that there is now. */
  private posted = 0;
  private postedSequence = 0;
  private channel: KeptChannel | null = null;
  /** Those that the target has missed are being posted, in slices. */
  private isCatchingUp = false;
  private done: Done[] = [];
  /** Sequences whose rows are to be removed. */
  private removable: number[] = [];
  /** Sequence of the row that has nothing but its number; 0: none. */
  private emptied = 0;

  constructor(
    private readonly target: ShardId,
    private readonly owner: StreamOwner,
  ) {}

  /** A row of this shard's last life. To be called in the order of keys. */
  restore({ key, value }: Row): 'taken' | Unreadable {
    const isBatch = holdsBatch({ key, value });
    if (typeof isBatch === 'string') return isBatch;
    this.sequence = sequenceOfKey(key);
    if (!isBatch) {
      this.emptied = this.sequence;
      return 'taken';
    }
    this.safe.push({ sequence: this.sequence, value: Buffer.from(value) });
    this.bytes += costOf(value);
    // Whether one of them retains something is not looked up.
    this.retainedSequence = this.sequence;
    this.updateCredit();
    return 'taken';
  }

  /** A message with QoS 1 or 2 that needs no keeping must go this way too, lest it overtakes one that does. */
  holds(view: PublishView): boolean {
    if (this.marks.isEmpty) return this.posted < this.safe.length;
    return this.posted < this.safe.length || this.marks.has(this.hashOf(view));
  }

  /** Something is not safe in this shard yet. */
  get isStuck(): boolean {
    return !this.marks.isEmpty;
  }

  /** Posted batches that the target has not handled. */
  get isAwaited(): boolean {
    return this.postedSequence > this.handledSequence;
  }

  /** Retained writes are under way. */
  get awaitsRetained(): boolean {
    return this.retainedSequence > this.handledSequence;
  }

  /** Some of them are not even posted. */
  get holdsRetained(): boolean {
    return this.retainedSequence > this.postedSequence;
  }

  /** @returns false when the message was dropped, and counted: more waits than even the broker itself may send. */
  append(view: PublishView, flags: number): boolean {
    if (!this.hasRoom()) return false;
    this.writer ??= new BatchWriter();
    this.appended(this.writer.append(view, flags), this.writer, view, flags);
    return true;
  }

  /** As `append`, for one member of a group. */
  appendShared(
    view: PublishView,
    flags: number,
    filter: string,
    name: string,
    triedMask: number,
    hash: number,
  ): boolean {
    if (!this.hasRoom()) return false;
    this.writer ??= new BatchWriter();
    const bytes = this.writer.appendNamed(view, flags, filter, name, triedMask, hash);
    this.appended(bytes, this.writer, view, flags);
    return true;
  }

  collect(changes: Change[]): void {
    if (this.writer !== null && this.writer.records > 0) this.cut(this.writer);
    this.taken = this.gathered;
    this.gathered = [];
    this.marks.take();
    for (const { sequence, value } of this.taken) this.put(changes, sequence, value);
    if (this.emptied > 0 && this.emptied < this.sequence) {
      this.put(changes, this.emptied, null);
      this.emptied = 0;
    }
    for (const sequence of this.removable) this.remove(changes, sequence);
    this.removable.length = 0;
  }

  committed(): void {
    this.marks.clearTaken();
    if (this.taken.length === 0) return;
    this.safe.push(...this.taken);
    this.taken = [];
    if (!this.isCatchingUp) this.postSome(Number.POSITIVE_INFINITY);
    this.updateCredit();
  }

  /**
   * The target listens there, has committed everything up to `committed`, and has had batches up to `seen`. Call
   * `catchUp` until all is posted.
   */
  open(channel: KeptChannel, committed: number, seen: number): void {
    this.channel = channel;
    this.posted = 0;
    // Our own numbers may be the lower ones where this shard has lost its store, or has an older one.
    if (seen > this.sequence) this.sequence = seen;
    this.answered(committed, committed);
    // What is no longer here has been committed there, also by a target that has lost its store since.
    const next = this.safe[0] ?? this.taken[0] ?? this.gathered[0];
    const settled = next === undefined ? this.sequence : next.sequence - 1;
    this.postedSequence = this.handledSequence = Math.max(committed, settled);
    this.isCatchingUp = this.safe.length > 0;
  }

  /** Posts up to `max` batches that the target has missed. @returns true when none is left. */
  catchUp(max: number): boolean {
    if (this.isCatchingUp) {
      this.postSome(max);
      this.isCatchingUp = this.channel !== null && this.posted < this.safe.length;
    }
    return !this.isCatchingUp;
  }

  /** The channel is no more. What the target has not committed waits for the next. */
  close(): void {
    this.channel = null;
    this.isCatchingUp = this.isSilent = false;
    this.posted = this.postedSequence = this.handledSequence = 0;
    this.updateCredit();
  }

  setSilent(isSilent: boolean): void {
    if (isSilent === this.isSilent) return;
    this.isSilent = isSilent;
    this.updateCredit();
  }

  /** The target reports: up to these everything is handled, and committed. */
  answered(handled: number, committed: number): void {
    this.handledSequence = handled;
    const { safe } = this;
    let count = 0;
    for (; count < safe.length && safe[count]!.sequence <= committed; count++) {
      this.bytes -= costOf(safe[count]!.value);
    }
    if (count === 0) return;
    // The last sweep may have been long ago: how long the row stays is counted from the next.
    for (let i = 0; i < count; i++) this.done.push({ sequence: safe[i]!.sequence, atMs: NOT_SEEN });
    safe.splice(0, count);
    this.posted = Math.max(0, this.posted - count);
    this.updateCredit();
  }

  /** Has rows removed whose time is over. To be called several times a second with monotonic time. */
  sweep(nowMs: number): void {
    const { done } = this;
    for (let i = done.length - 1; i >= 0 && done[i]!.atMs === NOT_SEEN; i--) done[i]!.atMs = nowMs;
    let count = 0;
    while (count < done.length && nowMs - done[count]!.atMs >= OUTBOX_KEEP_MS) count++;
    if (count === 0) return;
    for (let i = 0; i < count; i++) this.removable.push(done[i]!.sequence);
    done.splice(0, count);
    this.owner.changed();
  }

  private hasRoom(): boolean {
    if (this.bytes < PEER_WAITING_BYTES_MAX + PEER_OVERDRAFT_BYTES) return true;
    this.dropped++;
    return false;
  }

  private appended(bytes: number, writer: BatchWriter, view: PublishView, flags: number): void {
    this.bytes += bytes;
    this.marks.add(this.hashOf(view));
    if ((flags & RECORD_RETAIN) !== 0) this.retainedSequence = this.sequence + 1;
    if (writer.length >= OUTBOX_ROW_BYTES_MAX) this.cut(writer);
    if (this.bytes >= PEER_CREDIT_BYTES) this.updateCredit();
    this.owner.changedNow();
  }

  private cut(writer: BatchWriter): void {
    const { target } = this;
    const sequence = ++this.sequence;
    const value = Buffer.allocUnsafeSlow(writer.length + FRAME_BYTES);
    writer.moveTo(value, CONTENT_AT);
    this.gathered.push({ sequence, value: seal(outboxKey(target, sequence), value, OUTBOX_VERSION) });
    this.bytes += OUTBOX_BATCH_BYTES;
  }

  private postSome(max: number): void {
    const { channel, safe } = this;
    if (channel === null) return;
    for (let left = max; left > 0 && this.posted < safe.length; left--) {
      const { sequence, value } = safe[this.posted++]!;
      this.postedSequence = sequence;
      channel.postKept(keptPost(sequence, value, CONTENT_AT, CONTENT_AT + value.length - FRAME_BYTES));
    }
  }

  // The latest row stays, as its number must not be given again; without its records.
  private remove(changes: Change[], sequence: number): void {
    if (sequence < this.sequence) {
      this.put(changes, sequence, null);
      return;
    }
    this.emptied = sequence;
    this.put(changes, sequence, framed(outboxKey(this.target, sequence), NO_RECORDS, OUTBOX_VERSION));
  }

  private put(changes: Change[], sequence: number, value: Buffer | null): void {
    changes.push({ table: 'outbox', key: outboxKey(this.target, sequence), value });
  }

  private hashOf(view: PublishView): number {
    return this.owner.hash.hash(view.topicBytes, view.topicStart, view.topicEnd);
  }

  // As in outgoing.ts: once full, it stays so until half has returned.
  private updateCredit(): void {
    const isWaiting = this.channel === null || this.isSilent;
    const boundBytes = isWaiting ? PEER_WAITING_BYTES_MAX : PEER_CREDIT_BYTES;
    const isFull = this.isFull ? this.bytes > boundBytes / 2 : this.bytes >= boundBytes;
    if (isFull === this.isFull && !isFull) return;
    this.isFull = isFull;
    this.owner.creditChanged(this.target);
  }
}

function costOf(value: Buffer): number {
  return value.length - FRAME_BYTES + OUTBOX_BATCH_BYTES;
}

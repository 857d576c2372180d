/**
 * Everything between this shard and the others that must not be lost: what is on its way to each of them, and how far
 * what came from each is handled. It lives as long as the shard, while channels come and go. Runs on the shard's
 * thread.
 */
import { asShardId, type ShardId } from '../../src/protocol/ids.js';
import { APPLIED_KEY_BYTES } from '../../src/storage/keys.js';
import type { Unreadable } from '../../src/storage/session-record.js';
import type { Change, Row } from '../../src/storage/tables.js';
import type { ByteHash } from '../routing/byte-hash.js';
import type { CommitSource, Commits } from '../store/commits.js';
import { Inbox } from './inbox.js';
import { OutboxStream, type StreamOwner } from './outbox-stream.js';

export interface OutboxOptions {
  readonly shards: number;
  /** False: the store keeps nothing, and nothing goes through here. */
  readonly isOn: boolean;
  readonly hash: ByteHash;
  readonly commits: Pick<Commits, 'touch' | 'whenSafe' | 'isFailing'>;
}

/** `useless`: nobody needs the row any more. */
type Restored = 'taken' | 'useless' | Unreadable;

export class Outbox implements CommitSource, StreamOwner {
  readonly isOn: boolean;
  readonly hash: ByteHash;
  /** By shard. */
  readonly streams: readonly OutboxStream[];
  readonly inboxes: readonly Inbox[];
  /** Told when a stream's `isFull` or `isStuck` may have changed. */
  onCredit: (target: ShardId) => void = () => {};

  private readonly commits: OutboxOptions['commits'];
  private isCommitAsked = false;
  private readonly onSafe = (): void => {};

  constructor({ shards, isOn, hash, commits }: OutboxOptions) {
    this.isOn = isOn;
    this.hash = hash;
    this.commits = commits;
    this.streams = Array.from({ length: shards }, (_, shard) => new OutboxStream(asShardId(shard), this));
    this.inboxes = Array.from({ length: shards }, (_, shard) => new Inbox(shard, () => this.changed()));
  }

  /** A row of `outbox`, in the order of keys, before anything else happens here. */
  restore(row: Row): Restored {
    return this.streams[row.key[0] ?? -1]?.restore(row) ?? 'useless';
  }

  /** A row of `applied`, likewise. */
  restoreApplied(row: Row): Restored {
    if (row.key.length !== APPLIED_KEY_BYTES) return 'damaged';
    return this.inboxes[row.key[0]!]?.restore(row) ?? 'useless';
  }

  /** Nothing of what is said now can be promised, as commits fail. */
  get isFailing(): boolean {
    return this.commits.isFailing;
  }

  /** Bytes on their way to all shards. */
  get waitingBytes(): number {
    let bytes = 0;
    for (const stream of this.streams) bytes += stream.bytes;
    return bytes;
  }

  /** Messages not taken because too much waited. */
  get dropped(): number {
    return this.streams.reduce((sum, { dropped }) => sum + dropped, 0);
  }

  /** To be called several times a second with monotonic time. */
  sweep(nowMs: number): void {
    for (const stream of this.streams) stream.sweep(nowMs);
  }

  collect(changes: Change[]): void {
    this.isCommitAsked = false;
    for (const inbox of this.inboxes) inbox.collect(changes);
    for (const stream of this.streams) stream.collect(changes);
  }

  committed(): void {
    for (const inbox of this.inboxes) inbox.committed();
    for (const stream of this.streams) stream.committed();
  }

  changedNow(): void {
    if (this.isCommitAsked) return;
    this.isCommitAsked = true;
    this.commits.whenSafe(this.onSafe);
  }

  changed(): void {
    this.commits.touch();
  }

  creditChanged(target: ShardId): void {
    this.onCredit(target);
  }
}

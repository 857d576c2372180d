/** What the mesh asks of the shard it works for. Types only; everything runs on the shard's thread. */

import type { InterestWriter } from '../../src/actor/interest-lot.js';
import type {
  GroupChange,
  InterestChange,
  PeerBytes,
  RelayMessage,
  RetainedMessage,
} from '../../src/actor/peer-protocol.js';
import type { BatchReader } from '../../src/protocol/batch-reader.js';
import type { ShardId } from '../../src/protocol/ids.js';
import type { PublishView } from '../../src/protocol/mqtt/publish-view.js';

/** How much may be done now; the shard's turn. */
export interface Budget {
  /** Used up. Asked before every record; cheap, may lag behind the clock. */
  readonly spent: boolean;
  /** Used up by time; reads the clock. Asked between slices of long work. */
  readonly overTime: boolean;
}

/** One handled batch, waiting for its commit. */
export interface Committable {
  /** Every batch up to `sequence` is safe. Harmless when repeated, and after the peer has been lost. */
  commit(sequence: number): void;
}

/** What was under way to a shard when it was lost. */
export interface Undelivered {
  /** Sequences never answered, both included; an empty range when `last` < `first`. */
  readonly first: number;
  readonly last: number;
  /** Messages with QoS 1 or 2 in them. */
  readonly guaranteed: number;
}

export interface PeerHandlers {
  /** `Mesh.drain` has something to do: call it in this or the next turn. */
  onWork(): void;
  /** One message from a peer; `view` is valid during the call, `record` says what to do with it. */
  onRecord(view: PublishView, record: BatchReader, from: ShardId): void;
  /** All records of a batch were handled: `peer.commit(sequence)` now, or when the store has them. */
  onBatch(peer: Committable, sequence: number, from: ShardId): void;
  /** In the order of the peer's stream. */
  onRetained(message: RetainedMessage, from: ShardId): void;
  /** On arrival. */
  onRelay(message: RelayMessage | PeerBytes, from: ShardId): void;
  /** That shard takes clients from now on. */
  onPeerReady(shard: ShardId): void;
  /** That shard is dead, and nothing comes from it but what had arrived in its stream. */
  onPeerLost(shard: ShardId): void;
  /** Publishers that found no credit for this shard may go on. */
  onCredit(shard: ShardId): void;
  /** The shard has died with this on its way to it. */
  onUndelivered(shard: ShardId, undelivered: Undelivered): void;
  /** Once: the interest of every peer is known, publishes may be taken. */
  onReady(): void;
}

/** The part of the router that knows what other shards want, and what this one wants. */
/** A walk over a shard's own interest, in slices, while subscriptions change. */
export interface Announcement {
  /** Adds filters to `filters` until it is full, and up to `groupsMax` groups. @returns true when nothing is left */
  next(filters: InterestWriter, groups: GroupChange[], groupsMax: number): boolean;
}

export interface InterestTable {
  /** What peers must be told since the last call; null when nothing. */
  takeInterestChanges(): { filters: InterestChange[]; groups: GroupChange[] } | null;
  /** Begins to tell all of this shard's own interest; what holds during the whole walk is told. */
  announce(): Announcement;
  applyInterest(shard: number, change: InterestChange): void;
  /** All filters of a lot, as interest-lot.ts has them. */
  applyInterestLot(shard: number, lot: ArrayBuffer): void;
  applyGroup(shard: number, change: GroupChange): void;
  /**
   * Forgets up to `max` entries of a shard; with `keepsDurable` those that are not durable. @returns true when none is
   * left.
   */
  dropShardSome(shard: number, max: number, keepsDurable: boolean): boolean;
  /** Forgets up to `max` entries kept by that which the shard has not said again. @returns as `dropShardSome` */
  dropStaleSome(shard: number, max: number): boolean;
}

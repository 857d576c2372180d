/**
 * Every message between two shards. One ordered stream per pair and direction: batches, interest, retained
 * pages and acknowledgements keep the order in which they were posted. Types only.
 */

/** Interest of one shard in one filter. All three say "from now on"; the last word counts. */
export interface InterestChange {
  readonly filter: string;
  /** Some plain (not shared) subscription exists. */
  readonly plain: boolean;
  /** Some of them belongs to a session that outlives its connection. */
  readonly durable: boolean;
}

/** Members of one share group on one shard. Both 0: the group has left that shard. */
export interface GroupChange {
  readonly filter: string;
  readonly group: string;
  /** The announcing shard's number for this group; never reused while it lives. */
  readonly groupId: number;
  readonly online: number;
  readonly offline: number;
}

export type PeerMessage =
  /** First on every channel, in both directions; what follows is this shard's whole interest anew. */
  | { readonly kind: 'hello'; readonly incarnation: number }
  /**
   * Records as in workers/peers/batch.ts, in a transferred buffer. `sequence` rises by one per batch; the
   * receiver answers every batch with `applied` when its last record has been handled.
   */
  | { readonly kind: 'batch'; readonly sequence: number; readonly records: number; readonly bytes: ArrayBuffer; readonly length: number }
  /** Every batch up to `sequence` is handled (and, once there is a store, committed); `length` bytes of credit return. */
  | { readonly kind: 'applied'; readonly sequence: number; readonly length: number }
  /** `barrier` rises by one per message; the receiver answers `interest.applied` when SUBACK may rely on it. */
  | { readonly kind: 'interest'; readonly barrier: number; readonly filters: readonly InterestChange[]; readonly groups: readonly GroupChange[] }
  | { readonly kind: 'interest.applied'; readonly barrier: number }
  /** Asks the owner of retained topics for those that match; answered by `retained.page`. */
  | { readonly kind: 'retained.open'; readonly replay: number; readonly filter: string; readonly bytesMax: number }
  | { readonly kind: 'retained.next'; readonly replay: number; readonly bytesMax: number }
  | { readonly kind: 'retained.close'; readonly replay: number }
  /** Records as in a batch. `done`: the owner has forgotten the cursor. */
  | { readonly kind: 'retained.page'; readonly replay: number; readonly bytes: ArrayBuffer; readonly length: number; readonly done: boolean };

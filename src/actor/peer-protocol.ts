/**
 * Every message between two shards. One ordered stream per pair and direction: batches, interest, retained
 * pages and acknowledgements keep the order in which they were posted. Types only.
 */
import type { Arriving } from './shard-protocol.js';

/** Interest of one shard in one filter. All say "from now on"; the last word counts. */
export interface InterestChange {
  readonly filter: string;
  /** Some plain (not shared) subscription exists. */
  readonly plain: boolean;
  /** Some of them belongs to a session that outlives its connection. */
  readonly durable: boolean;
  /** Missing where no subscription has `$local/`. Lists of routes show it; routing does not care. */
  readonly local?: Locality;
}

/** Of a filter's subscriptions some have `$local/`, or all of them. */
export type Locality = 'some' | 'only';

/** Members of one share group on one shard. Both 0: the group has left that shard. */
export interface GroupChange {
  readonly filter: string;
  readonly group: string;
  /** The announcing shard's number for this group; never reused while it lives. */
  readonly groupId: number;
  readonly online: number;
  readonly offline: number;
  /** Those of both that outlive their connections. */
  readonly durable: number;
}

/**
 * A channel begins with `hello` both ways. On the other's `hello` a shard sends its whole interest (`interest.lot`, and
 * `interest` with barrier 0) and closes it with `announced`; what follows is live. Beside these messages a channel carries `PeerBytes`.
 * Answers to batches, `interest.applied`, `ready` and relays are handled on arrival, everything else strictly in order.
 */
export type PeerMessage =
  /**
   * First on every channel, in both directions: there is somebody who listens, and has handled and committed the
   * batches from the other's outbox up to `committed`. `seen`: the last that has come to it; a later batch
   * must have a higher sequence.
   */
  | { readonly kind: 'hello'; readonly committed: number; readonly seen: number }
  /** Changes of interest. `barrier` rises; 0 wants no answer. */
  | {
      readonly kind: 'interest';
      readonly barrier: number;
      readonly filters: readonly InterestChange[];
      readonly groups: readonly GroupChange[];
    }
  /** Filters of the sender's whole interest; see interest-lot.ts. */
  | { readonly kind: 'interest.lot'; readonly lot: ArrayBuffer }
  /** The sender's whole interest has been told, all changes up to `barrier` with it; answered like `interest`. */
  | { readonly kind: 'announced'; readonly barrier: number }
  /** All interest up to `barrier` is applied: the other side may promise its subscribers what comes from now on. */
  | { readonly kind: 'interest.applied'; readonly barrier: number }
  /** The sender knows the interest of all and takes clients from now on; relays to it may be opened. */
  | { readonly kind: 'ready' }
  | RelayMessage
  | RetainedMessage;

/**
 * A batch of messages, the answer to batches, or bytes of relays, as in workers/peers/posts.ts. Few bytes travel as
 * text with a character for each, more in a transferred buffer. Batches are counted by both sides; the receiver answers
 * when the last record has been handled and committed, several at once where it can. Batches from the outbox have
 * numbers that outlive the channel, and answers of their own.
 */
export type PeerBytes = string | ArrayBuffer;

/** The conversation about replaying retained messages; `replay` is numbered by the shard that asks. */
export type RetainedMessage =
  /** Asks the owner of retained topics for those that match; answered by `retained.page`. */
  | {
      readonly kind: 'retained.open';
      readonly replay: number;
      readonly filter: string;
      readonly bytesMax: number;
    }
  | { readonly kind: 'retained.next'; readonly replay: number; readonly bytesMax: number }
  | { readonly kind: 'retained.close'; readonly replay: number }
  /** Records as in a batch. `done`: the owner has forgotten the cursor. */
  | {
      readonly kind: 'retained.page';
      readonly replay: number;
      readonly bytes: ArrayBuffer;
      readonly length: number;
      readonly done: boolean;
    };

/**
 * The conversation about clients whose connection ends at one shard, the edge, and whose ClientId belongs to another,
 * the owner. A relay is numbered by its edge. It begins with `relay.opened`; the edge's last word is `relay.closed`,
 * the owner answers it with `relay.finished`, and then the number may be used again. Between them come `PeerBytes`.
 */
export type RelayMessage =
  | { readonly kind: 'relay.opened'; readonly relays: readonly RelayOpened[] }
  /** The clients' links are closed, for that reason. */
  | { readonly kind: 'relay.closed'; readonly relays: readonly RelayEnd[] }
  /** The owner has done with them; this reason is the one that is counted. */
  | { readonly kind: 'relay.finished'; readonly relays: readonly RelayEnd[] };

export interface RelayOpened extends Arriving {
  readonly relay: number;
}

export interface RelayEnd {
  readonly relay: number;
  readonly reason: string;
}

/** Who gets the messages of one topic: the answer of a shard's router. On the shard's worker thread. */
import type { ShareGroup } from './share-group.js';

/** What the router needs to know of a session. */
export interface Subscriber {
  /** Dense number that the router assigns with the first subscription; -1 while it has none. */
  slot: number;
  /** Outlives its connection. */
  readonly durable: boolean;
  /** Has a connection now. */
  readonly online: boolean;
}

/** Options are MQTT 5's subscription options byte without retain handling. */
export const OPTION_QOS_MASK = 0x03;
export const OPTION_NO_LOCAL = 0x04;
export const OPTION_RETAIN_AS_PUBLISHED = 0x08;
/** What of a subscription's options outlives its SUBSCRIBE. */
export const OPTIONS_KEPT = OPTION_QOS_MASK | OPTION_NO_LOCAL | OPTION_RETAIN_AS_PUBLISHED;

/** Never changed once made, but for `version`; `subscribers`, `options` and `identifiers` go side by side. */
export interface Route<S extends Subscriber> {
  /** Valid while equal to the router's; set to -1 when it alone has become stale. */
  version: number;
  /** Local sessions, each once, without members of share groups. */
  readonly subscribers: readonly S[];
  /**
   * Merged over a session's matching subscriptions: highest QoS; no local if all, retain as published if any
   * has it.
   */
  readonly options: readonly number[];
  /** Subscription identifiers of each session's matching subscriptions; null when nobody has any. */
  readonly identifiers: readonly (readonly number[] | null)[] | null;
  /** Bit per other shard with plain interest; signed, since shard 31 has the sign bit. */
  readonly shards: number;
  /** Those of `shards` where the message must survive. */
  readonly durableShards: number;
  readonly groups: readonly ShareGroup<S>[];
}

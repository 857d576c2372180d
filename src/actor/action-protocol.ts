/**
 * What main and a shard say to each other where something is done in a client's name. Types only; the requests are in
 * shard-protocol.ts.
 */

/** A message that comes through the API. */
export interface ApiMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  /** MQTT 5 properties in wire form, without the expiry. */
  readonly properties: Uint8Array;
  /** -1: never. */
  readonly expirySeconds: number;
}

/**
 * `done`: as safe as if it had been acknowledged. Otherwise nothing of the call was published, but for `store_failed`
 * and `too_late`, where some of it may have been. `at`: the message that is wrong.
 */
export type PublishOutcome =
  | { readonly why: 'done' | 'busy' | 'store_failed' | 'too_late' }
  | { readonly why: 'not_a_topic' | 'too_large'; readonly at: number };

export type SubscribeOutcome = 'done' | 'no_session' | 'not_a_filter' | 'too_many';

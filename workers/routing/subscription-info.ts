/** What a router is given, and what it says of subscriptions. Types only. */

/** One subscription, as its session asked for it but without prefixes in the filter. */
export interface SubscriptionInfo {
  readonly filter: string;
  readonly group: string | null;
  readonly local: boolean;
  /** MQTT 5's subscription options byte. */
  readonly options: number;
  /** 0 for none. */
  readonly identifier: number;
}

/** One subscription that was kept; without prefixes its filter is `bytes[start, end)`, in UTF-8. */
export interface KeptSubscription extends Omit<SubscriptionInfo, 'filter'> {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Whoever keeps subscriptions. */
export interface SubscriptionKeeper<S> {
  /** Whether it keeps those of `s`. */
  keeps(s: S): boolean;
  /** It has come, or changed where it is not new. */
  subscribed(s: S, subscription: SubscriptionInfo, isNew: boolean): void;
  unsubscribed(s: S, subscription: SubscriptionInfo): void;
}

export interface RouterOptions<S> {
  /** Number of this shard, 0 to 31. */
  readonly shard: number;
  readonly hashSeed: number;
  /** Topics whose routes are remembered. */
  readonly topicsCachedMax: number;
  /** Sessions and groups in all remembered routes together, plus one per route. */
  readonly targetsCachedMax: number;
  /** One of the session's subscriptions has come or gone. */
  readonly onSubscriptions?: (s: S) => void;
  /** Is told what has changed. Null or missing: nobody wants to know. */
  readonly keeper?: SubscriptionKeeper<S> | null;
}

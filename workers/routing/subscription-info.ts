/** What a router says of subscriptions. Types only. */

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

/** Whoever keeps subscriptions. */
export interface SubscriptionKeeper<S> {
  /** Whether it keeps those of `s`. */
  keeps(s: S): boolean;
  /** It has come, or changed where it is not new. */
  subscribed(s: S, subscription: SubscriptionInfo, isNew: boolean): void;
  unsubscribed(s: S, subscription: SubscriptionInfo): void;
}

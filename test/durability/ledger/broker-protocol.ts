/** What the test and the process of a broker whose threads it kills say to each other. Types only. */

export type ToBroker =
  /** `set`: KEY=VALUE, as on the command line. `isSlow`: its store is. */
  | { readonly kind: 'start'; readonly set: readonly string[]; readonly isSlow: boolean }
  | { readonly kind: 'kill'; readonly shard: number }
  | { readonly kind: 'owner'; readonly client: string };

export type FromBroker =
  | { readonly kind: 'ready'; readonly port: number }
  /** The thread answers nothing more. */
  | { readonly kind: 'killed' }
  /** As many times as it was killed: its successor takes clients. */
  | { readonly kind: 'revived' }
  | { readonly kind: 'owned'; readonly shard: number };

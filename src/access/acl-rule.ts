/** Access rules as plain data: what acl.conf says, and what is posted to shards. Any thread. */

export interface AclRule {
  readonly allow: boolean;
  readonly who: Who;
  readonly access: 'publish' | 'subscribe' | 'pubsub';
  /** One of them has to match; null: every topic. */
  readonly topics: readonly TopicPattern[] | null;
}

export type Who =
  | { readonly kind: 'all' }
  /** Never a client without a user name. */
  | { readonly kind: 'user'; readonly name: string }
  | { readonly kind: 'client'; readonly id: string }
  /** An address or a network such as `10.0.0.0/8`. */
  | { readonly kind: 'ipaddr'; readonly range: string }
  /** All of them: everybody when there are none. */
  | { readonly kind: 'and'; readonly of: readonly Who[] }
  /** One of them: nobody when there are none. */
  | { readonly kind: 'or'; readonly of: readonly Who[] };

export interface TopicPattern {
  /** Levels that are `%c` or `%u` stand for the ClientId and the user name, unless it is literal. */
  readonly filter: string;
  /** Matches itself only: wildcards are ordinary characters. */
  readonly isLiteral: boolean;
}

/** Names for the numbers and strings that must not be mixed up. Any thread. */

declare const brand: unique symbol;
export type Branded<Base, Name extends string> = Base & { readonly [brand]: Name };

/** What a client calls itself in CONNECT, or what the broker assigned it. UTF-8, never empty. */
export type ClientId = Branded<string, 'ClientId'>;
/** 0 to shards - 1. */
export type ShardId = Branded<number, 'ShardId'>;
/** Number of a hand-over of a connection from main to a shard; rises by one, never reused. */
export type ConnectionNumber = Branded<number, 'ConnectionNumber'>;

export const asClientId = (text: string): ClientId => text as ClientId;
export const asShardId = (n: number): ShardId => n as ShardId;
export const asConnectionNumber = (n: number): ConnectionNumber => n as ConnectionNumber;

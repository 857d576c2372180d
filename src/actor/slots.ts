/**
 * Which shard owns a ClientId, or a topic's retained message: a keyed hash to one of 1,024 slots, slots dealt out over
 * the shards. Any thread.
 */
import { hash } from 'node:crypto';
import { asShardId, type ClientId, type ShardId } from '../protocol/ids.js';

/** Fixed for ever: stored sessions lie under their slot. */
export const SLOTS = 1024;

/** @returns the slot of a topic whose keyed hash that is; its retained message lies under it */
export function topicSlot(hash: number): number {
  return (hash >>> 0) % SLOTS;
}

/** @returns the shard that has everything of a slot */
export function shardOfSlot(slot: number, shards: number): ShardId {
  return asShardId(slot % shards);
}

export class SlotMap {
  readonly #key: string;
  readonly #shards: number;

  /** @param key secret text; the same key gives the same slots */
  constructor(key: string, shards: number) {
    this.#key = key;
    this.#shards = shards;
  }

  /** @returns 0 to 1,023 */
  slotOf(clientId: ClientId): number {
    // The key has a fixed length, so key and ClientId cannot run into each other.
    const digest = hash('sha256', this.#key + clientId, 'buffer');
    return digest.readUInt32LE(0) % SLOTS;
  }

  shardOf(clientId: ClientId): ShardId {
    return shardOfSlot(this.slotOf(clientId), this.#shards);
  }
}

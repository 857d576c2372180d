/** The shards, as those parts of main see them that ask them for the API. Main thread. */
import type { ShardRequests, ShardRequestType } from '../actor/shard-protocol.js';
import type { SlotMap } from '../actor/slots.js';
import { BrokerError } from '../base/errors.js';
import type { ClientId, ShardId } from '../protocol/ids.js';
import type { ShardPool } from './shard-pool.js';

export interface AskedShards {
  readonly count: number;
  ownerOf(clientId: ClientId): ShardId;
  /** It takes clients; before that it does not know what all other shards want. */
  isReady(shard: ShardId): boolean;
  /** Rejects with BrokerError SHARD_UNAVAILABLE where the shard is not ready, or does not answer in time. */
  request<T extends ShardRequestType>(
    shard: ShardId,
    type: T,
    input: ShardRequests[T]['input'],
    timeoutMs?: number,
  ): Promise<ShardRequests[T]['output']>;
}

export function askedShards(pool: ShardPool, slots: SlotMap): AskedShards {
  const isReady = (shard: ShardId): boolean => pool.handles[shard]?.state === 'ready';
  return {
    count: pool.handles.length,
    ownerOf: (clientId) => slots.shardOf(clientId),
    isReady,
    request: (shard, type, input, timeoutMs) =>
      isReady(shard)
        ? pool.request(shard, type, input, timeoutMs)
        : Promise.reject(new BrokerError('SHARD_UNAVAILABLE', `shard ${shard} is not ready`)),
  };
}

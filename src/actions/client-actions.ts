/** What the API does to clients and in their name: asks the shard that owns the ClientId. Main thread. */
import type { ApiMessage, PublishOutcome, SubscribeOutcome } from '../actor/action-protocol.js';
import type { ShardRequests, ShardRequestType } from '../actor/shard-protocol.js';
import type { ClientActions } from '../api/broker-port.js';
import { BrokerError } from '../base/errors.js';
import { asClientId, asShardId, type ClientId, type ShardId } from '../protocol/ids.js';
import type { AskedShards } from '../supervisor/asked-shards.js';

export class ShardActions implements ClientActions {
  readonly #shards: AskedShards;

  constructor(shards: AskedShards) {
    this.#shards = shards;
  }

  async kick(id: string): Promise<boolean> {
    const clientId = asClientId(id);
    return (await this.#ask(clientId, 'session.kick', { clientId })).kicked;
  }

  async removeSession(id: string): Promise<boolean> {
    const clientId = asClientId(id);
    return (await this.#ask(clientId, 'session.remove', { clientId })).removed;
  }

  async forgetDecision(id: string, topic: string): Promise<boolean> {
    const clientId = asClientId(id);
    return (await this.#ask(clientId, 'session.forgetDecision', { clientId, topic })).isConnected;
  }

  /** One name always publishes through the same shard while that runs: so its messages keep their order. */
  async publish(clientId: string, messages: readonly ApiMessage[]): Promise<PublishOutcome> {
    const shard = this.#publishingShard(asClientId(clientId));
    return this.#shards.request(shard, 'messages.publish', { clientId, messages });
  }

  subscribe(id: string, filter: string, qos: 0 | 1 | 2): Promise<SubscribeOutcome> {
    const clientId = asClientId(id);
    return this.#ask(clientId, 'session.subscribe', { clientId, filter, qos });
  }

  unsubscribe(id: string, filter: string): Promise<SubscribeOutcome> {
    const clientId = asClientId(id);
    return this.#ask(clientId, 'session.unsubscribe', { clientId, filter });
  }

  #ask<T extends ShardRequestType>(
    clientId: ClientId,
    type: T,
    input: ShardRequests[T]['input'],
  ): Promise<ShardRequests[T]['output']> {
    return this.#shards.request(this.#shards.ownerOf(clientId), type, input);
  }

  #publishingShard(clientId: ClientId): ShardId {
    const { count } = this.#shards;
    const owner = this.#shards.ownerOf(clientId);
    const all = Array.from({ length: count }, (_, i) => asShardId((owner + i) % count));
    const ready = all.find((shard) => this.#shards.isReady(shard));
    if (ready === undefined) throw new BrokerError('SHARD_UNAVAILABLE', 'no shard is ready');
    return ready;
  }
}

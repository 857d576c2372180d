/**
 * A broker with two shards for one test file, ClientIds on the shard one wants, and the broker's word for it. The edge
 * of connections over TLS and WebSocket is always the first shard.
 */
import { randomUUID } from 'node:crypto';
import type { RunningBroker } from '../../src/broker.js';
import { asClientId } from '../../src/protocol/ids.js';
import { clientIdOn } from '../helpers/client-ids.js';
import { addressOn, type Transport } from '../helpers/transports.js';
import { onEveryShard } from '../helpers/with-broker.js';
import { EDGE, TransportBench } from '../transports/bench.js';
import type { Identity } from './client-kind.js';

export class ShardedBroker {
  /** Where subscribers belong: not to the edge, so that what they get is relayed to them where there is one. */
  readonly subscriberShard = 1 - EDGE;

  private constructor(private readonly bench: TransportBench) {}

  static async open(): Promise<ShardedBroker> {
    return new ShardedBroker(await TransportBench.start());
  }

  get broker(): RunningBroker {
    return this.bench.broker;
  }

  /** @returns a new ClientId that this shard owns. */
  clientIdOn(shard: number): string {
    return clientIdOn(this.broker, shard, randomUUID());
  }

  identity(transport: Transport, clientId: string): Identity {
    const address = addressOn(this.broker, transport);
    return 'path' in address
      ? { port: 0, path: address.path, clientId }
      : { port: address.port, path: null, clientId };
  }

  /** @returns the shards that say they have this client's session and connection; one, if all is well. */
  async shardsConnectedTo(clientId: string): Promise<number[]> {
    const input = { clientId: asClientId(clientId) };
    const owners = await onEveryShard(this.broker, (shard) =>
      this.broker.request(shard, 'session.owner', input),
    );
    return owners.flatMap((owner) => (owner?.connected === true ? [owner.shard] : []));
  }

  stop(): Promise<void> {
    return this.bench.stop();
  }
}

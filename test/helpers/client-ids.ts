/** ClientIds by the shard that owns them, so that tests choose whether two clients share one. */
import type { Broker } from '../../src/broker-api.js';

/** @returns a ClientId of this shard; another `prefix` gives another one. */
export function clientIdOn(
  broker: Pick<Broker, 'shardOf' | 'shards'>,
  shard: number,
  prefix = 'client',
): string {
  if (shard < 0 || shard >= broker.shards) throw new Error(`there is no shard ${shard}`);
  for (let n = 0; ; n++) {
    const clientId = `${prefix}-${n}`;
    if (broker.shardOf(clientId) === shard) return clientId;
  }
}

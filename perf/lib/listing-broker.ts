/**
 * A broker in a process of its own for the scenario `listing`: it says where it listens, and how long its shards' turns
 * have been. Child process, asked by messages.
 */
import { parseArgs } from 'node:util';
import { launchBroker } from '../../src/broker.js';
import { asShardId } from '../../src/protocol/ids.js';

/** Shards say their longest turn since the last second or so; looked at oftener, none is missed. */
const LOOK_MS = 100;

/** What the child says: once when it is ready, then whenever it is asked. */
export interface ListingBrokerSays {
  readonly port: number;
  readonly apiPort: number;
  /** Since it was asked last. */
  readonly longestTurnMs: number;
  readonly rssBytes: number;
  readonly subscriptions: number;
}

const { values } = parseArgs({
  options: { shards: { type: 'string' }, data: { type: 'string' } },
});
const broker = await launchBroker({
  config: {
    'node.data_dir': values.data!,
    ...(values.shards === '0' ? {} : { 'node.shards': Number(values.shards) }),
    'listener.tcp.external': '127.0.0.1:0',
    'listener.tcp.external.max_clients': 1_000_000,
    'listener.tcp.internal': 'off',
    'listener.ws.external': 'off',
    'listener.api.mgmt': '127.0.0.1:0',
    'mqtt.mqueue.store_qos0': false,
  },
});
let longestTurnMs = 0;

async function look(): Promise<number> {
  const shards = Array.from({ length: broker.shards }, (_, shard) => asShardId(shard));
  const all = await Promise.all(shards.map((shard) => broker.request(shard, 'shard.figures', null)));
  for (const figures of all) longestTurnMs = Math.max(longestTurnMs, figures.longestTurnMs);
  return all.reduce((sum, figures) => sum + figures.subscriptions, 0);
}

const timer = setInterval(() => void look().catch(() => undefined), LOOK_MS);

async function say(): Promise<void> {
  const subscriptions = await look();
  const said: ListingBrokerSays = {
    port: broker.listeners[0]!.port,
    apiPort: broker.apiPort,
    longestTurnMs,
    rssBytes: process.memoryUsage().rss,
    subscriptions,
  };
  longestTurnMs = 0;
  process.send!(said);
}

process.on('message', () => void say());
process.on('disconnect', () => {
  clearInterval(timer);
  void broker.stop();
});
await say();

/**
 * A plugin of one's own: it counts who comes, says so on a topic, and keeps clients out whose ClientId is on a list.
 * This part runs once, on the main thread; shard.ts runs in every shard. Start it with `shardmq --plugin plugin.js`.
 */
import type { Plugin } from 'shardmq';

const plugin: Plugin = {
  name: 'doorbell',
  description: 'Counts who comes, and keeps some out',
  // It decides who may connect: without it nobody should.
  isGuard: true,
  options: {
    'doorbell.topic': {
      type: { kind: 'string' },
      default: 'doorbell/count',
      about: 'where the number of clients that have come is published',
    },
    'doorbell.unwelcome.$id': {
      type: { kind: 'string' },
      default: null,
      about: 'a ClientId that is kept out',
    },
  },
  shard: new URL('./shard.js', import.meta.url),

  start({ values, publish, log }) {
    let count = 0;
    const unwelcome = [...values].flatMap(([key, value]) =>
      key.startsWith('doorbell.unwelcome.') ? [String(value)] : [],
    );
    log.info('listening', { unwelcome: unwelcome.length });
    return {
      // Every shard part begins with it.
      shardState: () => unwelcome,
      // A shard part has called `tell`.
      onMessage() {
        count += 1;
        publish(String(values.get('doorbell.topic')), String(count), { retain: true });
      },
      stop: () => log.info('no longer listening', { count }),
    };
  },
};

export default plugin;

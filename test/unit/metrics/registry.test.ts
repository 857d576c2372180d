import test from 'ava';
import type { ShardFigures } from '../../../src/actor/shard-protocol.js';
import { METRICS, MetricIndex, STATS } from '../../../src/metrics/names.js';
import { MetricsRegistry } from '../../../src/metrics/registry.js';
import { asShardId } from '../../../src/protocol/ids.js';

const [a, b] = [asShardId(0), asShardId(1)];

function figures(bytesReceived: number, counts: Partial<ShardFigures> = {}): ShardFigures {
  const metrics = new Float64Array(METRICS.length);
  metrics[MetricIndex['bytes/received']] = bytesReceived;
  return {
    metrics,
    clients: 0,
    sessions: 0,
    subscriptions: 0,
    filters: 0,
    routes: 0,
    retained: 0,
    waitingBytes: 0,
    longestTurnMs: 0,
    loopDelayMs: 0,
    heapUsedBytes: 0,
    externalBytes: 0,
    forwardedIn: 0,
    relays: 0,
    arriving: 0,
    ...counts,
  };
}

test("there are EMQ's 38 counters and 14 statistics, each once", (t) => {
  t.is(new Set(METRICS).size, 38);
  t.is(new Set(STATS).size, 14);
  t.deepEqual(STATS, [...STATS].sort());
  const registry = new MetricsRegistry(1);
  t.deepEqual(Object.keys(registry.metrics()), [...METRICS]);
  t.deepEqual(Object.keys(registry.stats()), [...STATS]);
  METRICS.forEach((name, index) => {
    t.is(MetricIndex[name], index);
  });
});

test('counters are summed over shards and never go backward when one restarts', (t) => {
  const registry = new MetricsRegistry(2);
  registry.update(a, figures(10));
  registry.update(b, figures(5));
  registry.update(a, figures(12));
  t.is(registry.metric('bytes/received'), 17);
  registry.shardEnded(a);
  t.is(registry.metric('bytes/received'), 17);
  registry.shardEnded(a);
  t.is(registry.metric('bytes/received'), 17, 'a shard that ends before its first figures adds nothing');
  registry.update(a, figures(3));
  t.is(registry.metric('bytes/received'), 20);
});

test('what a shard held is gone when it ends; the maximum stays', (t) => {
  const registry = new MetricsRegistry(2);
  registry.update(a, figures(0, { clients: 3, retained: 4 }));
  registry.update(b, figures(0, { clients: 2, retained: 1 }));
  t.is(registry.metric('messages/retained'), 5);
  registry.shardEnded(a);
  const stats = registry.stats();
  t.is(stats['clients/count'], 2);
  t.is(stats['clients/max'], 5);
  t.is(registry.metric('messages/retained'), 1);
});

test('filters, which every shard knows, are counted once', (t) => {
  const registry = new MetricsRegistry(2);
  registry.update(a, figures(0, { routes: 7, subscriptions: 4 }));
  registry.update(b, figures(0, { routes: 8, subscriptions: 5 }));
  const stats = registry.stats();
  t.is(stats['routes/count'], 8);
  t.is(stats['topics/count'], 8);
  t.is(stats['subscriptions/count'], 9);
  t.is(stats['subscribers/count'], 9);
});

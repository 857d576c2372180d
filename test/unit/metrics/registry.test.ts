import test from 'ava';
import type { ShardFigures } from '../../../src/actor/shard-protocol.js';
import { Counters } from '../../../src/metrics/counters.js';
import { METRICS, STATS } from '../../../src/metrics/names.js';
import { MetricsRegistry } from '../../../src/metrics/registry.js';
import { asShardId } from '../../../src/protocol/ids.js';

const [a, b] = [asShardId(0), asShardId(1)];

function figures(counts: Partial<ShardFigures> = {}): ShardFigures {
  return {
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
});

test('counters are summed over shards and never go backward when one restarts', (t) => {
  const registry = new MetricsRegistry(2);
  const bytes = (): number => registry.metrics()['bytes/received'];
  const [first, second, other] = [new Counters(), new Counters(), new Counters()];
  registry.shardStarted(a, first.buffer);
  registry.shardStarted(b, other.buffer);
  first.bytesReceived += 10;
  other.bytesReceived += 5;
  t.is(bytes(), 15, 'at once');
  registry.shardEnded(a);
  first.bytesReceived += 2;
  t.is(bytes(), 17, 'what it counted until it was gone');
  registry.shardStarted(a, second.buffer);
  t.is(bytes(), 17);
  second.bytesReceived += 3;
  t.is(bytes(), 20);
});

test('every number a shard counts has a place of its own', (t) => {
  const counters = new Counters();
  const singles = [
    ...['bytesReceived', 'bytesSent', 'qos2Dropped', 'dropped', 'queueDropped', 'slowDropped'],
    ...['oversizeDropped', 'forwardedIn', 'commits', 'commitBytes', 'forwardedDeliveries'],
  ] as 'bytesReceived'[];
  const lists = ['received', 'sent', 'missed', 'receivedQos', 'sentQos'] as const;
  let last = 0;
  for (const name of singles) counters[name] = ++last;
  for (const name of lists) counters[name].set(counters[name].map(() => ++last));
  const seen = new Counters(counters.buffer);
  const numbers = [...singles.map((name) => seen[name]), ...lists.flatMap((name) => [...seen[name]])];
  t.deepEqual(
    numbers,
    numbers.map((_, at) => at + 1),
  );
  t.is(counters.buffer.byteLength, numbers.length * 8);
});

test('what a shard held is gone when it ends; the maximum stays', (t) => {
  const registry = new MetricsRegistry(2);
  registry.update(a, figures({ clients: 3, retained: 4 }));
  registry.update(b, figures({ clients: 2, retained: 1 }));
  t.is(registry.metrics()['messages/retained'], 5);
  registry.shardEnded(a);
  const stats = registry.stats();
  t.is(stats['clients/count'], 2);
  t.is(stats['clients/max'], 5);
  t.is(registry.metrics()['messages/retained'], 1);
});

test('filters, which every shard knows, are counted once', (t) => {
  const registry = new MetricsRegistry(2);
  registry.update(a, figures({ routes: 7, subscriptions: 4 }));
  registry.update(b, figures({ routes: 8, subscriptions: 5 }));
  const stats = registry.stats();
  t.is(stats['routes/count'], 8);
  t.is(stats['topics/count'], 8);
  t.is(stats['subscriptions/count'], 9);
  t.is(stats['subscribers/count'], 9);
});

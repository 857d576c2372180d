/** What the topic cache remembers, forgets, and makes stale. */
import test from 'ava';
import { ByteHash } from '../../../workers/routing/byte-hash.js';
import type { Route } from '../../../workers/routing/route.js';
import { TopicCache } from '../../../workers/routing/topic-cache.js';
import { Session } from './model.js';

const makeCache = (limits: {
  topicsCachedMax?: number;
  targetsCachedMax?: number;
  bytesCachedMax?: number;
}) =>
  new TopicCache<Session>(new ByteHash(3), {
    topicsCachedMax: 100,
    targetsCachedMax: 1_000,
    bytesCachedMax: 10_000,
    ...limits,
  });

function routeOf(sessions: number): Route<Session> {
  const subscribers = Array.from({ length: sessions }, () => new Session('s'));
  return {
    version: -1,
    subscribers,
    options: [],
    identifiers: null,
    shards: 0,
    durableShards: 0,
    groups: [],
  };
}

function put(cache: TopicCache<Session>, topic: string, sessions = 0): Route<Session> {
  const route = routeOf(sessions);
  const bytes = Buffer.from(topic);
  cache.insert(bytes, 0, bytes.length, route);
  return route;
}

/** As somebody does who publishes to the topic twice. */
function putTwice(cache: TopicCache<Session>, topic: string, sessions = 0): Route<Session> {
  put(cache, topic, sessions);
  return get(cache, topic) ?? put(cache, topic, sessions);
}

function get(cache: TopicCache<Session>, topic: string): Route<Session> | null {
  const bytes = Buffer.from(`xx${topic}x`);
  return cache.lookup(bytes, 2, bytes.length - 1);
}

test('a topic is found by all of its bytes', (t) => {
  const cache = makeCache({});
  const route = put(cache, 'a/b');
  t.is(get(cache, 'a/b'), route);
  for (const other of ['a/', 'a/b/', 'a/c', 'b/b', '']) t.is(get(cache, other), null, other);
  t.is(route.version, cache.version);
});

test('forgetting one topic leaves the others, and tells who has kept its route', (t) => {
  const cache = makeCache({});
  const a = put(cache, 'a');
  const b = put(cache, 'b');
  cache.forget(Buffer.from('a'));
  cache.forget(Buffer.from('nobody knows'));
  t.is(get(cache, 'a'), null);
  t.is(a.version, -1);
  t.is(get(cache, 'b'), b);
  t.is(b.version, cache.version);
  t.is(get(cache, 'a'), null);
  const again = put(cache, 'a');
  t.is(get(cache, 'a'), again);
});

test('clearing makes every route stale', (t) => {
  const cache = makeCache({});
  const route = put(cache, 'a');
  cache.clear();
  t.is(get(cache, 'a'), null);
  t.not(route.version, cache.version);
  t.is(cache.size, 0);
});

test('as many topics fit as the limit says; one more empties the cache and makes kept routes stale', (t) => {
  const cache = makeCache({ topicsCachedMax: 50 });
  const routes = Array.from({ length: 50 }, (_, i) => putTwice(cache, `topic/${i}`));
  for (const [i, route] of routes.entries()) t.is(get(cache, `topic/${i}`), route);
  t.is(cache.size, 50);
  const last = putTwice(cache, 'one more');
  t.is(get(cache, 'topic/1'), null);
  t.not(routes[1]!.version, cache.version);
  t.is(get(cache, 'one more'), last);
  t.is(cache.size, 1);
});

test('the sum of targets is bounded, forgotten ones given back', (t) => {
  const cache = makeCache({ targetsCachedMax: 30 });
  putTwice(cache, 'a', 9);
  putTwice(cache, 'b', 9);
  cache.forget(Buffer.from('a'));
  putTwice(cache, 'c', 9);
  putTwice(cache, 'd', 9);
  t.not(get(cache, 'b'), null);
  putTwice(cache, 'e');
  t.is(get(cache, 'b'), null);
});

test('from half of what fits on, a topic is remembered when it comes again', (t) => {
  const cache = makeCache({ topicsCachedMax: 1_000, bytesCachedMax: 1_000_000, targetsCachedMax: 100_000 });
  const routes = Array.from({ length: 500 }, (_, i) => put(cache, `topic/${i}`));
  // A few are taken for others that have come.
  for (let i = 0; i < 5_000; i += 1) put(cache, `once/${i}`);
  t.true(cache.size < 600, `${cache.size}`);
  for (const [i, route] of routes.entries()) t.is(get(cache, `topic/${i}`), route);
  t.is(put(cache, 'again').version, -1);
  t.is(get(cache, 'again'), null);
  let again = put(cache, 'again');
  for (let i = 0; i < 10 && again.version === -1; i += 1) again = put(cache, 'again');
  t.is(again.version, cache.version);
  t.is(get(cache, 'again'), again);
});

test('topics that come in turn are all remembered where they fit', (t) => {
  const cache = makeCache({ topicsCachedMax: 1_000, bytesCachedMax: 1_000_000, targetsCachedMax: 100_000 });
  for (let round = 0; round < 20; round += 1) {
    for (let i = 0; i < 900; i += 1) if (get(cache, `topic/${i}`) === null) put(cache, `topic/${i}`);
  }
  t.is(cache.size, 900);
});

test('a route too large to be remembered never counts as current', (t) => {
  const cache = makeCache({ targetsCachedMax: 30 });
  put(cache, 'a');
  const large = put(cache, 'b', 30);
  t.is(large.version, -1);
  t.is(get(cache, 'b'), null);
  t.not(get(cache, 'a'), null);
});

test('the bytes of topics are bounded', (t) => {
  const cache = makeCache({ bytesCachedMax: 10_000 });
  t.is(put(cache, 'x'.repeat(10_001)).version, -1);
  put(cache, 'x'.repeat(6_000));
  put(cache, 'y'.repeat(6_000));
  t.is(get(cache, 'x'.repeat(6_000)), null);
  t.not(get(cache, 'y'.repeat(6_000)), null);
});

test('topics that come and go within the limits are remembered right', (t) => {
  const cache = makeCache({ topicsCachedMax: 8 });
  const known = new Map<string, Route<Session>>();
  for (let i = 0; i < 3_000; i += 1) {
    const topic = `t${(i * i * 7 + (i >> 3)) % 13}`;
    const found = get(cache, topic);
    if (found !== null) t.is(found, known.get(topic)!);
    else known.set(topic, put(cache, topic));
    if (i % 5 === 0) cache.forget(Buffer.from(`t${i % 11}`));
    if (i % 97 === 0) cache.clear();
  }
});

test('a lookup longer than any topic name finds nothing', (t) => {
  t.is(get(makeCache({}), 'x'.repeat(65_536)), null);
});

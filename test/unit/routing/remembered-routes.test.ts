/** Which routes a router remembers, and when what was remembered is stale. */
import test from 'ava';
import { type Route, Router } from '../../../workers/routing/router.js';
import { Session } from './model.js';

const makeRouter = (topicsCachedMax = 1_000): Router<Session> =>
  new Router({ shard: 0, hashSeed: 9, topicsCachedMax, targetsCachedMax: 10_000 });

function publish(router: Router<Session>, topic: string): Route<Session> {
  const bytes = Buffer.from(topic);
  return router.lookup(bytes, 0, bytes.length) ?? router.match(bytes, 0, bytes.length);
}

function subscribed(router: Router<Session>, filter: string): Session {
  const session = new Session('s');
  router.subscribe(session, filter, null, false, 0, 0);
  return session;
}

test('a subscription without wildcards makes only its own topic stale', (t) => {
  const router = makeRouter();
  subscribed(router, 'a');
  const [a, b] = [publish(router, 'a'), publish(router, 'b')];
  subscribed(router, 'a');
  t.not(a.version, router.version);
  t.is(publish(router, 'a').subscribers.length, 2);
  t.is(publish(router, 'b'), b);
  subscribed(router, '#');
  t.not(b.version, router.version);
  t.is(publish(router, 'b').subscribers.length, 1);
});

test('topics that nobody wants share one route until somebody wants one of them', (t) => {
  const router = makeRouter();
  t.is(publish(router, 'a'), publish(router, 'b'));
  const session = subscribed(router, 'a');
  t.deepEqual(publish(router, 'a').subscribers, [session]);
  t.deepEqual(publish(router, 'b').subscribers, []);
  t.is(publish(router, 'c').version, router.version);
});

test('the route that topics nobody wants share is not renewed for those that the cache has forgotten', (t) => {
  const router = makeRouter(4);
  const first = publish(router, 'a');
  for (let i = 0; i < 20; i += 1) publish(router, `t${i >> 1}`);
  t.is(router.lookup(Buffer.from('a'), 0, 1), null);
  subscribed(router, 'a');
  t.not(first.version, router.version);
});

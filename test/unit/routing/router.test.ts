/** One shard's router, case by case; its histories are in router.property.test.ts. */
import test from 'ava';
import fc from 'fast-check';
import { NARROW_SUBSCRIPTIONS_MAX } from '../../../src/limits.js';
import { type Route, Router } from '../../../workers/routing/router.js';
import { announcedBy } from './announced.js';
import { Session } from './model.js';

const makeRouter = (): Router<Session> =>
  new Router({ shard: 0, hashSeed: 9, topicsCachedMax: 1_000, targetsCachedMax: 10_000 });

function publish(router: Router<Session>, topic: string): Route<Session> {
  const bytes = Buffer.from(topic);
  return router.lookup(bytes, 0, bytes.length) ?? router.match(bytes, 0, bytes.length);
}

function subscribed(router: Router<Session>, filter: string, options = 0, identifier = 0): Session {
  const session = new Session(filter);
  router.subscribe(session, filter, null, false, options, identifier);
  return session;
}

test('a session with overlapping subscriptions is in a route once, with the highest QoS', (t) => {
  const router = makeRouter();
  const session = subscribed(router, 'a/+', 0);
  router.subscribe(session, 'a/#', null, false, 2, 0);
  router.subscribe(session, '#', null, false, 1, 0);
  const route = publish(router, 'a/b');
  t.deepEqual(route.subscribers, [session]);
  t.deepEqual(route.options, [2]);
  t.is(route.identifiers, null);
});

test('no local holds only if all have it, retain as published if any has', (t) => {
  const router = makeRouter();
  const session = subscribed(router, 'a', 0b0100);
  router.subscribe(session, '+', null, false, 0b1101, 0);
  t.deepEqual(publish(router, 'a').options, [0b1101]);
  router.subscribe(session, '#', null, false, 0b0000, 0);
  t.deepEqual(publish(router, 'a').options, [0b1001]);
});

test('retain handling is remembered but is no matter of routes', (t) => {
  const router = makeRouter();
  const session = subscribed(router, 'a', 0b10_0001);
  t.deepEqual(publish(router, 'a').options, [1]);
  t.is([...router.subscriptionsOf(session)][0]!.options, 0b10_0001);
});

test('[MQTT-3.3.4-4] a route has all subscription identifiers of a session', (t) => {
  const router = makeRouter();
  const without = subscribed(router, 'a/b');
  const session = subscribed(router, 'a/+', 0, 268_435_455);
  router.subscribe(session, 'a/#', null, false, 0, 7);
  router.subscribe(session, '#', null, false, 0, 0);
  const route = publish(router, 'a/b');
  t.deepEqual(route.subscribers.length, 2);
  const of = (who: Session) => route.identifiers![route.subscribers.indexOf(who)];
  t.is(of(without), null);
  t.deepEqual([...of(session)!].sort(), [268_435_455, 7]);
});

test('[MQTT-3.8.4-3] subscribing again replaces options and identifier', (t) => {
  const router = makeRouter();
  const session = subscribed(router, 'a', 1, 5);
  publish(router, 'a');
  t.false(router.subscribe(session, 'a', null, false, 2, 6));
  t.deepEqual(publish(router, 'a').options, [2]);
  t.deepEqual(publish(router, 'a').identifiers, [[6]]);
  t.is(router.countOf(session), 1);
});

test('own, $local and group subscriptions to one filter are apart', (t) => {
  const router = makeRouter();
  const session = subscribed(router, 'a');
  t.true(router.subscribe(session, 'a', null, true, 1, 0));
  t.true(router.subscribe(session, 'a', 'g', false, 1, 0));
  t.true(router.subscribe(session, 'a', 'g', true, 1, 0));
  t.is(router.countOf(session), 4);
  t.is(router.filterCount, 1);
  const route = publish(router, 'a');
  t.deepEqual(route.subscribers, [session]);
  t.deepEqual(route.groups.map((group) => group.name).sort(), ['$local/g', 'g']);
  t.true(router.unsubscribe(session, 'a', 'g', false));
  t.false(router.unsubscribe(session, 'a', 'g', false));
  t.false(router.unsubscribe(session, 'a', 'h', false));
  t.true(router.unsubscribe(session, 'a', null, false));
  t.deepEqual(publish(router, 'a').subscribers, [session]);
});

test('interest of shard 31 has the sign bit and comes and goes like any other', (t) => {
  const router = makeRouter();
  router.interest.applyInterest(31, { filter: 'a/#', plain: true, durable: true });
  router.interest.applyInterest(1, { filter: 'a/b', plain: true, durable: false });
  const route = publish(router, 'a/b');
  t.is(route.shards >>> 0, 2 ** 31 + 2);
  t.is(route.durableShards >>> 0, 2 ** 31);
  router.interest.dropShardSome(31, Number.POSITIVE_INFINITY);
  t.is(publish(router, 'a/b').shards, 2);
  t.is(router.routeCount, 1);
});

test('interest that is taken back before it was known changes nothing', (t) => {
  const router = makeRouter();
  router.interest.applyInterest(1, { filter: 'x/y/z', plain: false, durable: false });
  router.interest.applyGroup(1, {
    filter: 'x/y/z',
    group: 'g',
    groupId: 1,
    online: 0,
    offline: 0,
    durable: 0,
  });
  t.is(router.routeCount, 0);
});

test('a filter subscribed to and left between two reports is not reported', (t) => {
  const router = makeRouter();
  const session = subscribed(router, 'a');
  router.unsubscribe(session, 'a', null, false);
  t.is(router.routeCount, 1);
  t.is(router.interest.takeInterestChanges(), null);
  t.is(router.routeCount, 0);
});

test('interest is durable while some session with a subscription of its own outlives its connection', (t) => {
  const router = makeRouter();
  const session = subscribed(router, 'a');
  const other = new Session('other');
  other.durable = true;
  router.subscribe(other, 'a', 'g', false, 0, 0);
  const told = (): boolean | undefined => router.interest.takeInterestChanges()?.filters[0]?.durable;
  t.false(told());
  router.subscribe(other, 'a', null, false, 0, 0);
  t.true(told());
  session.durable = true;
  router.durableChanged(session);
  router.unsubscribe(other, 'a', null, false);
  t.is(told(), undefined);
  session.durable = false;
  router.durableChanged(session);
  t.false(told());
});

test('a group that nobody is in is in no route, once that was reported', (t) => {
  const router = makeRouter();
  const session = new Session('s');
  router.subscribe(session, 'a', 'g', false, 1, 0);
  t.is(publish(router, 'a').groups.length, 1);
  router.removeAll(session);
  router.interest.takeInterestChanges();
  t.deepEqual(publish(router, 'a').groups, []);
  router.interest.applyGroup(2, { filter: 'a', group: 'g', groupId: 8, online: 1, offline: 0, durable: 0 });
  t.is(publish(router, 'a').groups[0]!.pickShard('random', 0, 0), 2);
  router.interest.dropShardSome(2, Number.POSITIVE_INFINITY);
  t.deepEqual(publish(router, 'a').groups, []);
});

test('a group that has lost its last member is known until that was reported', (t) => {
  const router = makeRouter();
  const session = new Session('s');
  router.subscribe(session, 'a', 'g', false, 1, 0);
  const id = router.interest.takeInterestChanges()!.groups[0]!.groupId;
  router.unsubscribe(session, 'a', 'g', false);
  t.not(router.groupById(id), undefined);
  const change = { filter: 'a', group: 'g', groupId: id, online: 0, offline: 0, durable: 0 };
  t.deepEqual(router.interest.takeInterestChanges(), { filters: [], groups: [change] });
  t.is(router.groupById(id), undefined);
  t.is(router.routeCount, 0);
  router.subscribe(session, 'a', 'g', false, 1, 0);
  t.not(router.interest.takeInterestChanges()!.groups[0]!.groupId, id);
});

test('news from a shard that is being forgotten is newer than what is forgotten', (t) => {
  const router = makeRouter();
  for (let i = 0; i < 10; i += 1)
    router.interest.applyInterest(1, { filter: `f${i}`, plain: true, durable: false });
  t.false(router.interest.dropShardSome(1, 3));
  router.interest.applyInterest(1, { filter: 'f9', plain: true, durable: false });
  t.is(router.routeCount, 1);
  t.is(publish(router, 'f9').shards, 2);
  t.is(publish(router, 'f5').shards, 0);
});

test('what is durable of a shard that has died stays until it has said what it wants now', (t) => {
  const router = makeRouter();
  const group = { group: 'g', groupId: 7 };
  const announce = (filter: string, durable: boolean): void => {
    router.interest.applyInterest(31, { filter, plain: true, durable });
    router.interest.applyGroup(31, { filter, ...group, online: 2, offline: 1, durable: durable ? 2 : 0 });
  };
  for (const [filter, durable] of Object.entries({ a: true, b: true, c: false })) announce(filter, durable);
  const isKnown = (topic: string): boolean[] => {
    const { shards, durableShards, groups } = publish(router, topic);
    return [shards !== 0, durableShards !== 0, groups.length > 0];
  };
  t.deepEqual(isKnown('c'), [true, false, true]);
  while (!router.interest.dropShardSome(31, 1, true));
  t.deepEqual(isKnown('a'), [true, true, true]);
  t.deepEqual(isKnown('c'), [false, false, false]);
  const [waiting] = publish(router, 'a').groups;
  t.is(waiting!.pickShard('random', 0, 0), 31, 'members who will be back');
  router.interest.applyGroup(2, { filter: 'a', ...group, online: 1, offline: 0, durable: 0 });
  t.is(waiting!.pickShard('random', 0, 0), 2, 'somebody who is there');
  t.true(waiting!.hasDurableOn(31) && !waiting!.hasDurableOn(2));
  // It dies again before it has said everything.
  announce('a', true);
  while (!router.interest.dropShardSome(31, 100, true));
  announce('b', false);
  while (!router.interest.dropStaleSome(31, 1));
  t.deepEqual(isKnown('a'), [false, false, true]);
  t.false(waiting!.hasDurableOn(31));
  t.deepEqual(isKnown('b'), [true, false, true]);
  t.true(router.interest.dropStaleSome(31, 1));
  t.deepEqual(isKnown('b'), [true, false, true]);
});

test('members of a group that outlive their connections are told apart', (t) => {
  const router = makeRouter();
  const session = new Session('s');
  router.subscribe(session, 'a', 'g', false, 0, 0);
  const durable = (): number | undefined => router.interest.takeInterestChanges()?.groups[0]?.durable;
  t.is(durable(), 0);
  session.durable = true;
  router.durableChanged(session);
  t.is(durable(), 1);
  t.is(durable(), undefined);
  router.unsubscribe(session, 'a', 'g', false);
  t.is(durable(), 0);
});

test('slices of a removal take as many subscriptions as asked for', (t) => {
  const router = makeRouter();
  const session = new Session('s');
  for (let i = 0; i < 10; i += 1) router.subscribe(session, `f/${i}`, i % 3 === 0 ? 'g' : null, false, 0, 0);
  t.false(router.removeSome(session, 4));
  t.is(router.countOf(session), 6);
  t.false(router.removeSome(session, 5));
  t.true(router.removeSome(session, 5));
  t.is(session.slot, -1);
  t.true(router.removeSome(session, 5));
  t.is(router.subscriptionCount, 0);
});

test('a lot has each filter whole, whatever it has in common with the one before', (t) => {
  const router = makeRouter();
  const long = 'x'.repeat(300);
  const filters = [
    'a/b/c',
    'a/b/d/#',
    'a/b/+',
    'a/b/#',
    'a/b',
    'a',
    '#',
    '+',
    '/',
    'a//b',
    'a//',
    '\u00e4/b',
    '\u00e4/+',
  ];
  for (const text of [...filters, `${long}/1`, `${long}/2/#`, `${long}/${long}`, 'a/b/e'])
    subscribed(router, text);
  const lots = [1, 2, 100].map((perLot) =>
    [...announcedBy(router, perLot)].map((item) => item.kind === 'filter' && item.change.filter),
  );
  const all = [...filters, `${long}/1`, `${long}/2/#`, `${long}/${long}`, 'a/b/e'];
  for (const heard of lots) t.deepEqual(heard, all);
});

test('whole interest may be pulled while subscriptions change', (t) => {
  const router = makeRouter();
  const heard = makeRouter();
  const sessions = Array.from({ length: 20 }, (_, i) => subscribed(router, `f${i}`));
  router.interest.takeInterestChanges();
  let step = 0;
  for (const item of announcedBy(router)) {
    if (item.kind === 'filter') heard.interest.applyInterest(5, item.change);
    router.removeAll(sessions[step]!);
    sessions[step] = subscribed(router, `g${step}`);
    if (step % 2 === 0) {
      for (const change of router.interest.takeInterestChanges()?.filters ?? [])
        heard.interest.applyInterest(5, change);
    }
    step += 1;
    if (step === 20) break;
  }
  for (const change of router.interest.takeInterestChanges()?.filters ?? [])
    heard.interest.applyInterest(5, change);
  t.is(heard.routeCount, 20);
  for (let i = 0; i < 20; i += 1) {
    t.is(
      publish(heard, `g${i}`).shards,
      publish(router, `g${i}`).subscribers.length > 0 ? 1 << 5 : 0,
      `g${i}`,
    );
    t.is(
      publish(heard, `f${i}`).shards,
      publish(router, `f${i}`).subscribers.length > 0 ? 1 << 5 : 0,
      `f${i}`,
    );
  }
});

test('the memory of ended sessions is used again', (t) => {
  const router = makeRouter();
  const round = (): void => {
    for (let i = 0; i < 2_000; i += 1) {
      const session = new Session('s');
      for (let k = 0; k < 3; k += 1) router.subscribe(session, `r/${i}/${k}/+`, null, false, 0, 0);
      router.removeAll(session);
      router.interest.takeInterestChanges();
    }
  };
  round();
  const bytes = router.tableBytes;
  round();
  t.is(router.tableBytes, bytes);
});

test('a thousand sessions of one filter are each there once', (t) => {
  const router = makeRouter();
  const sessions = Array.from({ length: 1_000 }, () => subscribed(router, 'news/#', 1));
  for (const session of sessions) router.subscribe(session, 'news/+', null, false, 2, 0);
  const route = publish(router, 'news/x');
  t.is(new Set(route.subscribers).size, 1_000);
  t.is(route.subscribers.length, 1_000);
  t.true(route.options.every((options) => options === 2));
});

test('a session has what it has subscribed to, be it few or many, in whatever order that comes and goes', (t) => {
  const wanted = Array.from({ length: 6 * NARROW_SUBSCRIPTIONS_MAX }, (_, i) => ({
    filter: `f/${i >> 2}`,
    group: i % 4 > 1 ? `g${i % 4}` : null,
    local: i % 4 === 1,
  }));
  const property = fc.property(fc.array(fc.nat({ max: wanted.length - 1 }), { maxLength: 200 }), (steps) => {
    const router = makeRouter();
    const [session, other] = [new Session('one'), new Session('other')];
    const has = new Set<number>();
    for (const i of steps) {
      const { filter, group, local } = wanted[i]!;
      if (has.delete(i)) t.true(router.unsubscribe(session, filter, group, local));
      else t.is(router.subscribe(session, filter, group, local, 0, 0), has.add(i).size > 0);
      router.subscribe(other, filter, null, false, 0, 0);
      t.is(router.countOf(session), has.size);
    }
    for (const [i, { filter, group, local }] of wanted.entries()) {
      t.is(router.has(session, filter, group, local), has.has(i));
      if (has.has(i)) t.false(router.subscribe(session, filter, group, local, 1, 0));
    }
    router.removeAll(session);
    router.removeAll(other);
    t.is(router.subscriptionCount, 0);
  });
  fc.assert(property, { numRuns: 60 });
});

test('whether a topic is wanted is found without remembering it', (t) => {
  const router = makeRouter();
  const isWanted = (topic: string): boolean => router.isWanted(Buffer.from(topic));
  t.false(isWanted('a/b'));
  const session = subscribed(router, 'a/+');
  t.true(isWanted('a/b'));
  t.false(isWanted('a/b/c'));
  t.is(router.lookup(Buffer.from('a/b'), 0, 3), null);
  router.unsubscribe(session, 'a/+', null, false);
  router.interest.takeInterestChanges();
  t.false(isWanted('a/b'));
});

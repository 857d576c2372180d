import test from 'ava';
import fc from 'fast-check';
import { FilterScopes } from '../../../workers/routing/filter-scopes.js';
import { Router } from '../../../workers/routing/router.js';

class Subscriber {
  slot = -1;
  online = true;
  durable = false;
}

function create(shard: number): Router<Subscriber> {
  return new Router<Subscriber>({ shard, hashSeed: 7, topicsCachedMax: 16, targetsCachedMax: 64 });
}

const GLOBAL = { isGlobal: true, isLocal: false };
const LOCAL = { isGlobal: false, isLocal: true };
const BOTH = { isGlobal: true, isLocal: true };
const NOBODY = { isGlobal: false, isLocal: false };

/** Tells `to` what has changed in `from`. */
function tell(from: Router<Subscriber>, shard: number, to: Router<Subscriber>): void {
  const changes = from.interest.takeInterestChanges();
  for (const change of changes?.filters ?? []) to.interest.applyInterest(shard, change);
  for (const change of changes?.groups ?? []) to.interest.applyGroup(shard, change);
}

test('a route is local where every subscription has $local/, of this shard and of others', (t) => {
  const here = create(0);
  const there = create(1);
  const [a, b] = [new Subscriber(), new Subscriber()];
  const check = (expected: object): void => {
    tell(here, 0, there);
    t.deepEqual(here.routes.of('f/+'), expected);
    t.deepEqual(there.routes.of('f/+'), expected);
  };
  check(NOBODY);
  here.subscribe(a, 'f/+', null, false, 0, 0);
  check(GLOBAL);
  here.subscribe(b, 'f/+', null, true, 0, 0);
  check(BOTH);
  here.unsubscribe(a, 'f/+', null, false);
  check(LOCAL);
  here.subscribe(a, 'f/+', 'g', false, 0, 0);
  check(BOTH);
  here.unsubscribe(b, 'f/+', null, true);
  check(GLOBAL);
  here.subscribe(b, 'f/+', 'g', true, 0, 0);
  check(BOTH);
  here.removeAll(a);
  check(LOCAL);
  here.removeAll(b);
  check(NOBODY);
});

test('what a lost shard had told is forgotten', (t) => {
  const here = create(0);
  const there = create(1);
  here.subscribe(new Subscriber(), 'f', null, true, 0, 0);
  tell(here, 0, there);
  t.deepEqual(there.routes.of('f'), LOCAL);
  there.interest.dropShardSome(0, Number.POSITIVE_INFINITY);
  t.deepEqual(there.routes.of('f'), NOBODY);
  there.subscribe(new Subscriber(), 'f', null, false, 0, 0);
  t.deepEqual(there.routes.of('f'), GLOBAL);
});

test('only the very filter is found, and what is none is nobody’s', (t) => {
  const here = create(0);
  const s = new Subscriber();
  here.subscribe(s, 'a/#', null, false, 0, 0);
  t.deepEqual(here.routes.of('a/#'), GLOBAL);
  for (const text of ['a', 'a/b', 'a/#/b', 'a/#/', '#', '', '\ud800', 'x'.repeat(70_000)]) {
    t.deepEqual(here.routes.of(text), NOBODY, text.slice(0, 10));
  }
});

test('subscribers to a filter are counted once, however often the only one with $local/ comes and goes', (t) => {
  const scopes = new FilterScopes();
  let counts = 0;
  const count = (): number => {
    counts += 1;
    return 2;
  };
  for (let i = 0; i < 3; i++) {
    scopes.add(7, true, count);
    t.is(scopes.localityOf(7), 'some');
    scopes.remove(7, true);
    t.is(scopes.localityOf(7), undefined);
    t.false(scopes.hasLocal(7));
  }
  t.is(counts, 1);
  scopes.remove(7, false);
  scopes.add(7, true, count);
  scopes.remove(7, false);
  t.is(scopes.localityOf(7), 'only');
});

const step = fc.record({
  shard: fc.nat(1),
  session: fc.nat(2),
  filter: fc.constantFrom('a', 'b/+'),
  group: fc.constantFrom(null, 'g'),
  local: fc.boolean(),
  adds: fc.boolean(),
});

test('both of two shards tell the same of every filter, whoever subscribes in whatever order, and a watcher hears of it', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const routers = [create(0), create(1)] as const;
      const sessions = routers.map(() => [new Subscriber(), new Subscriber(), new Subscriber()]);
      const model = new Set<string>();
      const watched = new Map<string, object>();
      routers[0].routes.watch((filter) => {
        const text = routers[0].routes.bytesAt(filter)!.toString();
        watched.set(text, routers[0].routes.at(filter));
      });
      for (const { shard, session, filter, group, local, adds } of steps) {
        const router = routers[shard]!;
        const s = sessions[shard]![session]!;
        const key = `${filter} ${local} ${group} ${shard} ${session}`;
        if (adds) {
          router.subscribe(s, filter, group, local, 0, 0);
          model.add(key);
        } else {
          router.unsubscribe(s, filter, group, local);
          model.delete(key);
        }
      }
      tell(routers[0], 0, routers[1]);
      tell(routers[1], 1, routers[0]);
      const keys = [...model];
      for (const filter of ['a', 'b/+']) {
        const expected = {
          isGlobal: keys.some((key) => key.startsWith(`${filter} false`)),
          isLocal: keys.some((key) => key.startsWith(`${filter} true`)),
        };
        for (const router of routers) t.deepEqual(router.routes.of(filter), expected);
        t.deepEqual(watched.get(filter) ?? NOBODY, expected);
      }
    }),
  );
});

/**
 * Random histories of one router against a naive model: every route that is current must be right, also those kept
 * from earlier, and a peer that hears all changes must know this router's interest exactly.
 */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { type Route, Router } from '../../../workers/routing/router.js';
import { announcedBy } from './announced.js';
import { groupKey, plainRoute, RouterModel, Session, type Wanted } from './model.js';

const OWN = 3;
const PEERS = [0, 1, 31];
const FILTERS = [
  'a',
  'a/b',
  'a/+',
  '+/b',
  '#',
  'a/#',
  '+',
  '/',
  '+/+',
  '$x/#',
  '$x',
  'b/c/d',
  '+/+/d',
  'b/#',
];
const TOPICS = ['a', 'a/b', 'b', '/', '$x', '$x/a', 'b/c/d', 'a/c', 'nowhere/at/all'];
const COUNTS = [
  { online: 0, offline: 0 },
  { online: 1, offline: 0 },
  { online: 0, offline: 2 },
  { online: 3, offline: 1 },
];

const wanted = fc.record({
  filter: fc.constantFrom(...FILTERS),
  group: fc.constantFrom(null, null, 'g', 'h'),
  local: fc.boolean(),
});
const session = fc.nat({ max: 4 });
const peer = fc.constantFrom(...PEERS);

const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('subscribe'),
      session,
      wanted,
      options: fc.nat({ max: 15 }),
      identifier: fc.nat({ max: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('unsubscribe'), session, wanted }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('end'), session, slice: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('online'), session, on: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('durable'), session, on: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('interest'),
      peer,
      filter: fc.constantFrom(...FILTERS),
      plain: fc.boolean(),
      durable: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('group'), peer, wanted, members: fc.constantFrom(...COUNTS) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('drop'), peer, slice: fc.integer({ min: 1, max: 5 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('take') }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('publish'), topic: fc.constantFrom(...TOPICS) }) },
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

class World {
  readonly model = new RouterModel();
  readonly sessions = Array.from({ length: 5 }, (_, i) => new Session(`s${i}`));
  readonly router = new Router<Session>({
    shard: OWN,
    hashSeed: 1,
    topicsCachedMax: 5,
    targetsCachedMax: 12,
  });
  /** Another shard's router, which hears what this one announces. */
  readonly listener = new Router<Session>({
    shard: 0,
    hashSeed: 2,
    topicsCachedMax: 5,
    targetsCachedMax: 12,
  });
  /** Routes that somebody has kept, by topic. */
  readonly kept = new Map<string, Route<Session>>();

  constructor(private readonly t: ExecutionContext) {
    for (const [i, who] of this.sessions.entries()) who.durable = i % 2 === 0;
  }

  run(step: Action): void {
    const { t, model, router } = this;
    switch (step.kind) {
      case 'subscribe': {
        const { session, wanted, options, identifier } = step as Extract<Action, { options: number }>;
        const who = this.sessions[session]!;
        const { filter, group, local } = wanted;
        const isNew = router.subscribe(who, filter, group, local, options, identifier);
        t.is(isNew, model.subscribe(who, wanted, options, identifier));
        return;
      }
      case 'publish':
        this.publish((step as Extract<Action, { topic: string }>).topic);
        return;
      case 'take':
        this.tell();
        return;
      default:
        this.runOther(step);
    }
  }

  private runOther(step: Action): void {
    const { t, model, router } = this;
    if ('session' in step) {
      const who = this.sessions[step.session]!;
      if ('wanted' in step) {
        const { filter, group, local } = step.wanted;
        t.is(router.unsubscribe(who, filter, group, local), model.unsubscribe(who, step.wanted));
      } else if ('slice' in step) {
        while (!router.removeSome(who, step.slice));
        model.removeAll(who);
        t.is(who.slot, -1);
      } else if (step.kind === 'online') {
        who.online = step.on;
        router.onlineChanged(who);
      } else {
        who.durable = step.on;
        router.durableChanged(who);
      }
    } else if ('peer' in step) {
      this.runPeer(step);
    }
  }

  private runPeer(step: Extract<Action, { peer: number }>): void {
    const { model, router } = this;
    const interest = mapOf(model.interest, step.peer);
    const groups = mapOf(model.groups, step.peer);
    if ('plain' in step) {
      const { filter, plain, durable } = step;
      router.interest.applyInterest(step.peer, { filter, plain, durable });
      if (plain) interest.set(filter, durable);
      else interest.delete(filter);
    } else if ('members' in step) {
      const [group] = groupKey(step.wanted).split(' ');
      const { filter } = step.wanted;
      router.interest.applyGroup(step.peer, {
        filter,
        group: group!,
        groupId: 1,
        durable: 0,
        ...step.members,
      });
      groups.set(`${group} ${filter}`, step.members);
    } else {
      while (!router.interest.dropShardSome(step.peer, step.slice));
      interest.clear();
      groups.clear();
    }
  }

  private publish(topic: string): void {
    const bytes = Buffer.from(topic);
    const route = this.router.lookup(bytes, 0, bytes.length) ?? this.router.match(bytes, 0, bytes.length);
    this.t.deepEqual(this.plain(route), this.model.route(topic), topic);
    this.kept.set(topic, route);
  }

  private plain(route: Route<Session>): ReturnType<RouterModel['route']> {
    return plainRoute(route, (id) => this.groupText(id));
  }

  private groupText(id: number): string {
    const group = this.router.groupById(id)!;
    const sum = { online: group.onlineCount, offline: group.offlineCount };
    for (const peer of PEERS) {
      const members = this.model.groups.get(peer)?.get(`${group.name} ${group.filter}`);
      if (group.hasMembersOn(peer) !== (members !== undefined && members.online + members.offline > 0))
        return 'wrong';
      sum.online += members?.online ?? 0;
      sum.offline += members?.offline ?? 0;
    }
    return `${group.name} ${group.filter} ${sum.online}/${sum.offline}`;
  }

  private tell(): void {
    const changes = this.router.interest.takeInterestChanges();
    for (const change of changes?.filters ?? []) this.listener.interest.applyInterest(OWN, change);
    for (const change of changes?.groups ?? []) this.listener.interest.applyGroup(OWN, change);
    this.t.is(this.router.interest.takeInterestChanges(), null);
  }

  check(): void {
    const { t, model, router } = this;
    for (const [topic, route] of this.kept) {
      if (route.version === router.version)
        t.deepEqual(this.plain(route), model.route(topic), `kept ${topic}`);
    }
    t.is(router.subscriptionCount, model.held.length);
    t.is(router.filterCount, model.filters().size);
    for (const who of this.sessions) {
      const listed = [...router.subscriptionsOf(who)].map((info) => JSON.stringify({ ...info }));
      const held = model.held.filter((one) => one.session === who);
      const expected = held.map(({ filter, group, local, options, identifier }) =>
        JSON.stringify({ filter, group, local, options, identifier }),
      );
      t.deepEqual(listed.sort(), expected.sort());
      // Whatever the number was before: free, or of somebody else.
      const found = Array.from({ length: 200 }, (_, id) => router.subscriptionAt(who, id));
      t.deepEqual(found.flatMap((info) => (info === null ? [] : JSON.stringify({ ...info }))).sort(), listed);
      t.is(router.countOf(who), held.length);
    }
  }

  /** The listener knows what the model says, and so would a peer that is told everything anew. */
  checkListener(): void {
    this.tell();
    const newcomer = new Router<Session>({ shard: 1, hashSeed: 3, topicsCachedMax: 5, targetsCachedMax: 12 });
    const filters: string[] = [];
    for (const item of announcedBy(this.router, 3)) {
      if (item.kind === 'filter') filters.push(`${item.change.filter} ${item.change.durable}`);
      if (item.kind === 'filter') newcomer.interest.applyInterest(OWN, item.change);
      else newcomer.interest.applyGroup(OWN, item.change);
    }
    this.t.deepEqual(filters.sort(), this.model.localInterest());
    for (const listener of [this.listener, newcomer]) {
      for (const topic of TOPICS) this.compareListener(listener, topic);
    }
    this.t.is(this.listener.routeCount, newcomer.routeCount);
    this.t.is(this.listener.routeCount, this.model.filters().size);
  }

  private compareListener(listener: Router<Session>, topic: string): void {
    const bytes = Buffer.from(topic);
    const heard = listener.match(bytes, 0, bytes.length);
    const own = this.model.route(topic);
    this.t.is(heard.shards, own.sessions.length > 0 ? 1 << OWN : 0);
    this.t.is(heard.durableShards, this.model.isDurable(topic) ? 1 << OWN : 0);
    const groups = heard.groups.map((group) => `${group.name} ${group.filter}`).sort();
    const expected = new Set<string>();
    for (const held of this.model.held) {
      if (held.group !== null && own.groups.some((text) => text.startsWith(`${groupKey(held)} `)))
        expected.add(groupKey(held));
    }
    this.t.deepEqual(groups, [...expected].sort());
  }

  /** When everybody has gone, nothing is left. */
  empty(): void {
    for (const who of this.sessions) this.router.removeAll(who);
    for (const peer of PEERS) this.router.interest.dropShardSome(peer, Number.POSITIVE_INFINITY);
    this.router.interest.takeInterestChanges();
    this.t.is(this.router.routeCount, 0);
    this.t.is(this.router.filterCount, 0);
    this.t.is(this.router.subscriptionCount, 0);
  }
}

function mapOf<V>(maps: Map<number, Map<string, V>>, key: number): Map<string, V> {
  const known = maps.get(key) ?? new Map<string, V>();
  maps.set(key, known);
  return known;
}

test('after any history every current route is right, and so is what peers are told', (t) => {
  const property = fc.property(fc.array(action, { maxLength: 80 }), (steps) => {
    const world = new World(t);
    for (const step of steps) {
      world.run(step);
      world.check();
    }
    world.checkListener();
    world.empty();
  });
  fc.assert(property, { numRuns: 400 });
});

test('the model itself: a wanted thing is told apart by filter, group and local', (t) => {
  const model = new RouterModel();
  const who = new Session('s');
  const plain: Wanted = { filter: 'a', group: null, local: false };
  t.true(model.subscribe(who, plain, 0, 0));
  t.true(model.subscribe(who, { ...plain, local: true }, 0, 0));
  t.true(model.subscribe(who, { ...plain, group: 'g' }, 0, 0));
  t.false(model.subscribe(who, plain, 1, 0));
});

/** Who of a share group gets the next message. */
import test from 'ava';
import fc from 'fast-check';
import { ShareGroup, type ShareStrategy } from '../../../workers/routing/share-group.js';

interface Member {
  readonly name: string;
}

const OWN = 1;
const STRATEGIES: readonly ShareStrategy[] = [
  'random',
  'round_robin',
  'sticky',
  'hash_clientid',
  'hash_topic',
];

const makeGroup = (shard = OWN): ShareGroup<Member> => new ShareGroup<Member>('f', 'g', 1, shard, 0, 0);

function makeMembers(group: ShareGroup<Member>, names: string, online = true): Member[] {
  return [...names].map((name) => {
    const member = { name };
    group.add(member, online, 1, 0);
    return member;
  });
}

/** A number that is different for every `i`, spread over 32 bits. */
const hashOf = (i: number): number => Math.imul(i, 0x9e3779b1);

test('an empty group picks nobody', (t) => {
  const group = makeGroup();
  t.true(group.isEmpty);
  for (const strategy of STRATEGIES) {
    t.is(group.pickShard(strategy, 5, 0), -1);
    t.is(group.pickMember(strategy, 5, null), null);
  }
});

test('members know their options and identifier through any coming, going and connecting', (t) => {
  const step = fc.record({
    kind: fc.constantFrom('add', 'remove', 'online', 'update'),
    member: fc.nat(6),
    on: fc.boolean(),
    value: fc.nat(50),
  });
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const group = makeGroup();
    const members = Array.from({ length: 7 }, (_, i) => ({ name: String(i) }));
    const model = new Map<Member, { online: boolean; value: number }>();
    for (const { kind, member: i, on, value } of steps) {
      const member = members[i]!;
      const known = model.get(member);
      if (kind === 'add' && known === undefined) {
        group.add(member, on, value & 0x3f, value);
        model.set(member, { online: on, value });
      } else if (kind === 'remove') {
        group.remove(member);
        model.delete(member);
      } else if (kind === 'online') {
        group.setOnline(member, on);
        if (known !== undefined) known.online = on;
      } else if (kind === 'update' && known !== undefined) {
        group.update(member, value & 0x3f, value);
        known.value = value;
      }
    }
    const online = [...model].filter(([, state]) => state.online).map(([member]) => member);
    t.is(group.memberCount, model.size);
    t.is(group.onlineCount, online.length);
    t.is(group.offlineCount, model.size - online.length);
    for (const member of members) {
      const state = model.get(member);
      t.is(group.has(member), state !== undefined);
      t.is(group.optionsOf(member), state === undefined ? -1 : state.value & 0x3f);
      t.is(group.identifierOf(member), state?.value ?? 0);
    }
    const best = online.length > 0 ? online : [...model.keys()];
    for (const strategy of STRATEGIES) {
      const picked = group.pickMember(strategy, 77, null);
      t.true(best.length === 0 ? picked === null : best.includes(picked!));
      const other = group.pickMember(strategy, 77, picked);
      t.true(model.size < 2 ? other === null : other !== null && other !== picked && model.has(other));
    }
  });
  fc.assert(property, { numRuns: 500 });
});

test('members online anywhere come before members offline here', (t) => {
  const group = makeGroup();
  const [a] = makeMembers(group, 'a', false);
  t.is(group.pickShard('random', 0, 0), OWN);
  t.is(group.pickMember('random', 0, null), a!);
  group.setPeer(4, 99, 1, 0, 0);
  for (const strategy of STRATEGIES) t.is(group.pickShard(strategy, 3, 0), 4);
  t.is(group.idOn(4), 99);
  group.setOnline(a!, true);
  group.setPeer(4, 99, 0, 5, 0);
  for (const strategy of STRATEGIES) t.is(group.pickShard(strategy, 3, 0), OWN);
});

test('a shard that was tried is not picked again, and when all were there is nobody', (t) => {
  const group = makeGroup();
  makeMembers(group, 'a');
  group.setPeer(31, 5, 2, 0, 0);
  group.setPeer(0, 6, 0, 1, 0);
  for (const strategy of STRATEGIES) {
    t.is(group.pickShard(strategy, 9, 1 << OWN), 31);
    t.is(group.pickShard(strategy, 9, (1 << OWN) | (1 << 31)), 0);
    t.is(group.pickShard(strategy, 9, (1 << OWN) | (1 << 31) | 1), -1);
  }
});

test('a peer that announces no members has left the group', (t) => {
  const group = makeGroup();
  group.setPeer(2, 7, 1, 1, 0);
  t.false(group.isEmpty);
  group.setPeer(2, 7, 0, 0, 0);
  t.true(group.isEmpty);
  t.is(group.idOn(2), -1);
});

test('round robin over shards and members gives each member its exact share', (t) => {
  const shares = [3, 1, 4];
  const groups = shares.map((_, shard) => makeGroup(shard));
  const counts = new Map<Member, number>();
  for (const [shard, group] of groups.entries()) {
    for (const member of makeMembers(group, 'abcdefg'.slice(0, shares[shard]))) counts.set(member, 0);
    for (const [other, online] of shares.entries())
      if (other !== shard) group.setPeer(other, 1, online, 0, 0);
  }
  // Publishers on every shard, each with a turn of its own.
  for (let i = 0; i < 8 * 30; i += 1) {
    const shard = groups[i % 3]!.pickShard('round_robin', 0, 0);
    const member = groups[shard]!.pickMember('round_robin', 0, null)!;
    counts.set(member, counts.get(member)! + 1);
  }
  t.deepEqual(new Set(counts.values()), new Set([30]));
});

for (const strategy of ['random', 'hash_clientid', 'hash_topic'] as const) {
  test(`${strategy}: every member is about equally likely, wherever it is`, (t) => {
    const shares = [1, 2, 5];
    const groups = shares.map((_, shard) => makeGroup(shard));
    const counts = new Map<Member, number>();
    for (const [shard, group] of groups.entries()) {
      for (const member of makeMembers(group, 'abcdefg'.slice(0, shares[shard]))) counts.set(member, 0);
      for (const [other, online] of shares.entries())
        if (other !== shard) group.setPeer(other, 1, online, 0, 0);
    }
    for (let i = 0; i < 16_000; i += 1) {
      const shard = groups[i % 3]!.pickShard(strategy, hashOf(i), 0);
      const member = groups[shard]!.pickMember(strategy, hashOf(i), null)!;
      counts.set(member, counts.get(member)! + 1);
    }
    // 2,000 each, with a standard deviation of 42.
    for (const count of counts.values()) t.true(count > 1_700 && count < 2_300, String([...counts.values()]));
  });
}

test('a hash picks the same shard from every shard, and the same member every time', (t) => {
  const here = makeGroup(0);
  const there = makeGroup(2);
  makeMembers(here, 'abc');
  makeMembers(there, 'ab');
  here.setPeer(2, 1, 2, 0, 0);
  there.setPeer(0, 1, 3, 0, 0);
  for (let i = 0; i < 100; i += 1) {
    const hash = hashOf(i);
    t.is(here.pickShard('hash_topic', hash, 0), there.pickShard('hash_topic', hash, 0));
    t.is(here.pickMember('hash_topic', hash, null), here.pickMember('hash_topic', hash, null));
  }
});

test('sticky stays with its member while it is online, and moves when it goes', (t) => {
  const group = makeGroup();
  const members = makeMembers(group, 'abcd');
  const first = group.pickMember('sticky', 0, null)!;
  for (let i = 0; i < 20; i += 1) t.is(group.pickMember('sticky', 0, null), first);
  group.setOnline(first, false);
  const second = group.pickMember('sticky', 0, null)!;
  t.not(second, first);
  group.setOnline(first, true);
  t.is(group.pickMember('sticky', 0, null), second);
  group.remove(second);
  t.true(members.includes(group.pickMember('sticky', 0, null)!));
  t.not(group.pickMember('sticky', 0, null), second);
});

test('sticky stays with its shard while that has members online', (t) => {
  const group = makeGroup();
  for (const shard of [0, 2, 3]) group.setPeer(shard, 1, 1, 0, 0);
  const first = group.pickShard('sticky', 0, 0);
  for (let i = 0; i < 20; i += 1) t.is(group.pickShard('sticky', 0, 0), first);
  group.setPeer(first, 1, 0, 1, 0);
  t.not(group.pickShard('sticky', 0, 0), first);
});

test('the member that has just failed is not picked while there is another, even an offline one', (t) => {
  const group = makeGroup();
  const [a] = makeMembers(group, 'a');
  for (const strategy of STRATEGIES) t.is(group.pickMember(strategy, 1, a!), null);
  const [b] = makeMembers(group, 'b', false);
  for (const strategy of STRATEGIES) t.is(group.pickMember(strategy, 1, a!), b!);
});

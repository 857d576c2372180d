/** The filter tree against `filterMatches` over a plain list. */
import test from 'ava';
import fc from 'fast-check';
import { NARROW_CHILDREN_MAX } from '../../../src/limits.js';
import { filterMatches } from '../../../src/protocol/topic.js';
import { ByteHash } from '../../../workers/routing/byte-hash.js';
import { FilterTree } from '../../../workers/routing/filter-tree.js';
import { IntVector } from '../../../workers/routing/int-arrays.js';

const makeTree = (): FilterTree => new FilterTree(new ByteHash(7), 7);

/** The filters found, sorted; asserts that none is found twice. */
function matches(tree: FilterTree, topic: string): string[] {
  const bytes = Buffer.from(`x${topic}/x`);
  const out = new IntVector();
  tree.match(bytes, 1, bytes.length - 2, out);
  return [...out.items.subarray(0, out.length)].map((filter) => tree.filterOf(filter)).sort();
}

// Levels on both sides of what one cell (16 bytes) and two cells (12 + 24) hold.
const levels = [
  '',
  'a',
  'b',
  '$a',
  'ä€',
  'x'.repeat(16),
  'x'.repeat(17),
  'x'.repeat(36),
  `${'x'.repeat(36)}y`,
  'y'.repeat(99),
];
const level = fc.constantFrom(...levels);
const topicOf = fc.array(level, { minLength: 1, maxLength: 5 }).map((all) => all.join('/'));
const filterOf = fc
  .tuple(
    fc.array(fc.oneof({ weight: 2, arbitrary: level }, { weight: 1, arbitrary: fc.constant('+') }), {
      maxLength: 5,
    }),
    fc.boolean(),
  )
  .map(([all, hash]) => (hash ? [...all, '#'] : all).join('/'))
  .filter((filter) => filter !== '');

test('a tree finds what a list finds, after any adding and removing', (t) => {
  const step = fc.record({ filter: filterOf, remove: fc.boolean() });
  const property = fc.property(
    fc.array(step, { maxLength: 60 }),
    fc.array(topicOf, { maxLength: 10 }),
    (steps, topics) => {
      const tree = makeTree();
      const ids = new Map<string, number>();
      for (const { filter, remove } of steps) {
        t.is(tree.find(filter), ids.get(filter) ?? -1);
        if (!remove) {
          ids.set(filter, tree.intern(filter));
        } else if (ids.has(filter)) {
          tree.remove(ids.get(filter)!);
          ids.delete(filter);
        }
      }
      t.is(tree.size, ids.size);
      for (const [filter, id] of ids) t.is(tree.filterOf(id), filter);
      t.is(new Set(ids.values()).size, ids.size);
      for (const topic of topics) {
        if (topic === '') continue;
        t.deepEqual(
          matches(tree, topic),
          [...ids.keys()].filter((filter) => filterMatches(filter, topic)).sort(),
        );
      }
    },
  );
  fc.assert(property, { numRuns: 1_000 });
});

test('the number of a filter is dense and used again', (t) => {
  const tree = makeTree();
  t.deepEqual(
    ['a', 'b/#', '+'].map((filter) => tree.intern(filter)),
    [0, 1, 2],
  );
  tree.remove(1);
  t.false(tree.has(1));
  t.is(tree.intern('c'), 1);
  t.is(tree.intern('c'), 1);
  t.is(tree.idsEnd, 3);
});

test('[MQTT-4.7.2-1] a leading wildcard does not match a topic that begins with $', (t) => {
  const tree = makeTree();
  for (const filter of ['#', '+/a', '+/#', '$SYS/#', '$SYS/+', '$SYS/a', 'a/+', 'a/#']) tree.intern(filter);
  t.deepEqual(matches(tree, '$SYS/a'), ['$SYS/#', '$SYS/+', '$SYS/a']);
  t.deepEqual(matches(tree, 'a/$x'), ['#', '+/#', 'a/#', 'a/+']);
  t.deepEqual(matches(tree, '$SYS'), ['$SYS/#']);
});

test('empty levels are levels', (t) => {
  const tree = makeTree();
  for (const filter of ['/', '+/+', '/+', '+', '//', '/#', '#']) tree.intern(filter);
  t.deepEqual(matches(tree, '/'), ['#', '+/+', '/', '/#', '/+']);
  t.deepEqual(matches(tree, '//'), ['#', '/#', '//']);
});

test('[MQTT-4.7.3-4] levels are compared byte for byte, without normalisation', (t) => {
  const tree = makeTree();
  tree.intern('\u00e9');
  tree.intern('e\u0301');
  t.deepEqual(matches(tree, '\u00e9'), ['\u00e9']);
  t.deepEqual(matches(tree, 'e\u0301'), ['e\u0301']);
});

test('exactBytesOf tells filters without wildcards from the others', (t) => {
  const tree = makeTree();
  const exact = (filter: string): string | null => tree.exactBytesOf(tree.intern(filter))?.toString() ?? null;
  t.is(Buffer.from(tree.exactBytesOf(tree.intern('a//b/'))!).toString(), 'a//b/');
  for (const filter of ['+', 'a/+', '+/a', '#', 'a/#']) t.is(exact(filter), null, filter);
});

test('a topic and a filter of 65,535 slashes are matched without recursion', (t) => {
  const tree = makeTree();
  const slashes = '/'.repeat(65_535);
  const pluses = '+/'.repeat(32_767);
  for (const filter of [slashes, pluses, '/#', `${'/'.repeat(65_534)}#`]) tree.intern(filter);
  t.deepEqual(matches(tree, slashes), ['/#', `${'/'.repeat(65_534)}#`, slashes].sort());
  t.deepEqual(matches(tree, '/'.repeat(32_767)), ['/#', pluses].sort());
  for (let filter = 0; filter < 4; filter += 1) tree.remove(filter);
  t.deepEqual(matches(tree, slashes), []);
});

test('what is removed is used again: the tables do not grow over rounds of other filters', (t) => {
  const tree = makeTree();
  const round = (n: number): void => {
    const ids: number[] = [];
    for (let i = 0; i < 5_000; i += 1)
      ids.push(tree.intern(`round/${n}/+/device-${n}-${i}-${'z'.repeat(i % 40)}/#`));
    for (const id of ids) tree.remove(id);
  };
  // A segment doubles when chance gives it many levels, so the tables settle slowly; a leak would double them twice.
  for (let n = 0; n < 5; n += 1) round(n);
  const bytes = tree.tableBytes;
  for (let n = 5; n < 15; n += 1) round(n);
  t.true(tree.tableBytes <= bytes * 1.25, `${tree.tableBytes} of ${bytes}`);
  t.is(tree.size, 0);
  t.is(tree.idsEnd, 5_000);
});

test('100,000 filters of the same shape are all found, and those left when the others have gone', (t) => {
  const tree = makeTree();
  const count = 100_000;
  const filterAt = (i: number): string =>
    i % 2 === 0 ? `site/+/device/d${i}/#` : `site/s${i % 10}/device/d${i}`;
  const ids = Array.from({ length: count }, (_, i) => tree.intern(filterAt(i)));
  const found = (i: number): number => matches(tree, `site/s${i % 10}/device/d${i}`).length;
  let wrong = 0;
  for (let i = 0; i < count; i += 1) wrong += found(i) === 1 ? 0 : 1;
  for (let i = 0; i < count; i += 1) if (i % 3 !== 0) tree.remove(ids[i]!);
  for (let i = 0; i < count; i += 1) wrong += found(i) === (i % 3 === 0 ? 1 : 0) ? 0 : 1;
  t.is(wrong, 0);
});

test('a level is found where it is, be that one place or several, and in no other', (t) => {
  const tree = makeTree();
  const found = (): string[] =>
    ['a/x', 'b/x', '+/x'].flatMap((filter) => (tree.find(filter) === -1 ? [] : filter));
  t.deepEqual(matches(tree, 'a/x'), []);
  const a = tree.intern('a/x');
  tree.intern('b/y');
  t.deepEqual(matches(tree, 'a/x'), ['a/x']);
  t.deepEqual(matches(tree, 'b/x'), []);
  t.deepEqual(found(), ['a/x']);
  const b = tree.intern('b/x');
  const plus = tree.intern('+/x');
  t.deepEqual(matches(tree, 'a/x'), ['+/x', 'a/x']);
  t.deepEqual(matches(tree, 'b/x'), ['+/x', 'b/x']);
  tree.remove(a);
  t.deepEqual(matches(tree, 'a/x'), ['+/x']);
  tree.remove(plus);
  t.deepEqual(matches(tree, 'a/x'), []);
  t.deepEqual(matches(tree, 'b/x'), ['b/x']);
  // Level and node are used again, elsewhere.
  tree.remove(b);
  tree.intern('a/x/x');
  t.deepEqual(matches(tree, 'a/x/x'), ['a/x/x']);
  t.deepEqual(found(), []);
});

test('what was told of a filter is found instead of its number, while its node has room for that', (t) => {
  const tree = makeTree();
  const found = (topic: string): number[] => {
    const out = new IntVector();
    tree.match(Buffer.from(topic), 0, topic.length, out);
    return [...out.items.subarray(0, out.length)].sort();
  };
  const tell = (filter: string, answer: number): number => {
    const id = tree.intern(filter);
    tree.setAnswer(id, answer);
    return id;
  };
  const all = tell('#', 1);
  t.deepEqual(found('a'), [-1]);
  const a = tell('a', 2);
  t.deepEqual(found('a'), [-2, all]);
  // Another filter that ends there, then a child: no room.
  const hash = tell('a/#', 3);
  t.deepEqual(found('a'), [all, a, hash]);
  tree.remove(a);
  t.deepEqual(found('a'), [all, hash]);
  tree.setAnswer(hash, 4);
  t.deepEqual(found('a'), [-4, all]);
  const below = tell('a/+/b', 5);
  t.deepEqual(found('a/a/b'), [-4, -5, all]);
  tree.remove(tell('a/b', 6));
  t.deepEqual(found('a/b'), [all, hash]);
  tree.remove(hash);
  t.deepEqual(found('a/b'), [all]);
  tree.setAnswer(below, 0);
  t.deepEqual(found('a/a/b'), [all, below]);
  tree.remove(below);
  t.is(tree.intern('a'), below);
  t.deepEqual(found('a'), [all, below]);
});

test('children are found whether they are few or many, in whatever order they come and go', (t) => {
  // Nodes pass from few children to many and back to none, among those of others.
  const filters = Array.from({ length: 6 * NARROW_CHILDREN_MAX }, (_, i) => `${i % 3}/${i >> 1}`);
  const step = fc.nat({ max: filters.length - 1 });
  const property = fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
    const tree = makeTree();
    const known = new Map<string, number>();
    for (const i of steps) {
      const filter = filters[i]!;
      const id = known.get(filter);
      if (id === undefined) {
        known.set(filter, tree.intern(filter));
      } else {
        tree.remove(id);
        known.delete(filter);
      }
    }
    for (const filter of filters) {
      t.is(tree.find(filter), known.get(filter) ?? -1);
      t.deepEqual(matches(tree, filter), known.has(filter) ? [filter] : []);
    }
    for (const id of known.values()) tree.remove(id);
    t.is(tree.size, 0);
  });
  fc.assert(property, { numRuns: 60 });
});

import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { SORTED_BLOCK_KEYS_MAX } from '../../../src/limits.js';
import { SortedKeys } from '../../../workers/listing/sorted-keys.js';

const key = fc.string({ maxLength: 3, unit: fc.constantFrom('a', 'b', 'é', '\u{1F600}', '\uFFFD') });
const change = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), key, weight: fc.nat(3) }),
  fc.record({ kind: fc.constant('remove' as const), key }),
  fc.record({ kind: fc.constant('weigh' as const), key, weight: fc.nat(3) }),
);

/** The same, as one would write it without caring for time. */
class Model {
  readonly weights = new Map<string, number>();

  get keys(): string[] {
    return [...this.weights.keys()].sort((a, b) => (a < b ? -1 : 1));
  }

  weightBelow(key: string): number {
    return this.keys.filter((each) => each < key).reduce((sum, each) => sum + this.weights.get(each)!, 0);
  }
}

function same(t: ExecutionContext, keys: SortedKeys, model: Model, at: string): void {
  const all = model.keys;
  t.is(keys.size, all.length);
  t.is(
    keys.weight,
    all.reduce((sum, each) => sum + model.weights.get(each)!, 0),
  );
  t.is(keys.has(at), model.weights.has(at));
  t.is(keys.countBelow(at), all.filter((each) => each < at).length);
  t.is(keys.weightBelow(at), model.weightBelow(at));
  t.deepEqual(keys.keysFrom(null, Number.POSITIVE_INFINITY, false), all);
  t.deepEqual(
    keys.keysFrom(at, 3, true),
    all.filter((each) => each >= at && model.weights.get(each)! > 0).slice(0, 3),
  );
}

test('keys are found, counted and weighed as in a sorted array', (t) => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), key, (changes, at) => {
      const keys = new SortedKeys();
      const model = new Model();
      for (const each of changes) {
        const isThere = model.weights.has(each.key);
        if (each.kind === 'add') {
          t.is(keys.add(each.key, each.weight), !isThere);
          if (!isThere) model.weights.set(each.key, each.weight);
        } else if (each.kind === 'remove') {
          t.is(keys.remove(each.key), isThere);
          model.weights.delete(each.key);
        } else {
          keys.addWeight(each.key, each.weight);
          if (isThere) model.weights.set(each.key, model.weights.get(each.key)! + each.weight);
        }
      }
      same(t, keys, model, at);
    }),
  );
});

test('many keys come and go in any order, over many blocks', (t) => {
  const count = 20 * SORTED_BLOCK_KEYS_MAX;
  const keys = new SortedKeys();
  const model = new Model();
  for (let i = 0; i < count; i += 1) {
    const text = ((i * 7919) % count).toString(36);
    keys.add(text, i % 4);
    model.weights.set(text, i % 4);
  }
  same(t, keys, model, '3zz');
  for (let i = 0; i < count; i += 1) {
    if (i % 50 === 0) continue;
    const text = ((i * 31) % count).toString(36);
    t.is(keys.remove(text), model.weights.delete(text));
  }
  same(t, keys, model, '3zz');
  for (const text of model.keys) keys.remove(text);
  t.is(keys.size, 0);
  t.is(keys.weight, 0);
  t.deepEqual(keys.marks(null, null, 5).keys, []);
});

test('marks are evenly spread, begin with the first key of the range, and tell what lies below', (t) => {
  fc.assert(
    fc.property(
      fc.uniqueArray(key, { maxLength: 40 }),
      fc.option(key),
      fc.option(key),
      fc.integer({ min: 1, max: 10 }),
      (texts, from, to, max) => {
        const keys = new SortedKeys();
        const model = new Model();
        for (const [i, text] of texts.entries()) {
          keys.add(text, i % 3);
          model.weights.set(text, i % 3);
        }
        const all = model.keys;
        const range = all.filter((each) => (from === null || each >= from) && (to === null || each < to));
        const marks = keys.marks(from, to, max);
        t.is(marks.isComplete, range.length <= max);
        t.is(marks.keys.length, Math.min(max, range.length));
        t.is(marks.keys[0], range[0]);
        if (marks.isComplete) t.deepEqual(marks.keys, range);
        const places = marks.keys.map((each) => range.indexOf(each));
        for (let i = 1; i < places.length; i += 1) {
          t.true(places[i]! - places[i - 1]! <= Math.ceil(range.length / max));
        }
        t.deepEqual(
          marks.counts,
          marks.keys.map((each) => all.indexOf(each)),
        );
        t.deepEqual(
          marks.weightsBelow,
          marks.keys.map((each) => model.weightBelow(each)),
        );
        t.deepEqual(
          marks.weights,
          marks.keys.map((each) => model.weights.get(each)),
        );
      },
    ),
  );
});

import test from 'ava';
import fc from 'fast-check';
import { ALLOWED, DENIED, DecisionCache, UNKNOWN } from '../../../workers/access/decision-cache.js';

/** A cache asked by text, with a hash that is often the same for different topics. */
function cacheOf(topicsMax: number, ttlMs: number) {
  const cache = new DecisionCache(topicsMax, ttlMs);
  const at = (topic: string): [number, Buffer, number, number] => {
    const bytes = Buffer.from(`-${topic}-`);
    return [bytes.length % 2, bytes, 1, bytes.length - 1];
  };
  return {
    find: (topic: string, nowMs = 0) => cache.find(...at(topic), nowMs),
    remember: (topic: string, isAllowed: boolean, nowMs = 0) =>
      cache.remember(...at(topic), nowMs, isAllowed),
  };
}

test('a decision is remembered by topic, and the later one counts', (t) => {
  const cache = cacheOf(4, 0);
  cache.remember('a/b', true);
  cache.remember('a/c', false);
  t.is(cache.find('a/b'), ALLOWED);
  t.is(cache.find('a/c'), DENIED);
  t.is(cache.find('a/d'), UNKNOWN);
  cache.remember('a/b', false);
  t.is(cache.find('a/b'), DENIED);
});

test('a decision is forgotten when its time is up, and 0 is no time at all', (t) => {
  const cache = cacheOf(4, 100);
  cache.remember('a', true, 1_000);
  t.is(cache.find('a', 1_099), ALLOWED);
  t.is(cache.find('a', 1_100), UNKNOWN);
  cache.remember('a', true, 1_100);
  t.is(cache.find('a', 1_150), ALLOWED);
  const forEver = cacheOf(4, 0);
  forEver.remember('a', true, 0);
  t.is(forEver.find('a', 1e12), ALLOWED);
});

test('long topics are decided anew each time', (t) => {
  const cache = cacheOf(4, 0);
  cache.remember('x'.repeat(1_024), true);
  cache.remember('x'.repeat(1_025), true);
  t.is(cache.find('x'.repeat(1_024)), ALLOWED);
  t.is(cache.find('x'.repeat(1_025)), UNKNOWN);
});

test('a full cache holds the topics used last, and nothing that was not decided', (t) => {
  const steps = fc.array(fc.record({ topic: fc.constantFrom(...'abcdefgh'), isAsked: fc.boolean() }));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), steps, (topicsMax, some) => {
      const cache = cacheOf(topicsMax, 0);
      // The least recently used first.
      const model = new Map<string, boolean>();
      return some.every(({ topic, isAsked }, at) => {
        const known = model.get(topic);
        model.delete(topic);
        if (isAsked) {
          if (known !== undefined) model.set(topic, known);
          return cache.find(topic) === (known === undefined ? UNKNOWN : known ? ALLOWED : DENIED);
        }
        const isAllowed = at % 3 === 0;
        cache.remember(topic, isAllowed);
        model.set(topic, isAllowed);
        if (model.size > topicsMax) model.delete([...model.keys()][0]!);
        return true;
      });
    }),
  );
  t.pass();
});

/** The set of packet ids against a Map. */
import test from 'ava';
import fc from 'fast-check';
import { PacketIdSet } from '../../../workers/session/packet-id-set.js';

// Few ids, and such as share their low bits, so that chains form, wrap around and are closed again.
const id = fc.oneof(
  fc.integer({ min: 1, max: 20 }),
  fc.integer({ min: 1, max: 40 }).map((n) => n * 64 - 1),
);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('add' as const), id }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('delete' as const), id }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('sweep' as const), ageMs: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('trim' as const) }) },
);

test('the set of packet ids does what a Map from id to time does', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
      const set = new PacketIdSet();
      const model = new Map<number, number>();
      // Close to where 32 bits of milliseconds wrap.
      let nowMs = 0xffffffff - 100;
      for (const each of steps) {
        nowMs += 1;
        if (each.kind === 'add') {
          if (set.add(each.id, nowMs) === model.has(each.id)) throw new Error('add');
          if (!model.has(each.id)) model.set(each.id, nowMs);
        } else if (each.kind === 'delete') {
          if (set.delete(each.id) !== model.delete(each.id)) throw new Error('delete');
        } else if (each.kind === 'sweep') {
          set.sweep(nowMs, each.ageMs, (old) => {
            if (nowMs - model.get(old)! < each.ageMs) throw new Error('swept too early');
            model.delete(old);
          });
          if ([...model.values()].some((sinceMs) => nowMs - sinceMs >= each.ageMs))
            throw new Error('not swept');
        } else {
          set.trim();
        }
        if (set.size !== model.size) throw new Error('size');
        const ids = [...set].sort((a, b) => a - b);
        if (ids.join() !== [...model.keys()].sort((a, b) => a - b).join()) throw new Error('contents');
        for (const known of model.keys()) if (!set.has(known)) throw new Error('has');
      }
    }),
    { numRuns: 500 },
  );
  t.pass();
});

test('all 65,535 packet ids fit', (t) => {
  const set = new PacketIdSet();
  for (let id = 1; id <= 65_535; id += 1) set.add(id, 0);
  t.is(set.size, 65_535);
  t.false(set.add(1, 0));
  for (let id = 65_535; id >= 1; id -= 1) set.delete(id);
  t.is(set.size, 0);
  t.false(set.has(1));
});

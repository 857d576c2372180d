import test from 'ava';
import fc from 'fast-check';
import { leastLoaded } from '../../../src/supervisor/least-loaded.js';

const shard = (connectionCount: number, takesConnections = true) => ({ connectionCount, takesConnections });

test('of the shards that take connections the one with the fewest is chosen', (t) => {
  t.is(leastLoaded([shard(3), shard(2), shard(4)], 0), 1);
  t.is(leastLoaded([shard(3), shard(2), shard(4)], 2), 1);
  t.is(leastLoaded([shard(3), shard(0, false), shard(1, false)], 7), 0);
  t.is(leastLoaded([shard(9)], 5), 0);
});

test('shards with equally few take turns', (t) => {
  const shards = [shard(1), shard(1), shard(5), shard(1)];
  const chosen = [0, 1, 2, 3, 4, 5, 6, 7].map((turn) => leastLoaded(shards, turn));
  t.deepEqual(new Set(chosen), new Set([0, 1, 3]));
  t.deepEqual(chosen.slice(0, 4), chosen.slice(4));
});

test('where none takes any, connections wait where the fewest are', (t) => {
  t.is(leastLoaded([shard(3, false), shard(2, false)], 0), 1);
});

test('whoever is chosen, no other that takes connections has fewer', (t) => {
  const shards = fc.array(fc.tuple(fc.nat(5), fc.boolean()), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(shards, fc.nat(), (given, turn) => {
      const all = given.map(([count, takes]) => shard(count, takes));
      const best = all[leastLoaded(all, turn)]!;
      const ready = all.filter(({ takesConnections }) => takesConnections);
      return ready.length === 0
        ? all.every(({ connectionCount }) => connectionCount >= best.connectionCount)
        : best.takesConnections &&
            ready.every(({ connectionCount }) => connectionCount >= best.connectionCount);
    }),
  );
  t.pass();
});

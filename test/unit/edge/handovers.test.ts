import { setImmediate as nextTurn } from 'node:timers/promises';
import test from 'ava';
import { HANDOVERS_PER_TURN } from '../../../src/limits.js';
import { TestShard } from '../../helpers/test-shard.js';

test('connections that come all at once are taken over in order, some in each turn', async (t) => {
  const shard = new TestShard();
  t.teardown(() => shard.stop());
  await nextTurn();
  const { connections } = shard.parts;
  const clients = Array.from({ length: 3 * HANDOVERS_PER_TURN + 1 }, (_, n) => shard.open(`client${n}`));
  for (let turns = 1; connections.size < clients.length; turns++) {
    t.true(connections.size >= HANDOVERS_PER_TURN && connections.size <= turns * HANDOVERS_PER_TURN);
    await nextTurn();
  }
  t.true([...connections].every((connection, n) => clients[n]!.handler === connection));
});

test('a shard that stops takes over nothing more', async (t) => {
  const shard = new TestShard();
  await nextTurn();
  const clients = Array.from({ length: 2 * HANDOVERS_PER_TURN }, (_, n) => shard.open(`client${n}`));
  await shard.stop();
  t.is(clients.filter(({ isEnded }) => isEnded).length, HANDOVERS_PER_TURN);
});

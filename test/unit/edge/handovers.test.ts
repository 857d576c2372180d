import test from 'ava';
import { HANDOVERS_PER_TURN } from '../../../src/limits.js';
import { settle, TestShard } from '../../helpers/test-shard.js';

test('connections that come all at once are taken over turn by turn, in order', async (t) => {
  const shard = new TestShard();
  await settle();
  const clients = Array.from({ length: 3 * HANDOVERS_PER_TURN + 1 }, (_, n) => shard.open(`client${n}`));
  t.is(shard.parts.connections.size, HANDOVERS_PER_TURN);
  await settle(2);
  const connected = clients.filter(({ packets }) => packets[0]?.type === 'connack').length;
  t.true(connected >= HANDOVERS_PER_TURN && connected < clients.length, `${connected}`);
  t.true(clients.slice(0, connected).every(({ packets }) => packets.length === 1));
  await settle();
  t.is(shard.parts.sessions.onlineCount, clients.length);
  await shard.stop();
});

test('a shard that stops takes over nothing more', async (t) => {
  const shard = new TestShard();
  await settle();
  const clients = Array.from({ length: 2 * HANDOVERS_PER_TURN }, (_, n) => shard.open(`client${n}`));
  await shard.stop();
  t.is(clients.filter(({ isEnded }) => isEnded).length, HANDOVERS_PER_TURN);
});

import test from 'ava';
import { BrokerError } from '../../../src/base/errors.js';
import { ROUTES_KEPT_MS } from '../../../src/limits.js';
import { RouteIndex } from '../../../workers/listing/route-index.js';
import { unsubscribe } from '../../helpers/packets.js';
import { settle, TestShard } from '../../helpers/test-shard.js';

test('too many routes are refused for a minute, however often somebody asks, and then counted again', async (t) => {
  const shard = new TestShard();
  t.teardown(() => shard.stop());
  const client = shard.open('c');
  await settle();
  client.subscribe(1, ['a', 0], ['b', 0], ['c', 0]);
  await settle();
  const index = new RouteIndex(shard.parts, 2);
  const refused = (): Promise<unknown> => t.throwsAsync(index.rows(null, 10), { instanceOf: BrokerError });
  await refused();
  client.send(unsubscribe(5, 2, ['c']));
  await settle();
  await shard.advance(ROUTES_KEPT_MS / 2);
  await refused();
  await shard.advance(ROUTES_KEPT_MS / 2 + 1_000);
  const { rows, total } = await index.rows(null, 10);
  t.deepEqual(
    rows.map(({ filter }) => filter),
    ['a', 'b'],
  );
  t.is(total, 2);
});

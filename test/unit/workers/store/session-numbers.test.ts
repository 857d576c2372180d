import test from 'ava';
import { SESSION_NUMBER_MAX } from '../../../../src/storage/keys.js';
import { nextSessionOf, nextSessionValue } from '../../../../src/storage/meta-rows.js';
import { PERSISTENT } from '../../../helpers/packets.js';
import { settle } from '../../../helpers/test-shard.js';
import { StoredShard } from './sessions-bench.js';

test('numbers of sessions do not run out: those beyond 32 bits are kept in every row', async (t) => {
  let stored = await StoredShard.begin(t);
  stored.shard.parts.keeper.open(2 ** 40 + 0xffff_ffff);
  stored.shard.open('a', PERSISTENT).subscribe(1, ['t', 2], [`long/${'x'.repeat(1_000)}`, 1]);
  const last = stored.shard.open('b', PERSISTENT);
  last.subscribe(1, ['t', 1]);
  await settle();
  const numbers = ['a', 'b'].map((clientId) => stored.session(clientId)!.number);
  t.deepEqual(numbers, [2 ** 40 + 2 ** 32 - 1, 2 ** 40 + 2 ** 32]);
  for (const clientId of ['a', 'b']) stored.session(clientId)!.connection!.abort('closed');
  stored.shard.open('publisher', PERSISTENT).publish({ topic: 't', payload: 'kept', qos: 2, id: 9 });
  await settle();
  stored = await stored.restart();
  t.deepEqual(
    ['a', 'b'].map((clientId) => stored.session(clientId)!.number),
    numbers,
  );
  t.is(stored.facts()['a']!.subscriptions.length, 2);
  t.deepEqual(
    ['a', 'b'].map((clientId) => stored.session(clientId)!.queue!.size),
    [1, 1],
  );
  t.true(stored.session('publisher')!.awaitingRel!.has(9));
  t.is(nextSessionOf(nextSessionValue(SESSION_NUMBER_MAX)), SESSION_NUMBER_MAX);
});

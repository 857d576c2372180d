import test from 'ava';
import type { ShardRequestType } from '../../../src/actor/shard-protocol.js';
import { SystemClock } from '../../../src/base/clock.js';
import { BrokerError } from '../../../src/base/errors.js';
import { ShardListings } from '../../../src/listing/listings.js';
import { asShardId, type ShardId } from '../../../src/protocol/ids.js';

function listings(ready: readonly number[]) {
  const asked: string[] = [];
  const shards = {
    count: 3,
    ownerOf: () => asShardId(0),
    isReady: (shard: ShardId) => ready.includes(shard),
    request: (shard: ShardId, type: ShardRequestType) => {
      asked.push(`${type} ${shard}`);
      return ready.includes(shard)
        ? Promise.resolve([] as never)
        : Promise.reject(new BrokerError('SHARD_UNAVAILABLE', 'not ready'));
    },
  };
  return { asked, listings: new ShardListings(shards, new SystemClock()) };
}

test('one route is asked of any shard that takes clients', async (t) => {
  const { asked, listings: some } = listings([2]);
  t.deepEqual(await some.route('f'), []);
  t.deepEqual(asked, ['list.route 2']);
  await t.throwsAsync(listings([]).listings.route('f'), { code: 'SHARD_UNAVAILABLE' });
});

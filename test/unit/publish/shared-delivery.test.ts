/** What becomes of a share group's messages when a member leaves. */
import test from 'ava';
import { settle, TestShard } from '../../helpers/test-shard.js';

const STAYS = { clean: false, properties: { sessionExpiry: 600 } } as const;

test('a member that leaves last keeps what it has not acknowledged, as it was: [MQTT-4.4.0-1]', async (t) => {
  const shard = new TestShard();
  t.teardown(() => shard.stop());
  const member = shard.open('member', STAYS);
  member.subscribe(1, ['$share/g/t', 1 | 8]);
  const publisher = shard.open('publisher');
  await settle();
  // Granted is QoS 1, whatever is published.
  for (const id of [1, 2, 3])
    publisher.publish({ topic: 't', payload: `m${id}`, qos: 2, id, retain: id === 1 });
  await settle();
  const sent = member.take().filter((each) => each.type === 'publish');
  t.deepEqual(
    sent.map((each) => each.payload),
    ['m1', 'm2', 'm3'],
  );
  member.drop();
  publisher.publish({ topic: 't', payload: 'm4', qos: 2, id: 4 });
  await settle();

  const again = shard.open('member', STAYS);
  await settle();
  const resent = again.take().filter((each) => each.type === 'publish');
  t.deepEqual(
    resent.map(({ payload, qos, id, dup, retain }) => [payload, qos, id, dup, retain]),
    [
      ['m1', 1, sent[0]!.id, true, true],
      ['m2', 1, sent[1]!.id, true, false],
      ['m3', 1, sent[2]!.id, true, false],
      ['m4', 1, resent[3]!.id, false, false],
    ],
  );
});

test('a member that leaves gives what it has not acknowledged to another that is online', async (t) => {
  const shard = new TestShard({ config: { mqtt: { shared_subscription_strategy: 'sticky' } } });
  t.teardown(() => shard.stop());
  const first = shard.open('first', STAYS);
  first.subscribe(1, ['$share/g/t', 1]);
  const publisher = shard.open('publisher');
  publisher.publish({ topic: 't', payload: 'm1', qos: 1, id: 1 });
  publisher.publish({ topic: 't', payload: 'm2', qos: 1, id: 2 });
  const second = shard.open('second');
  second.subscribe(1, ['$share/g/t', 1]);
  await settle();
  t.deepEqual(first.takePayloads(), ['m1', 'm2']);
  first.drop();
  await settle();
  t.deepEqual(second.takePayloads(), ['m1', 'm2']);
  t.is(shard.session('first')?.inflight?.size, 0);
});

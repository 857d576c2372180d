/** Retained messages on their way to sessions: what comes between, and what is left when somebody goes. */
import test from 'ava';
import { unsubscribe } from '../../helpers/packets.js';
import { meshOf, settle, TestShard } from '../../helpers/test-shard.js';
import { packet } from '../../helpers/wire.js';

const topicOf = (shard: TestShard, owner: number) => {
  for (let i = 0; ; i++) if (shard.parts.retained.ownerOfText(`t/${i}`) === owner) return `t/${i}`;
};

test('what was delivered live before the SUBACK is not replayed after it', async (t) => {
  const [here, there] = await meshOf(2);
  t.teardown(() => Promise.all([here!.stop(), there!.stop()]));
  const topic = topicOf(here!, 1);
  const publisher = here!.open('p');
  publisher.publish({ topic, payload: 'old', retain: true });
  await settle();
  const client = here!.open('c');
  await settle();
  client.take();
  client.subscribe(1, ['t/+', 0]);
  t.deepEqual(client.take(), []);
  publisher.publish({ topic, payload: 'new', retain: true });
  await settle();
  t.deepEqual(client.takePayloads(), ['new']);
  t.is(here!.session('c')?.retainedSeen, null);
});

test('a live message that a slow reader did not get holds no retained one back', async (t) => {
  const shard = new TestShard({ config: { mqtt: { client: { max_write_buffer: '1KB' } } } });
  t.teardown(() => shard.stop());
  const publisher = shard.open('p');
  publisher.publish({ topic: 't/1', payload: 'old', retain: true });
  const client = shard.open('c');
  client.subscribe(1, ['x', 0]);
  await settle();
  client.isSlow = true;
  client.subscribe(2, ['t/#', 0]);
  publisher.publish({ topic: 'x', payload: 'x'.repeat(2_000) });
  await settle();
  t.true(shard.session('c')?.connection?.isSlow);
  publisher.publish({ topic: 't/1', payload: 'new', retain: true });
  await settle();
  client.take();
  client.drain();
  await settle();
  t.is(client.takePayloads().length, 1);
});

test('nothing is replayed for a subscription that has ended, and nothing is left when the client has gone', async (t) => {
  const [here, there] = await meshOf(2);
  t.teardown(() => Promise.all([here!.stop(), there!.stop()]));
  const publisher = here!.open('p');
  for (let i = 1; i <= 60; i++)
    publisher.publish({ topic: `t/${i}`, payload: 'm'.repeat(3_000), qos: 1, id: i, retain: true });
  await settle();
  const walks = () => here!.parts.retained.walkCount + there!.parts.retained.walkCount;
  const client = here!.open('c', { properties: { receiveMaximum: 1 } });
  client.subscribe(1, ['t/#', 1], ['t/+', 1], ['$local/t/#', 1]);
  await settle(40);
  t.deepEqual([here!.parts.replays.count, walks(), client.takePayloads().length], [1, 1, 1]);
  client.send(unsubscribe(5, 2, ['t/#']));
  await settle(40);
  t.deepEqual([here!.parts.replays.count, walks()], [1, 1]);
  client.send(unsubscribe(5, 3, ['t/+', '$local/t/#']));
  await settle(40);
  t.deepEqual([here!.parts.replays.count, walks(), here!.session('c')?.replays], [0, 0, null]);
  client.subscribe(4, ['t/#', 1]);
  await settle(40);
  client.drop();
  await settle();
  t.deepEqual([here!.parts.replays.count, walks(), here!.session('c')], [0, 0, null]);
});

test('replays that wait have a bound, behind which SUBSCRIBE is refused', async (t) => {
  const shard = new TestShard();
  t.teardown(() => shard.stop());
  const publisher = shard.open('p');
  for (const id of [1, 2]) publisher.publish({ topic: 'a', payload: 'm', qos: 1, id, retain: true });
  const client = shard.open('c', { properties: { receiveMaximum: 1 } });
  await settle();
  const filters = Buffer.alloc(800_000).fill(Buffer.of(0, 1, 0x61, 1));
  client.send(packet(0x82, [0, 1, 0], filters));
  await settle(2_000);
  client.send(packet(0x82, [0, 2, 0], filters));
  await settle(2_000);
  client.subscribe(3, ['a', 1]);
  await settle();
  t.deepEqual(client.take().at(-1)?.codes, [0x97]);
});

test('replays go on when an owner is lost, also where many wait', async (t) => {
  const [here, there] = await meshOf(2);
  t.teardown(() => Promise.all([here!.stop(), there!.stop()]));
  const publisher = here!.open('p');
  for (let i = 0; i < 20; i++) publisher.publish({ topic: `t/${i}`, payload: `${i}`, retain: true });
  await settle();
  const kept = here!.parts.retained.count;
  const client = here!.open('c');
  there!.shard.run = () => false;
  await settle();
  client.take();
  client.subscribe(1, ['t/#', 0], ...Array.from({ length: 500 }, (_, i) => [`t/${i}`, 0] as const));
  here!.shard.onEvent({ kind: 'event', type: 'peer.lost', shard: there!.parts.shard });
  await settle(600);
  t.is(client.takePayloads().length, kept * 2);
  t.is(here!.parts.replays.count, 0);
});

/** Retained messages on their way to sessions: what comes between, and what is left when somebody goes. */
import test from 'ava';
import { UNLIMITED } from '../../../workers/retained/retained-store.js';
import { ack, unsubscribe } from '../../helpers/packets.js';
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

test('switched off, a replay ends with what is on its way, and what is kept comes again when it is on', async (t) => {
  const [here, there] = await meshOf(2);
  const both = [here!, there!];
  t.teardown(() => Promise.all(both.map((shard) => shard.stop())));
  const publisher = here!.open('p');
  for (let i = 1; i <= 200; i++)
    publisher.publish({ topic: `t/${i}`, payload: 'm'.repeat(3_000), qos: 1, id: i, retain: true });
  await settle(40);
  const count = () => here!.parts.retained.count + there!.parts.retained.count;
  const walks = () => here!.parts.retained.walkCount + there!.parts.retained.walkCount;
  t.is(count(), 200);
  const client = here!.open('c', { properties: { receiveMaximum: 1 } });
  client.subscribe(1, ['t/#', 1], ['t/+', 1]);
  await settle(40);
  for (const { parts } of both) parts.retained.limit(null);
  let found = 0;
  for (let packets = client.take(); packets.length > 0; packets = client.take()) {
    const messages = packets.filter(({ type }) => type === 'publish');
    found += messages.length;
    for (const { id } of messages) client.send(ack('puback', id));
    await settle();
  }
  t.true(found > 0 && found < 50, `${found} have come`);
  t.deepEqual([here!.parts.replays.count, walks(), count()], [0, 0, 200]);
  publisher.publish({ topic: 't/1', payload: 'new', retain: true });
  publisher.publish({ topic: 't/2', payload: '', retain: true });
  await settle(40);
  t.deepEqual(client.takePayloads(), ['new', '']);
  for (const { parts } of both) parts.retained.limit(UNLIMITED);
  const other = here!.open('d');
  other.subscribe(1, ['t/#', 0]);
  await settle(100);
  const payloads = other.takePayloads();
  t.is(payloads.length, 200);
  t.true(payloads.every((payload) => payload.length === 3_000));
});

test('what is refused is delivered and logged, with a line in five seconds that counts', async (t) => {
  const shard = new TestShard();
  t.teardown(() => shard.stop());
  shard.parts.retained.limit({ messagesMax: 1, payloadBytesMax: 3, bytesMax: 0, expiryMs: 0 });
  const client = shard.open('c');
  client.subscribe(1, ['#', 0]);
  const lines = () =>
    shard.events.flatMap((event) => (event.type === 'log' ? [[event.message, event.fields]] : []));
  for (const [topic, payload] of [
    ['a', '1'],
    ['a', '1234'],
    ['b', '1'],
    ['c', '1'],
  ] as const)
    client.publish({ topic, payload, retain: true });
  await settle();
  t.deepEqual(client.takePayloads(), ['1', '1234', '1', '1']);
  const first = ['a message is too large to be retained', { topic: 'a', payloadBytes: 4, notRetained: 1 }];
  t.deepEqual(lines(), [first]);
  await shard.advance(5_000);
  client.publish({ topic: 'd', payload: '1', retain: true });
  await settle();
  t.deepEqual(lines(), [
    first,
    ['there are too many retained messages', { topic: 'd', payloadBytes: 1, notRetained: 2 }],
  ]);
});

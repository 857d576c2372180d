/** SUBSCRIBE with answers that come late, in the wrong order or not at all. */
import test from 'ava';
import { meshOf, settle, TestShard } from '../../helpers/test-shard.js';

test('a subscription asked for again outlives the first SUBSCRIBE, whose time was up', async (t) => {
  const [here, there] = await meshOf(2, { config: { shard: { subscribe_timeout: '1s' } } });
  t.teardown(() => Promise.all([here!.stop(), there!.stop()]));
  const client = here!.open('c');
  await settle();
  client.take();
  // The other shard hears and does not answer.
  const run = there!.shard.run.bind(there!.shard);
  there!.shard.run = () => false;
  client.subscribe(1, ['f', 1], ['only/first', 1]);
  await here!.advance(600);
  client.subscribe(2, ['f', 1]);
  await here!.advance(600);
  t.deepEqual(
    client.take().map(({ id, codes }) => [id, codes]),
    [[1, [0x83, 0x83]]],
  );
  there!.shard.run = run;
  there!.parts.turn.queue(there!.shard);
  await settle();
  t.deepEqual(
    client.take().map(({ id, codes }) => [id, codes]),
    [[2, [1]]],
  );
  t.is(here!.parts.router.subscriptionCount, 1);
  there!.open('p').publish({ topic: 'f', payload: 'm' });
  await settle();
  t.deepEqual(client.takePayloads(), ['m']);
});

test('a second SUBSCRIBE that comes to nothing as well takes the subscription with it', async (t) => {
  const [here, there] = await meshOf(2, { config: { shard: { subscribe_timeout: '1s' } } });
  t.teardown(() => Promise.all([here!.stop(), there!.stop()]));
  const client = here!.open('c');
  await settle();
  there!.shard.run = () => false;
  client.subscribe(1, ['f', 1]);
  client.subscribe(2, ['f', 1], ['f', 0]);
  await here!.advance(1_100);
  t.deepEqual(
    client.take().flatMap(({ codes }) => codes),
    [0x83, 0x83, 0x83],
  );
  t.is(here!.parts.router.subscriptionCount, 0);
});

test('many refused filters are one line in the log', async (t) => {
  const shard = new TestShard();
  t.teardown(() => shard.stop());
  const client = shard.open('c');
  client.subscribe(1, ['a/#/b', 0], ['fine', 0], ['+a', 0]);
  await settle();
  const lines = shard.events.filter((event) => event.type === 'log');
  t.deepEqual(
    lines.map((line) => line.fields),
    [{ clientId: 'c', refused: 2, first: 'a/#/b' }],
  );
});

test('a filter that is too long behind its mountpoint is refused, as a topic is', async (t) => {
  const shard = new TestShard({ config: { 'listener.tcp.external.mountpoint': 'a rather long one/' } });
  t.teardown(() => shard.stop());
  const client = shard.open('c');
  await settle();
  client.take();
  const longest = 65_535 - 'a rather long one/'.length;
  client.subscribe(1, ['x'.repeat(longest), 1], [`$share/g/${'y'.repeat(longest)}`, 1]);
  client.subscribe(2, ['x'.repeat(longest + 1), 1], [`$share/g/${'y'.repeat(longest + 1)}`, 1]);
  await settle();
  t.deepEqual(
    client.take().map(({ codes }) => codes),
    [
      [1, 1],
      [0x8f, 0x8f],
    ],
  );
});

/** What waits while nothing can be kept, and what does not. */
import test from 'ava';
import { ack } from '../../helpers/packets.js';
import { settle, type TestClient } from '../../helpers/test-shard.js';
import { KeptShard } from '../publish/kept-bench.js';

/** A shard whose commits fail, with an absent subscriber whose session is kept and one whose session is clean. */
async function failing(): Promise<{ bench: KeptShard; clean: TestClient }> {
  const bench = new KeptShard();
  bench.store.mode = 'pass';
  const kept = bench.open('kept');
  const clean = bench.shard.open('clean');
  kept.subscribe(1, ['kept/#', 2]);
  clean.subscribe(1, ['#', 2]);
  await settle();
  kept.drop();
  bench.store.mode = 'fail';
  const first = bench.shard.open('first');
  first.publish({ topic: 'kept/first', payload: 'first', qos: 1, id: 1 });
  await settle();
  clean.take();
  return { bench, clean };
}

for (const version of [3, 4, 5] as const) {
  test(`MQTT level ${version}: while commits fail, what needs one is not handed on; all else is`, async (t) => {
    const { bench, clean } = await failing();
    t.teardown(() => bench.stop());
    const publisher = bench.shard.open('publisher', { version, keepAlive: 2 });
    await settle();
    publisher.take();
    publisher.publish({ topic: 'kept/0', payload: 'zero' });
    publisher.publish({ topic: 'plain', payload: 'one', qos: 1, id: 1 });
    publisher.publish({ topic: 'plain', payload: 'two', qos: 2, id: 2 });
    await settle();
    t.deepEqual(clean.takePayloads(), ['zero', 'one', 'two']);
    t.is(publisher.take().length, 2);
    publisher.publish({ topic: 'kept/1', payload: 'waits', qos: 1, id: 3 });
    publisher.publish({ topic: 'plain', payload: 'behind it' });
    await settle();
    t.true(publisher.isPaused);
    // Longer than its keep alive, which says nothing while it is not read.
    for (let i = 0; i < 9; i++) await bench.shard.advance(1_000);
    t.deepEqual([clean.takePayloads(), publisher.take(), publisher.isEnded], [[], [], false]);
    bench.store.mode = 'pass';
    await bench.shard.advance(600);
    await settle();
    await bench.shard.advance(100);
    t.deepEqual(clean.takePayloads(), ['waits', 'behind it']);
    t.deepEqual(
      publisher.take().map(({ type, id }) => [type, id]),
      [['puback', 3]],
    );
  });
}

test('MQTT 5: what has waited 10 s is refused with 0x97, as are those behind it, at once', async (t) => {
  const { bench, clean } = await failing();
  t.teardown(() => bench.stop());
  const publisher = bench.shard.open('publisher');
  await settle();
  publisher.take();
  publisher.publish({ topic: 'kept/1', payload: '1', qos: 1, id: 1 });
  publisher.publish({ topic: 'kept/2', payload: '2', qos: 2, id: 2 });
  publisher.publish({ topic: 'plain', payload: 'passes', qos: 1, id: 3 });
  await settle();
  await bench.shard.advance(10_100);
  t.deepEqual(
    publisher.take().map(({ type, id, code }) => [type, id, code]),
    [
      ['puback', 1, 0x97],
      ['pubrec', 2, 0x97],
      ['puback', 3, 0],
    ],
  );
  t.deepEqual(clean.takePayloads(), ['passes']);
  t.is(bench.shard.parts.connections.size, 3);
});

for (const version of [3, 4] as const) {
  test(`MQTT level ${version}: who has waited 10 s is closed, and nothing was handed on`, async (t) => {
    const { bench, clean } = await failing();
    t.teardown(() => bench.stop());
    const publisher = bench.shard.open('publisher', { version });
    await settle();
    publisher.publish({ topic: 'kept/1', payload: '1', qos: 2, id: 1 });
    await settle();
    await bench.shard.advance(10_100);
    t.true(publisher.isEnded);
    t.true(bench.shard.closedReasons.includes('store_failed'));
    t.deepEqual(clean.takePayloads(), []);
  });

  test(`MQTT level ${version}: the identifier of a message that was handed on stays when its connection ends`, async (t) => {
    const bench = new KeptShard();
    t.teardown(() => bench.stop());
    const publisher = bench.open('publisher', { version });
    const clean = bench.shard.open('clean');
    clean.subscribe(1, ['#', 2]);
    await settle();
    publisher.publish({ topic: 't', payload: 'once', qos: 2, id: 9 });
    await settle();
    await bench.shard.advance(10_100);
    t.true(publisher.isEnded);
    bench.store.mode = 'pass';
    bench.store.finish();
    const again = bench.open('publisher', { version });
    await settle();
    again.take();
    again.publish({ topic: 't', payload: 'once', qos: 2, id: 9, dup: true });
    await settle();
    t.deepEqual(
      again.take().map(({ type, id }) => [type, id]),
      [['pubrec', 9]],
    );
    t.deepEqual(clean.takePayloads(), ['once']);
  });
}

test('a SUBSCRIBE of a kept session waits as well, and is refused after 10 s; that of a clean one passes', async (t) => {
  const { bench } = await failing();
  t.teardown(() => bench.stop());
  const kept = bench.open('another');
  const clean = bench.shard.open('another clean');
  await settle();
  kept.take();
  clean.take();
  for (const client of [kept, clean]) client.subscribe(2, ['a', 1], ['b', 2]);
  await settle();
  t.deepEqual(kept.take(), []);
  t.deepEqual(
    clean.take().map(({ codes }) => codes),
    [[1, 2]],
  );
  await bench.shard.advance(10_100);
  t.deepEqual(
    kept.take().map(({ codes }) => codes),
    [[0x97, 0x97]],
  );
});

test('a client that makes too many acknowledgements wait for a commit is not read until it is over', async (t) => {
  const bench = new KeptShard();
  t.teardown(() => bench.stop());
  const client = bench.open('kept');
  await settle();
  client.take();
  const flood = Array.from({ length: 1_000 }, (_, i) => ack('pubrel', i + 1));
  for (let i = 0; i < 20; i++) {
    client.send(...flood);
    await settle(3);
  }
  t.true(client.isPaused);
  t.is(client.take().length, 0);
  bench.store.mode = 'pass';
  bench.store.finish();
  await settle(100);
  t.false(client.isPaused);
  t.is(client.take().filter(({ type }) => type === 'pubcomp').length, 20_000);
});

test('while a commit takes longer than 2 s, what would need the next one waits', async (t) => {
  const bench = new KeptShard();
  t.teardown(() => bench.stop());
  bench.store.mode = 'pass';
  bench.open('kept').subscribe(1, ['kept', 1]);
  const clean = bench.shard.open('clean');
  clean.subscribe(1, ['#', 1]);
  const publisher = bench.shard.open('publisher', { version: 4 });
  await settle();
  bench.store.mode = 'hold';
  publisher.publish({ topic: 'kept', payload: 'first', qos: 1, id: 1 });
  await bench.shard.advance(1_000);
  publisher.publish({ topic: 'kept', payload: 'second', qos: 1, id: 2 });
  await settle();
  t.deepEqual(clean.takePayloads(), ['first', 'second']);
  await bench.shard.advance(1_100);
  publisher.publish({ topic: 'kept', payload: 'third', qos: 1, id: 3 });
  await settle();
  t.deepEqual(clean.takePayloads(), []);
  bench.store.mode = 'pass';
  bench.store.finish();
  await bench.shard.advance(100);
  t.deepEqual(clean.takePayloads(), ['third']);
});

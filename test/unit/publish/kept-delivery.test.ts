/** What waits for the commit, and what does not, for sessions that are kept. */
import test from 'ava';
import { SHARE_LEFT_SLICE } from '../../../src/limits.js';
import { asClientId } from '../../../src/protocol/ids.js';
import { ack, unsubscribe } from '../../helpers/packets.js';
import { settle, type TestClient } from '../../helpers/test-shard.js';
import { compared, KeptShard, restoreTo } from './kept-bench.js';

const VERSIONS = [3, 4, 5] as const;

function summary(client: TestClient): unknown[] {
  return client
    .take()
    .map(({ type, id, payload, dup }) => [type, id, ...(type === 'publish' ? [payload, dup] : [])]);
}

/** Who takes everything below `t/` with QoS 2, and whose SUBACK has come. */
async function subscriber(bench: KeptShard, version: 3 | 4 | 5): Promise<TestClient> {
  const client = bench.open('subscriber', { version });
  client.subscribe(1, ['t/#', 2]);
  await settle();
  bench.store.finish();
  await settle();
  client.take();
  return client;
}

for (const version of VERSIONS) {
  test(`MQTT level ${version}: QoS 2 is sent after the commit, QoS 1 and 0 at once, each in its order`, async (t) => {
    const bench = new KeptShard();
    t.teardown(() => bench.stop());
    const client = await subscriber(bench, version);
    const publisher = bench.shard.open('publisher', { version });
    await settle();
    publisher.take();
    publisher.publish({ topic: 't/1', payload: 'two', qos: 2, id: 1 });
    publisher.publish({ topic: 't/1', payload: 'one', qos: 1, id: 2 });
    publisher.publish({ topic: 't/1', payload: 'zero' });
    publisher.publish({ topic: 't/1', payload: 'two more', qos: 2, id: 3 });
    await settle();
    t.deepEqual(client.takePayloads(), ['one', 'zero']);
    t.deepEqual(publisher.take(), []);
    bench.store.finish();
    await settle();
    t.deepEqual(summary(client), [
      ['publish', 1, 'two', false],
      ['publish', 3, 'two more', false],
    ]);
    t.deepEqual(summary(publisher), [
      ['pubrec', 1],
      ['puback', 2],
      ['pubrec', 3],
    ]);
    const { held, told } = compared(bench.shard.session('subscriber')!, bench.journal);
    t.deepEqual(held, told);
  });

  test(`MQTT level ${version}: PUBREL and PUBCOMP leave after the commit that knows why`, async (t) => {
    const bench = new KeptShard();
    t.teardown(() => bench.stop());
    const client = await subscriber(bench, version);
    const publisher = bench.open('publisher', { version });
    await settle();
    publisher.publish({ topic: 't/1', payload: 'm', qos: 2, id: 7 });
    await settle();
    bench.store.finish();
    await settle();
    publisher.take();
    client.take();
    client.send(ack('pubrec', 1));
    publisher.send(ack('pubrel', 7));
    await settle();
    // A second one changes nothing.
    client.send(ack('pubrec', 1));
    await settle();
    t.deepEqual([client.take(), publisher.take()], [[], []]);
    bench.store.finish();
    await settle();
    t.deepEqual(summary(client), [['pubrel', 1]]);
    t.deepEqual(summary(publisher), [['pubcomp', 7]]);
    client.send(ack('pubcomp', 1));
    await settle();
    t.is(bench.journal.live.size, 0);
    t.deepEqual(bench.journal.mistakes, []);
  });

  test(`MQTT level ${version}: SUBACK and UNSUBACK leave after the commit that has the subscription`, async (t) => {
    const bench = new KeptShard();
    t.teardown(() => bench.stop());
    const client = bench.open('c', { version });
    await settle();
    client.take();
    client.subscribe(1, ['t', 1]);
    await settle();
    t.deepEqual(client.take(), []);
    bench.store.finish();
    await settle();
    t.deepEqual(summary(client), [['suback', 1]]);
    client.send(unsubscribe(version, 2, ['t']));
    await settle();
    t.deepEqual(client.take(), []);
    bench.store.finish();
    await settle();
    t.deepEqual(summary(client), [['unsuback', 2]]);
  });

  test(`MQTT level ${version}: a SUBSCRIBE that cannot be made safe within 10 s has come to nothing`, async (t) => {
    const bench = new KeptShard();
    t.teardown(() => bench.stop());
    const client = bench.open('c', { version });
    await settle();
    client.take();
    client.subscribe(1, ['t', 1]);
    await settle();
    await bench.shard.advance(5_000);
    t.deepEqual(client.take(), []);
    await bench.shard.advance(5_100);
    t.deepEqual(
      client.take().map(({ codes }) => codes),
      [[version === 5 ? 0x97 : 0x80]],
    );
    t.is(bench.shard.parts.router.subscriptionCount, 0);
  });

  test(`MQTT level ${version}: a client that is back gets what was held once it is safe, and once more behind what was sent before`, async (t) => {
    const bench = new KeptShard();
    t.teardown(() => bench.stop());
    const client = await subscriber(bench, version);
    const publisher = bench.shard.open('publisher', { version });
    publisher.publish({ topic: 't/1', payload: 'held', qos: 2, id: 1 });
    publisher.publish({ topic: 't/1', payload: 'sent', qos: 1, id: 2 });
    await settle();
    t.deepEqual(client.takePayloads(), ['sent']);
    client.drop();
    await settle();
    const again = bench.open('subscriber', { version });
    await settle();
    t.deepEqual(summary(again).slice(1), [['publish', 2, 'sent', true]]);
    bench.store.finish();
    await settle();
    t.deepEqual(summary(again), [['publish', 1, 'held', false]]);
    again.drop();
    await settle();
    // From now on both have been sent, in this order.
    const third = bench.open('subscriber', { version });
    await settle();
    t.deepEqual(summary(third).slice(1), [
      ['publish', 2, 'sent', true],
      ['publish', 1, 'held', true],
    ]);
  });

  test(`MQTT level ${version}: what became safe while its client was away is sent without DUP`, async (t) => {
    const bench = new KeptShard();
    t.teardown(() => bench.stop());
    const client = await subscriber(bench, version);
    const publisher = bench.shard.open('publisher', { version });
    publisher.publish({ topic: 't/1', payload: 'held', qos: 2, id: 1 });
    await settle();
    client.drop();
    await settle();
    bench.store.finish();
    await settle();
    const again = bench.open('subscriber', { version });
    await settle();
    t.deepEqual(summary(again).slice(1), [['publish', 1, 'held', false]]);
  });
}

test('Receive Maximum holds for what becomes safe: [MQTT-3.3.4-9]', async (t) => {
  const bench = new KeptShard();
  t.teardown(() => bench.stop());
  const client = await subscriber(bench, 5);
  const publisher = bench.shard.open('publisher');
  for (const id of [1, 2, 3]) publisher.publish({ topic: 't/1', payload: `m${id}`, qos: 2, id });
  await settle();
  client.drop();
  await settle();
  const again = bench.open('subscriber', { properties: { sessionExpiry: 600, receiveMaximum: 1 } });
  await settle();
  again.take();
  bench.store.finish();
  await settle();
  t.deepEqual(again.takePayloads(), ['m1']);
  bench.store.mode = 'pass';
  for (const id of [1, 2, 3]) {
    again.send(ack('pubrec', id));
    await settle();
    t.deepEqual(summary(again), [['pubrel', id]]);
    again.send(ack('pubcomp', id));
    await settle();
    t.deepEqual(again.takePayloads(), id === 3 ? [] : [`m${id + 1}`]);
  }
  t.deepEqual(bench.journal.mistakes, []);
});

test('QoS 2 from the queue of a kept session is held as well; QoS 0 in it is not kept', async (t) => {
  const bench = new KeptShard();
  t.teardown(() => bench.stop());
  const client = await subscriber(bench, 4);
  client.drop();
  await settle();
  const publisher = bench.shard.open('publisher');
  for (const qos of [0, 1, 2]) publisher.publish({ topic: 't/1', payload: `q${qos}`, qos, id: qos + 1 });
  await settle();
  t.is(bench.journal.live.size, 2);
  bench.store.finish();
  await settle();
  const again = bench.open('subscriber', { version: 4 });
  await settle();
  t.deepEqual(again.takePayloads(), ['q0', 'q1']);
  bench.store.finish();
  await settle();
  t.deepEqual(again.takePayloads(), ['q2']);
});

test('a message that expires while it is held is not sent (v5 [MQTT-3.3.2-5])', async (t) => {
  const bench = new KeptShard();
  t.teardown(() => bench.stop());
  const client = await subscriber(bench, 5);
  const publisher = bench.shard.open('publisher');
  publisher.publish({ topic: 't/1', payload: 'm', qos: 2, id: 1, properties: { messageExpiry: 2 } });
  await settle();
  await bench.shard.advance(3_000);
  bench.store.finish();
  await settle();
  t.deepEqual(client.takePayloads(), []);
  t.is(bench.journal.live.size, 0);
  t.is(bench.shard.session('subscriber')!.inflight!.size, 0);
});

test('the end of a session takes everything of it out of the journal', async (t) => {
  const bench = new KeptShard();
  t.teardown(() => bench.stop());
  const client = await subscriber(bench, 5);
  for (const id of [1, 2]) client.publish({ topic: 't/1', payload: `m${id}`, qos: 2, id });
  await settle();
  client.drop();
  await settle();
  client.publish({ topic: 't/1', payload: 'nobody' });
  t.true(bench.journal.live.size > 0);
  bench.open('subscriber', { clean: true });
  await settle();
  t.is(bench.journal.live.size, 0);
  t.deepEqual(bench.journal.mistakes, []);
});

test('no commit has a session that is over and not yet what others get of its share group', async (t) => {
  const bench = new KeptShard({ config: { 'mqtt.session.max_inflight': 0 } });
  t.teardown(() => bench.stop());
  const { turn, acks } = bench.shard.parts;
  bench.store.mode = 'pass';
  const members = ['a', 'b'].map((name) => bench.open(name));
  for (const member of members) member.subscribe(1, ['$share/g/t', 1]);
  const publisher = bench.open('publisher');
  await settle();
  for (let id = 1; id <= SHARE_LEFT_SLICE * 8; id++) {
    publisher.publish({ topic: 't', payload: `m${id}`, qos: 1, id });
  }
  await settle(40);
  const { number } = bench.shard.session('a')!;
  const left = () => [...bench.journal.safe.values()].filter(({ session }) => session === number).length;
  const count = left();
  t.true(count > SHARE_LEFT_SLICE * 3);
  // Every turn is over before it has begun, so that each takes one slice.
  Object.defineProperty(turn, 'overTime', { get: () => true });
  bench.open('a', { clean: true });
  const seen: number[] = [];
  for (let i = 1; i <= 20; i++) {
    // Somebody waits for a commit in each of them.
    acks.whenSafe(() => undefined);
    turn.enter();
    await settle(1);
    seen.push(left());
  }
  t.deepEqual([...new Set(seen)], [count, 0]);
  t.deepEqual(bench.journal.mistakes, []);
});

test('what a session had when the broker ended goes on: PUBREL, then what was sent, then what has waited', async (t) => {
  const before = new KeptShard();
  const client = await subscriber(before, 5);
  const publisher = before.open('publisher');
  before.store.mode = 'pass';
  for (const id of [1, 2]) publisher.publish({ topic: 't/1', payload: `m${id}`, qos: 2, id });
  await settle();
  publisher.publish({ topic: 't/1', payload: 'm3', qos: 1, id: 3 });
  await settle();
  client.send(ack('pubrec', 2));
  client.drop();
  await settle();
  publisher.publish({ topic: 't/1', payload: 'm4', qos: 1, id: 4 });
  await settle();
  await before.stop();

  const bench = new KeptShard();
  t.teardown(() => bench.stop());
  for (const name of ['publisher', 'subscriber']) bench.open(name).drop();
  await settle();
  restoreTo(bench, before.store, { publisher: 1_002, subscriber: 1_001 });
  const again = bench.open('subscriber');
  const back = bench.open('publisher');
  await settle();
  t.deepEqual(summary(again).slice(1), [
    ['pubrel', 2],
    ['publish', 1, 'm1', true],
    ['publish', 3, 'm3', true],
    ['publish', 4, 'm4', false],
  ]);
  back.take();
  // It was handed on: a repeat.
  back.publish({ topic: 't/1', payload: 'm1', qos: 2, id: 1, dup: true });
  await settle();
  bench.store.finish();
  await settle();
  t.deepEqual(summary(back), [['pubrec', 1]]);
  t.deepEqual(again.take(), []);
});

test('the API is answered that a subscription has ended once that is safe', async (t) => {
  const bench = new KeptShard();
  t.teardown(() => bench.stop());
  bench.store.mode = 'pass';
  bench.open('kept').subscribe(1, ['a', 1], ['b', 1]);
  await settle();
  bench.store.mode = 'hold';
  const clientId = asClientId('kept');
  let answers: string[] = [];
  const ask = (filter: string): void => {
    void bench.shard.main.request('session.unsubscribe', { clientId, filter }).then(
      (answer) => answers.push(answer),
      ({ code }: { code: string }) => answers.push(code),
    );
  };
  ask('a');
  ask('never there');
  await settle();
  t.deepEqual(answers, ['done']);
  bench.store.finish();
  await settle();
  t.deepEqual(answers, ['done', 'done']);
  answers = [];
  ask('b');
  await settle();
  for (let i = 0; i < 5; i++) await bench.shard.advance(1_000);
  t.deepEqual(answers, ['SHARD_UNAVAILABLE']);
});

test('the API is answered that a session is removed once that is safe, and what it had is not kept', async (t) => {
  const bench = new KeptShard();
  t.teardown(() => bench.stop());
  bench.store.mode = 'pass';
  const client = bench.open('kept');
  client.subscribe(1, ['a', 2]);
  const publisher = bench.shard.open('publisher');
  publisher.publish({ topic: 'a', payload: 'in flight', qos: 1, id: 1 });
  await settle();
  t.is(bench.journal.live.size, 1);
  bench.store.mode = 'hold';
  const clientId = asClientId('kept');
  const answers: boolean[] = [];
  const ask = async (): Promise<void> => {
    answers.push((await bench.shard.main.request('session.remove', { clientId })).removed);
  };
  const asked = ask();
  await ask();
  await settle();
  t.deepEqual(answers, [false], 'it has ended, which is not safe yet');
  t.is(bench.journal.live.size, 0);
  bench.store.finish();
  await asked;
  t.deepEqual(answers, [false, true]);
});

test('clean sessions and QoS 0 tell the journal nothing', async (t) => {
  const bench = new KeptShard();
  t.teardown(() => bench.stop());
  const client = bench.shard.open('c');
  client.subscribe(1, ['t', 2]);
  const publisher = bench.shard.open('p');
  for (const qos of [0, 1, 2]) publisher.publish({ topic: 't', payload: `q${qos}`, qos, id: 5 });
  await settle();
  t.deepEqual(client.takePayloads(), ['q0', 'q1', 'q2']);
  client.send(ack('puback', 1), ack('pubrec', 2));
  await settle();
  t.deepEqual(summary(client), [['pubrel', 2]]);
  t.is(bench.journal.live.size, 0);
  t.is(bench.store.commits, 0);
});

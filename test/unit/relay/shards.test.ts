/** Clients whose connection ends at another shard than the one that owns them are clients like any other. */
import test, { type ExecutionContext } from 'ava';
import { LINK_CLOSE_TIMEOUT_MS, RELAY_WINDOW_BYTES } from '../../../src/limits.js';
import { ReasonCode } from '../../../src/protocol/mqtt/reason-code.js';
import * as packets from '../../helpers/packets.js';
import { meshOf, settle, type TestShard, type TestShardOptions } from '../../helpers/test-shard.js';

type Two = readonly [edge: TestShard, owner: TestShard];

async function twoShards(t: ExecutionContext, options: TestShardOptions = {}): Promise<Two> {
  const shards = await meshOf(2, options);
  t.teardown(() => Promise.all(shards.map((shard) => shard.stop())));
  return shards as [TestShard, TestShard];
}

function leftOf(...shards: readonly TestShard[]): number[] {
  return shards.flatMap(({ parts }) => [
    parts.connections.size,
    parts.relays.count,
    parts.wheel.size,
    parts.outputs.waitingBytes,
  ]);
}

test('a relayed client publishes and receives as at its own shard', async (t) => {
  const [edge, owner] = await twoShards(t);
  const client = owner.openThrough(edge, 'c');
  const other = edge.open('other');
  await settle();
  client.subscribe(1, ['a/#', 2]);
  other.subscribe(1, ['b', 1]);
  await settle(20);
  client.take();
  other.publish({ topic: 'a/b', payload: 'to the client', qos: 2, id: 9 });
  client.publish({ topic: 'b', payload: 'from the client', qos: 1, id: 7 });
  await settle();
  t.deepEqual(other.takePayloads(), ['from the client']);
  t.deepEqual(
    client
      .take()
      .map(({ type }) => type)
      .sort(),
    ['puback', 'publish'],
  );
  t.is(edge.session('c'), null);
  t.true(owner.session('c')!.online);
});

for (const [was, becomes] of [
  ['relayed', 'local'],
  ['local', 'relayed'],
  ['relayed', 'relayed'],
] as const) {
  test(`a session is taken over: ${was}, then ${becomes}`, async (t) => {
    const [edge, owner] = await twoShards(t);
    const open = (how: string) => {
      const options = { clean: false, properties: { sessionExpiry: 100 } };
      return how === 'local' ? owner.open('c', options) : owner.openThrough(edge, 'c', options);
    };
    const first = open(was);
    await settle();
    first.subscribe(1, ['a', 1]);
    await settle();
    first.take();
    const second = open(becomes);
    await settle();
    t.deepEqual(
      first.take().map(({ type, code }) => [type, code]),
      [['disconnect', ReasonCode.SessionTakenOver]],
    );
    t.true(first.isClosed && !second.isClosed);
    t.true(second.take()[0]!.sessionPresent);
    second.publish({ topic: 'a', payload: 'still subscribed', qos: 1, id: 1 });
    await settle();
    t.deepEqual(second.takePayloads(), ['still subscribed']);
    const reasons = [...edge.closedReasons, ...owner.closedReasons];
    t.is(reasons.length, 1);
  });
}

test('a relayed client is kicked, and its edge tells main why', async (t) => {
  const [edge, owner] = await twoShards(t);
  const client = owner.openThrough(edge, 'c');
  await settle();
  client.take();
  const { kicked } = await owner.main.request('session.kick', { clientId: 'c' as never });
  await settle();
  t.true(kicked);
  t.is(client.take()[0]!.code, ReasonCode.AdministrativeAction);
  t.true(client.isClosed);
  t.deepEqual([edge.closedReasons, owner.closedReasons], [['kick'], []]);
  t.deepEqual(leftOf(edge, owner), [0, 0, 0, 0, 0, 0, 0, 0]);
});

test('the will of a relayed client that breaks off is sent, that of one which disconnects is not', async (t) => {
  const [edge, owner] = await twoShards(t);
  const watcher = edge.open('watcher');
  await settle();
  watcher.subscribe(1, ['will/#', 0]);
  await settle(20);
  const breaks = owner.openThrough(edge, 'breaks', { will: { topic: 'will/breaks', payload: 'broken' } });
  const leaves = owner.openThrough(edge, 'leaves', { will: { topic: 'will/leaves', payload: 'left' } });
  await settle();
  breaks.send(packets.publish(5, { topic: 'x', payload: 'not whole' }).subarray(0, 9));
  breaks.drop();
  leaves.send(packets.disconnect());
  await settle(20);
  t.deepEqual(watcher.takePayloads(), ['broken']);
  t.true(leaves.isClosed);
  t.deepEqual(edge.closedReasons.sort(), ['closed', 'normal']);
});

test('a relayed client that is silent for longer than its keep alive is closed', async (t) => {
  const [edge, owner] = await twoShards(t);
  const client = owner.openThrough(edge, 'c', { keepAlive: 2 });
  await settle();
  for (let i = 0; i < 3; i++) {
    for (const shard of [edge, owner]) await shard.advance(2_000);
    client.send(packets.PINGREQ);
    await settle();
  }
  t.false(client.isClosed);
  for (const shard of [edge, owner]) await shard.advance(4_000);
  await settle();
  t.true(client.isClosed);
  t.deepEqual(edge.closedReasons, ['keepalive_timeout']);
});

test('a relayed client that breaks the protocol is told so and closed, and what it goes on sending is not read', async (t) => {
  const [edge, owner] = await twoShards(t);
  const client = owner.openThrough(edge, 'c');
  await settle();
  client.take();
  client.isStubborn = true;
  client.send(Buffer.of(0x00, 0x00));
  await settle();
  t.is(client.take()[0]!.code, ReasonCode.MalformedPacket);
  t.true(client.isEnded && !client.isClosed);
  client.send(packets.PINGREQ);
  await settle();
  for (const shard of [edge, owner]) await shard.advance(LINK_CLOSE_TIMEOUT_MS + 200);
  await settle();
  t.true(client.isClosed);
  t.deepEqual(edge.closedReasons, ['parser_error']);
  t.deepEqual(leftOf(edge, owner), [0, 0, 0, 0, 0, 0, 0, 0]);
});

test('a relayed client that does not read loses QoS 0 beyond its bounds, and nobody else is held up', async (t) => {
  const [edge, owner] = await twoShards(t, { config: { mqtt: { client: { max_write_buffer: '64KB' } } } });
  const slow = owner.openThrough(edge, 'slow');
  const quick = owner.openThrough(edge, 'quick');
  const publisher = owner.openThrough(edge, 'publisher');
  await settle();
  for (const client of [slow, quick]) client.subscribe(1, ['a', 0]);
  await settle();
  slow.isSlow = true;
  const payload = 'x'.repeat(1_000);
  for (let i = 0; i < 1_000; i++) {
    publisher.publish({ topic: 'a', payload });
    await settle(1);
  }
  await settle();
  t.is(quick.takePayloads().length, 1_000);
  const atEdge = edge.parts.outputs.waitingBytes;
  const atOwner = owner.parts.outputs.waitingBytes;
  t.true(atEdge <= RELAY_WINDOW_BYTES + 32_768, `${atEdge} bytes wait at the edge`);
  t.true(atOwner > 0 && atOwner <= 65_536 + 32_768, `${atOwner} bytes wait at the owner`);
  t.true(owner.parts.counters.slowDropped > 500);
  slow.drain();
  await settle(40);
  t.is(edge.parts.outputs.waitingBytes + owner.parts.outputs.waitingBytes, 0);
  t.is(slow.takePayloads().length, 1_000 - owner.parts.counters.slowDropped);
  slow.take();
  publisher.publish({ topic: 'a', payload: 'again' });
  await settle();
  t.deepEqual(slow.takePayloads(), ['again']);
});

test('a relayed client that takes nothing for send_timeout is closed with that reason', async (t) => {
  const [edge, owner] = await twoShards(t);
  const timeoutMs = edge.parts.listeners[0]!.sendTimeoutMs;
  const client = owner.openThrough(edge, 'c', { keepAlive: 0 });
  await settle();
  client.isSlow = true;
  client.send(packets.PINGREQ);
  await settle();
  for (const shard of [owner, edge]) await shard.advance(timeoutMs - 500);
  t.false(client.isClosed);
  for (const shard of [owner, edge]) await shard.advance(1_000);
  await settle();
  t.true(client.isClosed);
  t.deepEqual(edge.closedReasons, ['send_timeout']);
});

test('beyond the memory budget of an edge the largest of its relayed waiters goes', async (t) => {
  const [edge, owner] = await twoShards(t, { memoryBudgetBytes: 200_000 });
  const clients = ['a', 'b', 'c'].map((id) => owner.openThrough(edge, id));
  await settle();
  for (const [index, client] of clients.entries()) {
    client.subscribe(1, [`t/${index}`, 0]);
    await settle();
    client.isSlow = true;
  }
  const publisher = owner.open('publisher');
  await settle();
  for (const [index, kib] of [40, 62, 50].entries()) {
    for (let i = 0; i < kib; i++) {
      publisher.publish({ topic: `t/${index}`, payload: 'x'.repeat(1_000) });
      await settle(2);
    }
  }
  t.is(edge.parts.relays.count, 3);
  edge.parts.memory.add(0, 60_000);
  await edge.advance(200);
  edge.parts.memory.add(0, -60_000);
  await settle();
  t.deepEqual(
    clients.map(({ isClosed }) => isClosed),
    [false, true, false],
  );
  t.deepEqual(edge.closedReasons, ['memory_budget']);
});

test('at the stop of the broker relayed clients are told so before the shards end', async (t) => {
  const [edge, owner] = (await meshOf(2)) as [TestShard, TestShard];
  const clients = [owner.openThrough(edge, 'a'), edge.openThrough(owner, 'b'), edge.open('c')];
  await settle();
  for (const client of clients) client.take();
  await Promise.all([edge.stop(), owner.stop()]);
  await settle();
  for (const client of clients) {
    t.is(client.take()[0]!.code, ReasonCode.ServerShuttingDown);
    t.true(client.isClosed);
  }
  t.deepEqual([edge.parts.relays.count, owner.parts.relays.count], [0, 0]);
});

test('a relayed client that does not close its side does not hold up the stop beyond its deadline', async (t) => {
  const [edge, owner] = (await meshOf(2)) as [TestShard, TestShard];
  const client = owner.openThrough(edge, 'a');
  await settle();
  client.isStubborn = true;
  const stop = (shard: TestShard) => shard.main.request('shard.stop', { deadlineMs: 50 });
  await Promise.all([stop(edge), stop(owner)]);
  await settle();
  t.true(client.isClosed);
});

test('an owner that crashes: its relayed clients are closed, others at that edge are not', async (t) => {
  const [edge, owner] = await twoShards(t);
  const relayed = Array.from({ length: 300 }, (_, i) => owner.openThrough(edge, `r${i}`));
  const local = edge.open('local');
  await settle();
  t.is(edge.parts.relays.count, 300);
  owner.crash(edge);
  t.false(edge.parts.relays.isReady(owner.parts.shard));
  await settle(40);
  t.true(relayed.every(({ isClosed }) => isClosed));
  t.false(local.isClosed);
  t.deepEqual(edge.closedReasons, new Array(300).fill('shard_crashed'));
  t.is(edge.parts.relays.count, 0);
});

test('an edge that crashes: the wills of its clients are sent, and they may come back elsewhere', async (t) => {
  const [edge, owner] = await twoShards(t);
  const watcher = owner.open('watcher');
  await settle();
  watcher.subscribe(1, ['will', 0]);
  const options = { clean: false, properties: { sessionExpiry: 100 } };
  owner.openThrough(edge, 'c', { ...options, will: { topic: 'will', payload: 'gone' } });
  await settle();
  edge.crash(owner);
  await settle();
  t.deepEqual(watcher.takePayloads(), ['gone']);
  t.false(owner.session('c')!.online);
  t.is(owner.parts.connections.size, 1);
  const back = owner.open('c', options);
  await settle();
  t.true(back.take()[0]!.sessionPresent);
});

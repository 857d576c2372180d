/** One relay: its windows, its deadlines, how it ends, what it costs while it waits. */
import test from 'ava';
import {
  LINK_CLOSE_TIMEOUT_MS,
  RELAY_BATCH_BYTES_MAX,
  RELAY_WINDOW_BYTES,
  RELAYS_UNDER_WAY_BYTES_MAX,
} from '../../../src/limits.js';
import { asShardId } from '../../../src/protocol/ids.js';
import { type Accepted, Client, SEND_TIMEOUT_MS, World } from './world.js';

const KIB = 1 << 10;

async function relayed(): Promise<{ world: World; client: Client; accepted: Accepted }> {
  const world = new World();
  const client = new Client();
  client.open(world.nodes[0], 1, Buffer.from('CONNECT'));
  await world.settle();
  return { world, client, accepted: world.nodes[1].accepted[0]! };
}

test('a shard says when others may open relays to it, and a new incarnation says it again', async (t) => {
  const world = new World();
  t.teardown(() => world.close());
  t.deepEqual(world.nodes[0].readies, [1]);
  t.true(world.nodes[0].hub.isReady(asShardId(1)));
  t.false(world.nodes[0].hub.isReady(asShardId(0)));
  world.replace(1);
  t.deepEqual(world.nodes[0].readies, [1, 1]);
  await world.settle();
});

test('a client whose owner is paused is not read from a window on, and read again when it goes on', async (t) => {
  const { world, client, accepted } = await relayed();
  t.teardown(() => world.close());
  accepted.pause();
  for (let i = 0; i < 63; i++) client.send(Buffer.alloc(KIB));
  await world.settle();
  t.false(client.isPaused);
  client.send(Buffer.alloc(KIB));
  t.true(client.isPaused);
  await world.settle();
  t.true(client.isPaused);
  accepted.resume();
  await world.settle();
  t.false(client.isPaused);
  t.is(
    accepted.received.reduce((sum, { length }) => sum + length, 0),
    64 * KIB + 7,
  );
});

for (const then of ['resume', 'end', 'destroy'] as const) {
  test(`an owner that has paused hears of the end when it has used what came before: ${then}`, async (t) => {
    const { world, client, accepted } = await relayed();
    t.teardown(() => world.close());
    client.isSlow = true;
    for (let i = 0; i < 200; i++) accepted.write(Buffer.alloc(KIB));
    await world.settle();
    t.true(accepted.output.blocked);
    accepted.pause();
    client.send(Buffer.from('DISCONNECT'));
    client.drop('closed');
    await world.settle();
    t.deepEqual(accepted.ends, []);
    t.is(String(accepted.received.at(-1)), 'DISCONNECT');
    t.false(accepted.output.blocked, 'nothing has to wait for a client that is gone');
    accepted.write(Buffer.alloc(200 * KIB));
    accepted[then]();
    accepted.resume();
    await world.settle();
    t.deepEqual(accepted.ends, ['closed']);
    t.deepEqual(client.ends, ['owner says closed']);
    t.is(accepted.output.waitingBytes + world.nodes[0].outputs.waitingBytes, 0);
  });
}

test('an owner writes no more than a window ahead of what the client takes', async (t) => {
  const { world, client, accepted } = await relayed();
  t.teardown(() => world.close());
  client.isSlow = true;
  for (let i = 0; i < 200; i++) accepted.write(Buffer.alloc(KIB));
  await world.settle();
  const edgeBytes = world.nodes[0].outputs.waitingBytes;
  t.true(edgeBytes >= RELAY_WINDOW_BYTES && edgeBytes <= RELAY_WINDOW_BYTES + 16 * KIB);
  t.is([...world.nodes[0].hub.clients][0]!.waitingBytes, edgeBytes);
  client.drain();
  await world.settle();
  t.is(Buffer.concat(client.received).length, 200 * KIB);
  t.is(accepted.output.waitingBytes + world.nodes[0].outputs.waitingBytes, 0);
});

test('what is on its way to a shard is bounded over all relays, and nobody is forgotten', async (t) => {
  const world = new World();
  t.teardown(() => world.close());
  const clients = Array.from({ length: 400 }, () => new Client());
  for (const client of clients) client.open(world.nodes[0], 1, Buffer.from('CONNECT'));
  await world.settle();
  const { accepted, hub, outputs } = world.nodes[1];
  for (let round = 1; round <= 2; round++) {
    // Each below its own window.
    for (const each of accepted) each.write(Buffer.alloc(60 * KIB, round));
    outputs.flushAll();
    t.true(hub.waitingBytes >= RELAYS_UNDER_WAY_BYTES_MAX);
    t.true(hub.waitingBytes < RELAYS_UNDER_WAY_BYTES_MAX + RELAY_WINDOW_BYTES);
    // Each answers for what it has waiting.
    t.true(accepted.at(-1)!.output.waitingBytes >= 60 * KIB);
    await world.settle(60);
    t.true(clients.every(({ received }) => Buffer.concat(received).length === round * 60 * KIB));
    t.is(outputs.waitingBytes, 0);
  }
  // The other way: whoever sends when it is full is read no further.
  const edge = world.nodes[0].hub;
  for (let piece = 0; piece < 4; piece++) for (const client of clients) client.send(Buffer.alloc(15 * KIB));
  t.true(edge.waitingBytes >= RELAYS_UNDER_WAY_BYTES_MAX);
  t.true(edge.waitingBytes < RELAYS_UNDER_WAY_BYTES_MAX + 400 * 16 * KIB);
  await world.settle(60);
  t.true(clients.every(({ isPaused }) => !isPaused));
  for (const client of clients) client.drop();
  await world.settle();
  t.is(edge.count, 0);
});

test('bytes are counted as sent once, where they leave the process', async (t) => {
  const { world, client, accepted } = await relayed();
  t.teardown(() => world.close());
  for (const size of [1, 5_000, 9_000, 70_000]) accepted.write(Buffer.alloc(size));
  await world.settle();
  t.is(Buffer.concat(client.received).length, 84_001);
  t.deepEqual(
    world.nodes.map(({ outputs }) => outputs.counters.bytesSent),
    [84_001, 0],
  );
});

test('a client that takes nothing for send_timeout is closed by its edge, one that takes something is not', async (t) => {
  const { world, client, accepted } = await relayed();
  t.teardown(() => world.close());
  for (let round = 0; round < 5; round++) {
    client.isSlow = true;
    accepted.write(Buffer.alloc(KIB));
    await world.settle();
    world.nodes[0].advance(SEND_TIMEOUT_MS - 200);
    client.drain();
    await world.settle();
  }
  t.false(client.isDestroyed);
  client.isSlow = true;
  accepted.write(Buffer.alloc(KIB));
  await world.settle();
  world.nodes[0].advance(SEND_TIMEOUT_MS - 200);
  t.false(client.isDestroyed);
  world.nodes[0].advance(400);
  await world.settle();
  t.deepEqual([accepted.ends, client.ends], [['send_timeout'], ['owner says send_timeout']]);
});

test('the last bytes of an owner that ends are sent first, and a client that does not take them is cut off', async (t) => {
  const world = new World();
  t.teardown(() => world.close());
  const clients = [new Client(), new Client(), new Client()];
  for (const client of clients) client.open(world.nodes[0], 1, Buffer.from('CONNECT'));
  await world.settle();
  const [reads, late, never] = clients as [Client, Client, Client];
  late.isSlow = never.isSlow = true;
  for (const accepted of world.nodes[1].accepted) {
    accepted.write(Buffer.from('first'));
    await world.settle();
    accepted.write(Buffer.from('last'));
    accepted.end();
  }
  await world.settle();
  t.is(Buffer.concat(reads.received).toString(), 'firstlast');
  t.true(reads.isClosed && !reads.isDestroyed);
  t.false(late.hasEnded || late.isDestroyed);
  world.nodes[0].advance(LINK_CLOSE_TIMEOUT_MS - 500);
  late.drain();
  t.true(late.hasEnded);
  t.is(Buffer.concat(late.received).toString(), 'firstlast');
  world.nodes[0].advance(1_000);
  t.true(never.isDestroyed);
  await world.settle();
  t.deepEqual(
    clients.map(({ ends }) => ends),
    Array.from({ length: 3 }, () => ['owner says closed']),
  );
});

test('what a client sends after the owner has ended goes nowhere', async (t) => {
  const { world, client, accepted } = await relayed();
  t.teardown(() => world.close());
  client.isStubborn = true;
  accepted.end();
  await world.settle();
  client.send(Buffer.from('more'));
  await world.settle();
  t.is(Buffer.concat(accepted.received).toString(), 'CONNECT');
});

test('numbers of relays are used again', async (t) => {
  const world = new World();
  t.teardown(() => world.close());
  for (let i = 0; i < 5; i++) {
    const client = new Client();
    client.open(world.nodes[0], 1, Buffer.from('CONNECT'));
    await world.settle();
    client.drop();
    await world.settle();
  }
  t.deepEqual(new Set(world.nodes[1].accepted.map(({ opened }) => opened.relay)), new Set([0]));
});

test('a shard that dies ends its relays on both sides, once, also those that were ending', async (t) => {
  const world = new World();
  t.teardown(() => world.close());
  const outside = Array.from({ length: 200 }, () => new Client());
  for (const client of outside) client.open(world.nodes[0], 1, Buffer.from('CONNECT'));
  const inside = Array.from({ length: 200 }, () => new Client());
  for (const client of inside) client.open(world.nodes[1], 0, Buffer.from('CONNECT'));
  await world.settle();
  outside[0]!.drop('econnreset');
  outside[1]!.send(Buffer.from('under way'));
  world.nodes[1].accepted[2]!.write(Buffer.from('last words'));
  world.nodes[1].accepted[2]!.end();
  await world.settle(1);
  world.replace(1);
  await world.settle();
  t.deepEqual([outside[0]!.ends.length, outside[3]!.ends], [1, ['shard_crashed']]);
  t.true(outside.every(({ ends }) => ends.length === 1));
  t.is(Buffer.concat(outside[2]!.received).toString(), 'last words');
  t.true(world.nodes[0].accepted.every(({ ends }) => ends.length === 1 && ends[0] === 'shard_crashed'));
  t.deepEqual([world.nodes[0].hub.count, world.nodes[0].wheel.size], [0, 0]);
  const again = new Client();
  again.open(world.nodes[0], 1, Buffer.from('CONNECT'));
  await world.settle();
  t.is(world.nodes[1].accepted.length, 1);
});

test('what is on its way to another shard counts until it is handled there', async (t) => {
  const { world, client, accepted } = await relayed();
  t.teardown(() => world.close());
  world.nodes[1].advance(100);
  await world.settle();
  t.is(world.nodes[0].hub.waitingBytes, 0);
  client.send(Buffer.alloc(10 * KIB));
  await world.settle(1);
  t.true(world.nodes[0].hub.waitingBytes >= 10 * KIB);
  while (accepted.received.length < 40) {
    client.send(Buffer.alloc(10 * KIB));
    await world.settle(3);
  }
  t.true(world.nodes[0].hub.waitingBytes <= RELAY_BATCH_BYTES_MAX + 10 * KIB);
  world.nodes[1].advance(100);
  await world.settle();
  t.is(world.nodes[0].hub.waitingBytes, 0);
});

test('a large piece is sent as it lies when it is most of what came, and copied otherwise', async (t) => {
  const { world, client, accepted } = await relayed();
  t.teardown(() => world.close());
  const other = new Client();
  other.open(world.nodes[0], 1, Buffer.from('CONNECT'));
  await world.settle();
  client.isSlow = true;
  accepted.write(Buffer.alloc(9_000, 1));
  world.nodes[1].accepted[1]!.write(Buffer.alloc(40_000, 2));
  await world.settle();
  client.drain();
  t.deepEqual(Buffer.concat(client.received), Buffer.alloc(9_000, 1));
  t.deepEqual(Buffer.concat(other.received), Buffer.alloc(40_000, 2));
});

import { MessageChannel } from 'node:worker_threads';
import test from 'ava';
import {
  PEER_BATCH_BYTES_MAX,
  PEER_CREDIT_BYTES,
  PEER_INTEREST_POSTS_PER_TURN,
  PEER_INTEREST_SLICE,
  PEER_SILENCE_MS,
} from '../../../src/limits.js';
import { RECORD_DELIVER, RECORD_DURABLE, RECORD_RETAIN, RECORD_SHARE } from '../../../src/protocol/batch.js';
import { asShardId } from '../../../src/protocol/ids.js';
import { createMessage } from '../../../src/protocol/message.js';
import { CountedBudget, Node, PLENTY, type World, withWorld } from './world.js';

const NEVER = Number.POSITIVE_INFINITY;

/** Subscribes on one shard and settles until all know. */
async function subscribe(world: World, id: number, topic: string): Promise<void> {
  world.node(id).table.subscribe(topic);
  await world.settle(6);
}

test('a shard alone is ready when it begins, and waits for nobody', (t) => {
  const node = new Node(0, 1);
  t.false(node.mesh.isReady);
  node.mesh.begin();
  t.true(node.mesh.isReady);
  t.is(node.readies, 1);
  node.table.subscribe('a');
  const answers: boolean[] = [];
  node.mesh.whenInterestKnown((ok) => answers.push(ok), NEVER);
  t.deepEqual(answers, [true]);
});

test('a shard is ready once it has heard the whole interest of every peer', async (t) => {
  await withWorld(3, async (world) => {
    t.true(world.nodes.every((node) => node.mesh.isReady && node.readies === 1));
  });
});

test('nothing outstanding is answered at once; a change is answered when every peer has applied it', async (t) => {
  await withWorld(3, async (world) => {
    const { mesh, table } = world.node(0);
    const answers: string[] = [];
    mesh.whenInterestKnown(() => answers.push('idle'), NEVER);
    t.deepEqual(answers, ['idle']);
    table.subscribe('a');
    mesh.whenInterestKnown(() => answers.push('changed'), NEVER);
    t.deepEqual(answers, ['idle']);
    mesh.flush();
    await world.settle(6);
    t.deepEqual(answers, ['idle', 'changed']);
    t.is(world.node(1).publish('a', '1') | world.node(2).publish('a', '1'), 1);
  });
});

test('who waits for interest is told no at the deadline, and not again later', async (t) => {
  await withWorld(2, async (world) => {
    const { mesh, table } = world.node(0);
    const answers: boolean[] = [];
    table.subscribe('a');
    mesh.whenInterestKnown((ok) => answers.push(ok), 5_000);
    mesh.sweep(4_999);
    t.deepEqual(answers, []);
    mesh.sweep(5_000);
    await world.settle(6);
    t.deepEqual(answers, [false]);
  });
});

test('a peer that is lost is not waited for', async (t) => {
  await withWorld(3, async (world) => {
    const { mesh, table } = world.node(0);
    world.kill(2);
    const answers: boolean[] = [];
    table.subscribe('a');
    mesh.whenInterestKnown((ok) => answers.push(ok), NEVER);
    mesh.flush();
    world.node(1).mesh.drain(PLENTY);
    t.deepEqual(answers, []);
    await world.settle(6);
    t.deepEqual(answers, [true]);
  });
});

test('a message goes once to each shard, with what that shard is to do with it', async (t) => {
  await withWorld(3, async (world) => {
    const [source, first, second] = world.nodes as [Node, Node, Node];
    const message = { topic: 'a', payload: Buffer.from('x'), qos: 1, retain: true, receivedAtMs: 0 };
    source.view.load(createMessage(message));
    t.is(source.mesh.forward(source.view, 0b110, 0b010, 2), 0);
    t.is(source.mesh.forward(source.view, 0, 0, 1), 0);
    await world.settle(4);
    t.deepEqual(
      first.received.map((one) => one.flags),
      [RECORD_DELIVER | RECORD_DURABLE, RECORD_RETAIN],
    );
    t.deepEqual(
      second.received.map((one) => one.flags),
      [RECORD_DELIVER | RECORD_RETAIN],
    );
    t.true(source.mesh.forwardShared(source.view, 1, RECORD_SHARE, 7, 8, 0, 9));
    await world.settle(4);
    t.is(first.received[2]?.flags, RECORD_SHARE);
  });
});

test('the stream keeps the order of the program: batch, retained replay, batch', async (t) => {
  await withWorld(2, async (world) => {
    const [a, b] = world.nodes as [Node, Node];
    await subscribe(world, 1, 'a');
    const seen: string[] = [];
    b.watch = ({ text }) => seen.push(`${text} after ${b.retained.length}`);
    a.publish('a', '1');
    t.true(a.mesh.post(asShardId(1), { kind: 'retained.open', replay: 1, filter: '#', bytesMax: 10 }));
    a.publish('a', '2');
    const bytes = new ArrayBuffer(8);
    a.mesh.post(asShardId(1), { kind: 'retained.page', replay: 1, bytes, length: 8, done: true });
    t.is(bytes.byteLength, 0, 'transferred');
    a.publish('a', '3');
    await world.settle(4);
    t.deepEqual(seen, ['1 after 0', '2 after 1', '3 after 2']);
  });
});

test('a turn that ends within a batch goes on there in the next', async (t) => {
  await withWorld(2, async (world) => {
    const [a, b] = world.nodes as [Node, Node];
    await subscribe(world, 1, 'a');
    for (let i = 0; i < 10; i++) a.publish('a', `${i}`);
    a.mesh.flush();
    await new Promise((resolve) => setImmediate(resolve));
    const counts: number[] = [];
    while (!b.mesh.drain(new CountedBudget(4))) counts.push(b.received.length);
    t.true(counts.length > 1);
    t.deepEqual(
      b.received.map((one) => one.text),
      ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
    );
  });
});

test('publishers find no credit when too much is under way, and are called when half has returned', async (t) => {
  await withWorld(2, async (world) => {
    const [a, b] = world.nodes as [Node, Node];
    await subscribe(world, 1, 'a');
    let sent = 0;
    while (a.mesh.hasCredit(-1, 0)) {
      a.publish('a', `${sent++}`, 0, -1, PEER_BATCH_BYTES_MAX);
      if (sent > PEER_CREDIT_BYTES / PEER_BATCH_BYTES_MAX) break;
    }
    t.true(a.mesh.waitingBytes >= PEER_CREDIT_BYTES);
    t.true(a.mesh.waitingBytes <= PEER_CREDIT_BYTES + PEER_BATCH_BYTES_MAX + 100);
    t.false(a.mesh.hasCredit(0b10, 1));
    t.true(a.mesh.hasCredit(0b01, 1), 'only the shard that is slow counts');
    t.deepEqual(a.credits, []);
    await world.settle(6);
    t.deepEqual(a.credits, [1]);
    t.true(a.mesh.hasCredit(-1, 0));
    t.is(a.mesh.waitingBytes, 0);
    t.is(b.received.length, sent);
  });
});

test('credit returns when the store has committed, not before', async (t) => {
  await withWorld(2, async (world) => {
    const [a, b] = world.nodes as [Node, Node];
    await subscribe(world, 1, 'a');
    b.commitsAtOnce = false;
    a.publish('a', '1', 1);
    a.mesh.flush();
    await new Promise((resolve) => setImmediate(resolve));
    b.mesh.drain(PLENTY);
    b.mesh.flush();
    await new Promise((resolve) => setImmediate(resolve));
    t.is(b.received.length, 1);
    t.true(a.mesh.waitingBytes > 0);
    await world.settle(4);
    t.is(a.mesh.waitingBytes, 0);
  });
});

test('a commit covers the batches up to its own, and no later one', async (t) => {
  await withWorld(2, async (world) => {
    const [a, b] = world.nodes as [Node, Node];
    await subscribe(world, 1, 'a');
    b.commitsAtOnce = false;
    for (let i = 0; i < 4; i++) {
      a.publish('a', `${i}`, 1);
      a.mesh.flush();
    }
    const recordBytes = a.mesh.waitingBytes / 4;
    await new Promise((resolve) => setImmediate(resolve));
    b.mesh.drain(PLENTY);
    const { peer } = b.commits[0]!;
    const waiting: number[] = [];
    for (const sequence of [b.commits[1]!.sequence, b.commits[0]!.sequence, b.commits[2]!.sequence]) {
      peer.commit(sequence);
      b.mesh.flush();
      await new Promise((resolve) => setImmediate(resolve));
      waiting.push(a.mesh.waitingBytes / recordBytes);
    }
    t.deepEqual(waiting, [2, 2, 1]);
  });
});

test('to a silent shard QoS 0 is dropped and counted, QoS 1 waits; a sign of life ends it', async (t) => {
  await withWorld(2, async (world) => {
    const [a, b] = world.nodes as [Node, Node];
    await subscribe(world, 1, 'a');
    a.publish('a', 'first', 1);
    a.mesh.flush();
    // Shard 1 sleeps. One long pause of our own counts for little.
    a.mesh.sweep(0);
    a.mesh.sweep(60_000);
    t.is(a.publish('a', 'not yet silent'), 0b10);
    for (let nowMs = 60_000; nowMs <= 60_000 + PEER_SILENCE_MS; nowMs += 250) a.mesh.sweep(nowMs);
    t.is(a.publish('a', 'dropped'), 0);
    t.is(a.publish('a', 'waits', 1), 0b10);
    t.is(a.mesh.droppedQos0, 1);
    t.is(a.mesh.droppedGuaranteed, 0);
    await world.settle(4);
    t.deepEqual(
      b.received.map((one) => one.text),
      ['first', 'not yet silent', 'waits'],
    );
    t.is(a.publish('a', 'again'), 0b10);
  });
});

test('a shard that is busy with a long batch says that it lives', async (t) => {
  await withWorld(2, async (world) => {
    const [a, b] = world.nodes as [Node, Node];
    await subscribe(world, 1, 'a');
    for (let i = 0; i < 100; i++) a.publish('a', `${i}`);
    a.mesh.flush();
    for (let nowMs = 0; nowMs <= 2 * PEER_SILENCE_MS; nowMs += 250) {
      b.mesh.drain(new CountedBudget(2));
      b.mesh.sweep(nowMs);
      await new Promise((resolve) => setImmediate(resolve));
      a.mesh.sweep(nowMs);
    }
    t.true(b.received.length < 100);
    t.is(a.publish('a', 'taken'), 0b10);
    t.is(a.mesh.droppedQos0, 0);
  });
});

test('a lost shard: what it had sent is handled, then its interest is forgotten, and publishers go on', async (t) => {
  await withWorld(3, async (world) => {
    const [a, b] = world.nodes as [Node, Node];
    await subscribe(world, 1, 'a');
    await subscribe(world, 2, 'a');
    world.node(2).publish('a', 'last words', 1);
    world.node(2).mesh.flush();
    while (a.mesh.hasCredit(0b100, 1)) a.publish('a', 'x', 1, -1, 500_000);
    world.kill(2);
    t.true(a.mesh.waitingBytes >= PEER_CREDIT_BYTES);
    await world.settle(8);
    t.true(b.received.some((one) => one.text === 'last words'));
    t.is(a.table.interested('a'), 0b010);
    t.true(a.mesh.hasCredit(-1, 1));
    t.true(a.credits.includes(asShardId(2)));
    t.is(a.undelivered.length, 1);
    t.true(a.undelivered[0]!.guaranteed > 10);
    t.is(a.undelivered[0]!.last - a.undelivered[0]!.first + 1, a.undelivered[0]!.guaranteed);
    t.is(a.mesh.forward(a.view, 0b100, 0, -1), 0b100, 'nobody there');
    t.is(a.mesh.waitingBytes, 0);
  });
});

test('a restarted shard hears all interest anew, tells its own, and both directions work', async (t) => {
  await withWorld(2, async (world) => {
    await subscribe(world, 0, 'a');
    world.kill(1);
    await world.settle(4);
    world.restart(1);
    t.false(world.node(1).mesh.isReady);
    await world.settle(8);
    t.true(world.node(1).mesh.isReady);
    await subscribe(world, 1, 'b');
    t.is(world.node(1).publish('a', 'to 0'), 0b01);
    t.is(world.node(0).publish('b', 'to 1'), 0b10);
    await world.settle(4);
    t.is(world.node(0).received.at(-1)?.text, 'to 0');
    t.is(world.node(1).received.at(-1)?.text, 'to 1');
  });
});

test('a peer that has not said hello holds up no SUBACK of a shard that was there before', async (t) => {
  await withWorld(2, async (world) => {
    const { mesh, table } = world.node(0);
    world.kill(1);
    await world.settle(4);
    // The new thread exists, but its loop has not run yet.
    const channel = new MessageChannel();
    mesh.connect(asShardId(1), channel.port1);
    table.subscribe('a');
    const answers: boolean[] = [];
    mesh.whenInterestKnown((ok) => answers.push(ok), NEVER);
    t.deepEqual(answers, [true]);
    const late = new Node(1, 2, 1);
    late.mesh.connect(asShardId(0), channel.port2);
    late.mesh.begin();
    world.nodes[1] = late;
    await world.settle(6);
    t.true(late.mesh.isReady);
    t.is(late.table.interested('a'), 0b01, 'it knew before it was ready');
  });
});

test('a shard that restarts promises nothing before those who ran on know its interest', async (t) => {
  await withWorld(2, async (world) => {
    world.kill(1);
    await world.settle(4);
    world.restart(1);
    const [old, restarted] = world.nodes as [Node, Node];
    let isKnown = false;
    restarted.table.subscribe('a');
    restarted.mesh.whenInterestKnown(() => {
      isKnown = true;
    }, NEVER);
    for (const node of world.nodes) for (const order of node.orders.splice(0)) order();
    // The old one says what it wants, and reads nothing of what it is told.
    await new Promise((resolve) => setImmediate(resolve));
    old.mesh.drain(PLENTY);
    old.mesh.flush();
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      restarted.mesh.drain(PLENTY);
      restarted.mesh.flush();
    }
    t.true(restarted.mesh.isReady);
    t.is(old.publish('a', 'missed'), 0);
    t.false(isKnown);
    await world.settle(4);
    t.true(isKnown);
    t.is(old.publish('a', 'heard'), 0b10);
  });
});

test('interest in 5,000 filters is told in slices, and known to all before it is acknowledged', async (t) => {
  await withWorld(2, async (world) => {
    const { mesh, table } = world.node(0);
    for (let i = 0; i < 5_000; i++) table.subscribe(`t/${i}`);
    let known = 0;
    mesh.whenInterestKnown(() => {
      known = world.node(1).table.filters[0]!.size;
    }, NEVER);
    const before = world.node(0).works;
    mesh.flush();
    t.true(world.node(0).works > before, 'asks for another turn');
    await new Promise((resolve) => setImmediate(resolve));
    world.node(1).mesh.drain(PLENTY);
    t.is(world.node(1).table.filters[0]!.size, PEER_INTEREST_SLICE * PEER_INTEREST_POSTS_PER_TURN);
    t.is(known, 0);
    await world.settle(12);
    t.is(known, 5_000);
    world.kill(1);
    world.restart(1);
    await world.settle(12);
    t.is(world.node(1).table.filters[0]!.size, 5_000);
  });
});

test('interest is not acknowledged before the owner has applied the retained writes sent earlier', async (t) => {
  await withWorld(3, async (world) => {
    const [subscriber, publisher, owner] = world.nodes as [Node, Node, Node];
    owner.commitsAtOnce = false;
    publisher.publish('a', 'kept', 0, 2);
    publisher.mesh.flush();
    let isKnown = false;
    subscriber.table.subscribe('a');
    subscriber.mesh.whenInterestKnown(() => {
      isKnown = true;
    }, NEVER);
    for (let i = 0; i < 10; i++) {
      for (const node of world.nodes) {
        node.mesh.drain(PLENTY);
        node.mesh.flush();
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    t.is(owner.received.length, 1);
    t.false(isKnown, 'handled, not committed');
    t.is(publisher.table.interested('a'), 0b001);
    await world.settle(4);
    t.true(isKnown);
  });
});

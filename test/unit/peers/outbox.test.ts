import { setImmediate as nextLoop } from 'node:timers/promises';
import test from 'ava';
import { OUTBOX_KEEP_MS, PEER_CREDIT_BYTES, PEER_WAITING_BYTES_MAX } from '../../../src/limits.js';
import { RECORD_DELIVER, RECORD_DURABLE, RECORD_NAMED, RECORD_SHARE } from '../../../src/protocol/batch.js';
import { asShardId } from '../../../src/protocol/ids.js';
import { createMessage } from '../../../src/protocol/message.js';
import { framed } from '../../../src/storage/framing.js';
import { journalKey } from '../../../src/storage/keys.js';
import type { Row, Table } from '../../../src/storage/tables.js';
import { CountedBudget, type Node, type World, withWorld } from './world.js';

const NEVER = Number.POSITIVE_INFINITY;
const LARGE_BYTES = 1 << 20;

/** Two shards with discs, of which the second wants `a` durably and `b` for as long as it lives. */
function withKept(body: (world: World, a: Node, b: Node) => Promise<void>): Promise<void> {
  const prepared = async (world: World): Promise<void> => {
    const [a, b] = world.nodes as [Node, Node];
    b.table.subscribe('a', true);
    b.table.subscribe('b');
    b.disc!.durable.add('a');
    await world.settle(6);
    await body(world, a, b);
  };
  return withWorld(2, prepared, true);
}

/** Keeps what they have, again and again, until nothing comes any more. */
async function settle(world: World): Promise<void> {
  for (let i = 0; i < 8; i++) {
    for (const node of world.nodes) if (node.isAlive) node.keepAll();
    await world.settle(1);
  }
}

const textsOf = (node: Node): string[] => node.received.map(({ text }) => text);

test('what is kept is posted after its commit, and is in no memory once the other shard has committed it', async (t) => {
  await withKept(async (world, a, b) => {
    a.publish('a', '1', 1);
    await world.settle(4);
    t.deepEqual(textsOf(b), []);
    a.keepAll();
    await world.settle(4);
    t.deepEqual(b.received, [{ from: 0, topic: 'a', text: '1', flags: RECORD_DELIVER | RECORD_DURABLE }]);
    t.true(a.mesh.waitingBytes > 0);
    b.keepAll();
    await world.settle(4);
    t.is(a.mesh.waitingBytes, 0);
  });
});

test('QoS 0, and what only clean sessions want, waits for no commit; on a topic of which something waits, it does', async (t) => {
  await withKept(async (world, a, b) => {
    a.publish('a', 'kept', 1);
    a.publish('a', 'QoS 0', 0);
    a.publish('b', 'clean', 1);
    b.table.subscribe('a');
    await world.settle(4);
    a.publish('a', 'behind', 1);
    await world.settle(4);
    t.deepEqual(textsOf(b), ['QoS 0', 'clean']);
    await settle(world);
    t.deepEqual(textsOf(b), ['QoS 0', 'clean', 'kept', 'behind']);
    a.publish('a', 'at once', 1);
    await world.settle(4);
    t.is(textsOf(b).at(-1), 'at once');
  });
});

test('of a batch that was handled in part and committed, the rest is handled after a crash', async (t) => {
  await withKept(async (world, a, b) => {
    for (let i = 0; i < 6; i++) a.publish('a', `${i}`, 1);
    a.keepAll();
    a.mesh.flush();
    await nextLoop();
    b.mesh.drain(new CountedBudget(5));
    const count = b.received.length;
    t.true(count > 0 && count < 6);
    b.keepAll();
    world.kill(1);
    await world.settle(4);
    world.restart(1);
    await settle(world);
    t.deepEqual(textsOf(world.node(1)), ['0', '1', '2', '3', '4', '5'].slice(count));
  });
});

/** Rows as they are now, for a shard that is to come back with them. */
const rowsOf = (node: Node): Map<string, Row & { readonly table: Table }> => new Map(node.disc!.rows);

function comeBackWith(world: World, id: number, rows: ReturnType<typeof rowsOf>): void {
  world.kill(id);
  const { disc } = world.node(id);
  disc!.rows.clear();
  for (const [name, row] of rows) disc!.rows.set(name, row);
  world.restart(id);
}

for (const [what, records] of [
  ['handled in part', 3],
  ['not handled', 0],
  ['handled, and not committed', 99],
] as const) {
  test(`a shard that comes back with an older store gives none of its batches a number that was ${what}`, async (t) => {
    await withKept(async (world, a, b) => {
      a.publish('a', 'before', 1);
      await settle(world);
      const older = rowsOf(a);
      for (let i = 0; i < 6; i++) a.publish('a', `lost ${i}`, 1);
      a.keepAll();
      a.mesh.flush();
      await nextLoop();
      b.commitsAtOnce = false;
      b.mesh.drain(new CountedBudget(records));
      if (records < 6) b.keepAll();
      comeBackWith(world, 0, older);
      await world.settle(4);
      b.commitsAtOnce = true;
      for (let i = 0; i < 6; i++) world.node(0).publish('a', `new ${i}`, 1);
      await settle(world);
      t.deepEqual(
        textsOf(b).filter((text) => text.startsWith('new')),
        Array.from({ length: 6 }, (_, i) => `new ${i}`),
      );
    });
  });
}

test('the row of a batch stays for a while after it was applied, however long its shard was busy before', async (t) => {
  await withKept(async (world, a) => {
    a.mesh.sweep(0);
    a.publish('a', '1', 1);
    a.publish('a', '2', 1);
    await settle(world);
    for (const [nowMs, count] of [
      [10 * OUTBOX_KEEP_MS, 1],
      [11 * OUTBOX_KEEP_MS - 1, 1],
      [11 * OUTBOX_KEEP_MS, 1],
    ] as const) {
      a.mesh.sweep(nowMs);
      a.keepAll();
      const rows = [...a.disc!.table('outbox')];
      t.is(rows.length, count);
      t.is(rows[0]!.value.length > 20, nowMs < 11 * OUTBOX_KEEP_MS);
    }
  });
});

test('numbers go on after a restart, although all rows have been removed', async (t) => {
  await withKept(async (world, a, b) => {
    for (const text of ['1', '2', '3']) {
      a.publish('a', text, 1);
      await settle(world);
    }
    a.mesh.sweep(0);
    a.publish('a', '4', 1);
    await settle(world);
    for (const nowMs of [1, 2 * OUTBOX_KEEP_MS, 4 * OUTBOX_KEEP_MS]) {
      a.mesh.sweep(nowMs);
      a.keepAll();
    }
    const rows = [...a.disc!.table('outbox')];
    t.is(rows.length, 1, 'the number of the last');
    world.kill(0);
    world.restart(0);
    const again = world.node(0);
    // Before it has heard anything of the other.
    again.view.load(
      createMessage({ topic: 'a', payload: Buffer.from('5'), qos: 1, retain: false, receivedAtMs: 0 }),
    );
    again.mesh.forward(again.view, 0b10, 0b10, -1);
    await settle(world);
    t.deepEqual(textsOf(b), ['1', '2', '3', '4', '5']);
    again.publish('a', '6', 1);
    await settle(world);
    t.is(
      [...again.disc!.table('outbox')].filter(({ value }) => value.length < 20).length,
      0,
      'no longer needed',
    );
  });
});

test('a shard that has lost its store is asked and answered as before', async (t) => {
  await withKept(async (world, a, b) => {
    a.publish('x', 'retained', 1, 1);
    await settle(world);
    t.deepEqual(textsOf(b), ['retained']);
    world.kill(1);
    await world.settle(4);
    b.disc!.rows.clear();
    world.restart(1);
    await settle(world);
    const back = world.node(1);
    a.mesh.post(asShardId(1), { kind: 'retained.close', replay: 1 });
    const answers: boolean[] = [];
    back.table.subscribe('x');
    back.mesh.whenInterestKnown((ok) => answers.push(ok), NEVER);
    await settle(world);
    t.is(back.retained.length, 1, 'nothing that it has had once is waited for');
    t.deepEqual(answers, [true]);
    a.publish('x', 'again', 1, 1);
    await settle(world);
    t.deepEqual(textsOf(back), ['again']);
  });
});

test('a store that is older than what others have handled of it gives no number twice', async (t) => {
  await withKept(async (world, a, b) => {
    for (let i = 0; i < 6; i++) a.publish('a', `${i}`, 1);
    a.keepAll();
    a.mesh.flush();
    await nextLoop();
    b.mesh.drain(new CountedBudget(5));
    const count = b.received.length;
    t.true(count > 0 && count < 6, 'in part');
    b.keepAll();
    for (const id of [0, 1]) world.kill(id);
    // As after a power cut, or from a backup that has read this one first.
    a.disc!.rows.clear();
    for (const id of [0, 1]) world.restart(id);
    await settle(world);
    for (const text of ['new 1', 'new 2', 'new 3', 'new 4', 'new 5']) world.node(0).publish('a', text, 1);
    await settle(world);
    t.deepEqual(textsOf(world.node(1)), ['new 1', 'new 2', 'new 3', 'new 4', 'new 5']);
  });
});

test('a barrier is answered when the owner has handled kept writes, or when nobody can be promised them', async (t) => {
  for (const isFailing of [false, true]) {
    await withKept(async (world, a, b) => {
      a.publish('x', 'retained', 1, 1);
      const answers: boolean[] = [];
      b.table.subscribe('x');
      b.mesh.whenInterestKnown((ok) => answers.push(ok), NEVER);
      await world.settle(4);
      t.deepEqual(answers, []);
      a.beginCommit();
      if (isFailing) a.endCommit();
      else a.keepAll();
      a.mesh.sweep(100);
      await world.settle(4);
      t.deepEqual(answers, [true]);
      t.deepEqual(textsOf(b), isFailing ? [] : ['retained']);
    });
  }
});

test('a question about retained messages comes behind what its own shard has retained before', async (t) => {
  await withKept(async (world, a, b) => {
    a.publish('x', 'retained', 1, 1);
    const seen: string[] = [];
    b.watch = ({ text }) => seen.push(`${text} after ${b.retained.length} questions`);
    a.mesh.post(asShardId(1), { kind: 'retained.open', replay: 1, filter: '#', bytesMax: 10 });
    a.mesh.post(asShardId(1), { kind: 'retained.close', replay: 1 });
    await world.settle(4);
    t.is(b.retained.length, 0);
    await settle(world);
    t.deepEqual(seen, ['retained after 0 questions']);
    t.deepEqual(
      b.retained.map(({ kind }) => kind),
      ['retained.open', 'retained.close'],
    );
  });
});

test('a retained write with QoS 0 does not overtake one that is kept', async (t) => {
  await withKept(async (world, a, b) => {
    a.publish('x', 'first', 1, 1);
    a.publish('x', 'second', 0, 1);
    await settle(world);
    t.deepEqual(textsOf(b), ['first', 'second']);
  });
});

test('for a dead shard it waits up to a larger bound; other messages go on when it is reached', async (t) => {
  await withKept(async (world, a) => {
    world.kill(1);
    await world.settle(4);
    t.is(a.table.durablyInterested('a'), 0b10);
    t.is(a.table.interested('b'), 0);
    let sent = 0;
    for (; a.mesh.hasCredit(-1, 1) && sent < 1_000; sent++) a.publish('a', `${sent}`, 1, -1, LARGE_BYTES);
    t.is(sent, Math.ceil(PEER_WAITING_BYTES_MAX / LARGE_BYTES));
    t.true(a.mesh.hasCredit(-1, 0));
    t.false(a.mesh.hasCredit(-1, 2));
    a.keepAll();
    t.true(a.mesh.hasCredit(-1, 1, 0), 'nothing that waits for a commit holds up what needs none');
    world.restart(1);
    await settle(world);
    const back = world.node(1);
    t.deepEqual(textsOf(back), [...Array(sent).keys()].map(String));
    t.true(a.mesh.hasCredit(-1, 1));
    t.deepEqual(a.credits.slice(-1), [asShardId(1)]);
  });
});

test('a shard whose commits fail holds up what is kept for it, and nothing else', async (t) => {
  await withKept(async (world, a) => {
    let sent = 0;
    for (; a.mesh.hasCredit(-1, 1) && sent < 1_000; sent++) {
      a.publish('a', `${sent}`, 1, -1, LARGE_BYTES);
      a.keepAll();
      await world.settle(1);
    }
    t.is(sent, PEER_CREDIT_BYTES / LARGE_BYTES);
    t.true(a.mesh.hasCredit(-1, 1, 0));
    t.true(a.mesh.hasCredit(-1, 0));
    await settle(world);
    t.true(a.mesh.hasCredit(-1, 1));
  });
});

test('a full outbox whose commits fail holds up only the topics that wait in it', async (t) => {
  await withKept(async (world, a, b) => {
    const hasRoom = (topic: string): boolean => a.mesh.hasRoomBehind(a.load(topic, 'x', 1), 0b10);
    for (let i = 0; a.mesh.hasCredit(-1, 1) && i < 1_000; i++) a.publish('a', `${i}`, 1, -1, LARGE_BYTES);
    t.true(a.mesh.hasCredit(-1, 1, 0));
    t.false(hasRoom('a'), 'it would overtake');
    t.true(hasRoom('b'));
    a.publish('b', 'passes', 1);
    await world.settle(4);
    t.deepEqual(textsOf(b), ['passes']);
    const credits = a.credits.length;
    a.keepAll();
    t.true(hasRoom('a'));
    t.true(a.credits.length > credits, 'who waits for it is told');
  });
});

test('a message for a group names it by filter and name', async (t) => {
  await withKept(async (world, a, b) => {
    const groups: string[] = [];
    b.onRecord = (_view, record) => groups.push(`${record.flags} ${record.name} ${record.filter}`);
    a.view.load(createMessage({ topic: 'a', payload: Buffer.of(1), qos: 2, retain: false, receivedAtMs: 0 }));
    t.true(a.mesh.forwardKept(a.view, 1, RECORD_SHARE, 'a/+/ü', '$local/g', 5, 6));
    await settle(world);
    t.deepEqual(groups, [`${RECORD_SHARE | RECORD_NAMED} $local/g a/+/ü`]);
  });
});

test('rows of shards that are no more, damaged ones and later ones are told apart', (t) => {
  return withKept(async (world, a) => {
    a.publish('a', '1', 1);
    a.keepAll();
    const [row] = [...a.disc!.table('outbox')];
    const { outbox } = world.node(1);
    t.is(outbox.restore({ key: Buffer.from([2, ...row!.key.subarray(1)]), value: row!.value }), 'useless');
    t.is(outbox.restore({ key: row!.key, value: row!.value.subarray(1) }), 'damaged');
    t.is(outbox.restore({ key: row!.key, value: framed(row!.key, Buffer.of(), 9) }), 'newer');
    // A record of no bytes would never end.
    t.is(outbox.restore({ key: row!.key, value: framed(row!.key, Buffer.alloc(40), 1) }), 'damaged');
    const record = journalKey(1);
    t.is(outbox.restore({ key: record, value: framed(record, Buffer.of(), 1) }), 'damaged');
    t.is(outbox.restoreApplied({ key: Buffer.of(9), value: Buffer.of() }), 'useless');
    t.is(outbox.restoreApplied({ key: Buffer.of(0), value: Buffer.of(1, 2, 3, 4, 5, 6) }), 'damaged');
  });
});

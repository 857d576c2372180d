import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { shardOfSlot } from '../../../src/actor/slots.js';
import { appliedValue } from '../../../src/storage/applied-record.js';
import { Environment } from '../../../src/storage/environment.js';
import { framed, opened } from '../../../src/storage/framing.js';
import { JournalFold } from '../../../src/storage/journal-fold.js';
import {
  JOURNAL_VERSION,
  NO_MESSAGE,
  PLACES_MAX,
  STATE_RELEASED,
  STATE_SENT,
} from '../../../src/storage/journal-format.js';
import { JournalReader } from '../../../src/storage/journal-reader.js';
import { JournalWriter } from '../../../src/storage/journal-writer.js';
import { appliedKey, journalKey, sessionKey } from '../../../src/storage/keys.js';
import { redistribute, shardDirectory, survey } from '../../../src/storage/redistribution.js';
import { beginSwap, commitSwap, finishSwap, storedShards } from '../../../src/storage/shard-swap.js';
import { TABLES } from '../../../src/storage/tables.js';
import { quickDirectory } from '../../helpers/with-broker.js';
import { type NodePlan, readNode, type SessionPlan, writeNode } from './moved.js';
import { outboxRow } from './real-rows.js';

const session: fc.Arbitrary<SessionPlan> = fc.record({
  slot: fc.nat(1_023),
  isMortal: fc.boolean(),
  filters: fc.uniqueArray(fc.constantFrom('a/#', 'b', '$share/g/c', '$local/d', 'x'.repeat(2_000)), {
    maxLength: 4,
  }),
  fates: fc.array(
    fc.tuple(fc.constantFrom('queued', 'sent', 'released', 'done', 'inbound', 'shared'), fc.nat(15)),
    { maxLength: 12 },
  ),
});

const node: fc.Arbitrary<NodePlan> = fc.record({
  sessions: fc.array(session, { maxLength: 25 }),
  retained: fc.uniqueArray(fc.nat(1_023), { maxLength: 10 }),
});

test('whatever shards have kept is the same when it is given to another number of them', async (t) => {
  const root = quickDirectory();
  const shards = fc.integer({ min: 1, max: 4 });
  const property = fc.asyncProperty(node, shards, shards, async (plan, from, to) => {
    const source = join(root, 'from');
    const target = join(root, 'to');
    mkdirSync(target, { recursive: true });
    await writeNode(source, from, plan);
    const before = await readNode(source, from);
    const counts = await redistribute({ source, from, target, to, shardOfSlot });
    t.deepEqual(await readNode(target, to), before);
    t.is(counts.lost.size, 0);
    t.is(counts.sessions, plan.sessions.length);
    for (const directory of [source, target]) rmSync(directory, { recursive: true });
  });
  await fc.assert(property, { numRuns: 40 });
});

const PLAN: NodePlan = {
  sessions: Array.from({ length: 12 }, (_, i) => ({
    slot: i * 83,
    isMortal: i % 4 === 3,
    filters: ['a/#', 'b'],
    fates: [
      ['queued', 1],
      ['sent', 2],
      ['released', 3],
      ['inbound', 0],
      ['shared', 2],
      ['done', 4],
    ] as const,
  })),
  retained: [1, 2, 3, 500],
};

const swap = (source: string, from: number, to: number) => ({
  ...{ source, from, target: beginSwap(source), to, shardOfSlot },
});

test('a row of a later version refuses, and a damaged one is left out', async (t) => {
  const root = quickDirectory();
  await writeNode(root, 1, PLAN);
  const environment = new Environment(shardDirectory(root, 0), TABLES);
  const key = sessionKey(5, 'later');
  environment.writeNow([
    { table: 'sessions', key: sessionKey(6, 'bent'), value: Buffer.from('damaged') },
    { table: 'journal', key: journalKey(1_000), value: Buffer.from('damaged') },
  ]);
  await environment.close();
  const counts = await redistribute(swap(root, 1, 2));
  t.deepEqual(
    counts.lost,
    new Map([
      [
        0,
        new Map([
          ['sessions', 1],
          ['journal', 1],
        ]),
      ],
    ]),
  );
  t.is(counts.sessions, 12);
  const again = new Environment(shardDirectory(root, 0), TABLES);
  again.writeNow([{ table: 'sessions', key, value: framed(key, Buffer.alloc(9), 200) }]);
  await again.close();
  await t.throwsAsync(redistribute(swap(root, 1, 2)), { message: /later version/ });
});

test('a batch is on its way until its target has applied it', async (t) => {
  const root = quickDirectory();
  await writeNode(root, 2, PLAN);
  const [from, to] = [0, 1].map((shard) => new Environment(shardDirectory(root, shard), TABLES));
  const row = (sequence: number, target = 1, messages = 1) => ({
    table: 'outbox' as const,
    ...outboxRow(target, sequence, Buffer.from('m'), messages),
  });
  const useless = [row(7, 1, 0), row(9, 5), { ...row(8), value: Buffer.from('damaged') }];
  from!.writeNow([row(4), row(5), row(6), ...useless]);
  to!.writeNow([{ table: 'applied', key: appliedKey(0), value: appliedValue(appliedKey(0), 5) }]);
  await Promise.all([from!.close(), to!.close()]);
  const { pending, bytes } = await survey(root, 2);
  t.is(pending, 1);
  t.true(bytes > 0);
});

for (const [from, to] of [
  [2, 3],
  [3, 2],
  [2, 1],
] as const) {
  test(`stores of ${to} shards that are ready take the places of ${from}, also when that is interrupted`, async (t) => {
    const root = quickDirectory();
    await writeNode(root, from, PLAN);
    const before = await readNode(root, from);
    await redistribute(swap(root, from, to));
    t.is(storedShards(root).length, from);
    commitSwap(root, to);
    const interrupt = (): void => {
      throw new Error('interrupted');
    };
    t.throws(() => finishSwap(root, interrupt), { message: 'interrupted' });
    let remembered = 0;
    t.true(
      finishSwap(root, (shards) => {
        remembered = shards;
      }),
    );
    t.false(finishSwap(root, interrupt));
    t.is(remembered, to);
    t.deepEqual(await readNode(root, to), before);
    t.deepEqual(readdirSync(root).sort(), ['shard-0', 'shard-1', 'shard-2'].slice(0, to));
  });
}

test('what a record that was written anew says counts more than what was said before', (t) => {
  const writer = new JournalWriter();
  const fold = new JournalFold();
  const take = (sequence: number, settled: number): JournalReader => {
    const key = journalKey(sequence);
    const frame = opened(key, writer.take(key, settled), JOURNAL_VERSION);
    const reader = new JournalReader();
    t.true(frame.ok && reader.open(frame.content));
    fold.take(sequence, reader);
    return reader;
  };
  writer.begin();
  writer.entry(1, 0, NO_MESSAGE, 4, STATE_RELEASED, 2, 0, 9);
  const reader = take(1, 3);
  writer.begin();
  writer.step(PLACES_MAX, 5, 77, STATE_SENT);
  take(2, 2);
  reader.nextEntry();
  const { packetId, order, state } = fold.now(1, reader)!;
  t.deepEqual([packetId, order, state], [4, 9, STATE_RELEASED]);
});

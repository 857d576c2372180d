import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { numbered, Stage } from '../broker/stage.js';
import type { RawClient } from '../helpers/raw-client.js';
import { breakShard, tempDirectory, until } from '../helpers/with-broker.js';
import { brokerWith, type Scene } from './asking.js';

const KEPT = { 'mqtt.persistence.level': 'process' };

interface Play extends Scene {
  readonly stage: Stage;
}

/** A broker of two shards without other plugins of ours, and clients on both. */
async function play(
  t: ExecutionContext,
  config: Readonly<Record<string, string>> = {},
  directory = tempDirectory(),
): Promise<Play> {
  const scene = await brokerWith(t, { plugins: [], config: { ...KEPT, ...config } }, directory);
  const stage = new Stage(scene.broker, true);
  t.teardown(() => stage.end());
  return { ...scene, stage };
}

/** Retains numbers in `kept/0` and so on, topics of both shards. */
async function retain(publisher: RawClient, count: number, prefix = 'm'): Promise<void> {
  for (let n = 0; n < count; n++) {
    await publisher.publish({ topic: `kept/${n}`, payload: `${prefix}${n}`, qos: 1, retain: true });
  }
}

/** A new subscriber gets just these retained messages. */
async function expectReplayed(
  t: ExecutionContext,
  { stage }: Play,
  expected: readonly string[],
  { version = 5, filter = 'kept/#' }: { version?: 4 | 5; filter?: string } = {},
): Promise<void> {
  const client = await stage.connect({ at: 1, version });
  await client.subscribe(filter);
  const found = await client.receiveAll(expected.length);
  t.true(found.every(({ retain }) => retain));
  t.deepEqual(sorted(found.map(({ payload }) => payload)), sorted(expected));
  const publisher = await stage.connect({ at: 0 });
  // A replay is pulled from both shards: there and back, twice.
  for (let round = 0; round < 3; round++) await client.expectNothingFrom(publisher);
  client.drop();
  publisher.drop();
}

const sorted = (payloads: readonly string[]): string[] => [...payloads].sort();

test.serial(
  'stopped, nothing is retained or replayed; what was there is there again after the start',
  async (t) => {
    const scene = await play(t);
    const { stage, broker } = scene;
    const clients = [await stage.connect({ version: 4 }), await stage.connect({ version: 5 })];
    await retain(clients[0]!, 10);
    await expectReplayed(t, scene, numbered(10));
    t.deepEqual(await broker.plugins.stop('emq_retainer'), { ok: true });
    const live = await stage.connect({ at: 1 });
    await live.subscribe([['kept/#', 1]]);
    for (const client of clients) {
      // The one of MQTT 5 was told nothing when it connected.
      await client.publish({ topic: 'kept/0', payload: 'new', qos: 1, retain: true });
      await client.publish({ topic: 'kept/1', payload: '', qos: 1, retain: true });
      await client.publish({ topic: 'kept/new', payload: 'new', qos: 0, retain: true });
      for (const payload of ['new', '', 'new']) await live.receive(payload);
    }
    await live.expectNothingFrom(clients[0]!);
    for (const version of [4, 5] as const) await expectReplayed(t, scene, [], { version });
    const { stats, metrics } = await stage.figures();
    t.is(stats['retained/count'], 10);
    t.is(metrics['messages/retained'], 10);
    t.deepEqual(await broker.plugins.start('emq_retainer'), { ok: true });
    for (const version of [4, 5] as const) await expectReplayed(t, scene, numbered(10), { version });
  },
);

test.serial(
  'clients of MQTT 5 are told; who was told may retain once it is on again; wills of 3.1.1 are only sent',
  async (t) => {
    const scene = await play(t);
    const { stage, broker } = scene;
    const before = await stage.connect();
    t.is(before.connack?.properties.retainAvailable, undefined);
    await broker.plugins.stop('emq_retainer');
    const told = await stage.connect({ at: 1 });
    t.is(told.connack?.properties.retainAvailable, 0);
    const offender = await stage.connect({ at: 1 });
    offender.sendPublish({ topic: 'kept/0', payload: 'x', qos: 1, id: 1, retain: true });
    await offender.expectEnd(0x9a);
    const live = await stage.connect();
    await live.subscribe('kept/#');
    const will = { topic: 'kept/will', payload: 'will', retain: true };
    const old = await stage.connect({ version: 4, at: 1, will });
    old.drop();
    await live.receive('will');
    await told.publish({ topic: 'kept/1', payload: 'plain', qos: 1 });
    await live.receive('plain');
    await broker.plugins.start('emq_retainer');
    await expectReplayed(t, scene, []);
    await told.publish({ topic: 'kept/1', payload: 'again', qos: 1, retain: true });
    await expectReplayed(t, scene, ['again']);
  },
);

test.serial(
  'a broker that starts without it retains nothing, and says that its keys have no effect',
  async (t) => {
    const first = await play(t);
    await first.broker.plugins.stop('emq_retainer');
    await first.broker.stop();
    t.is(readFileSync(join(first.directory, 'loaded_plugins'), 'utf8'), 'emq_recon.\nemq_modules.\n');
    const again = await play(t, { 'retainer.max_message_num': '7' }, first.directory);
    t.true(again.logger.has('warn', /keys of emq_retainer are set, and it does not run/));
    await retain(await again.stage.connect({ version: 4 }), 4);
    await expectReplayed(t, again, []);
    await again.broker.plugins.start('emq_retainer');
    await retain(await again.stage.connect({ version: 4 }), 4);
    await expectReplayed(t, again, numbered(4));
  },
);

test.serial(
  'configure shows and changes its limits in all shards, keeps what is there, and a restart remembers',
  async (t) => {
    const scene = await play(t, { 'retainer.max_payload_size': '1KB' });
    const { stage, broker, directory } = scene;
    const setOf = (settings = broker.plugins.config('emq_retainer')) =>
      settings?.filter(({ isSet }) => isSet).map(({ key, value }) => `${key}=${value}`);
    t.deepEqual(setOf(), ['retainer.max_payload_size=1KB']);
    const publisher = await stage.connect();
    await retain(publisher, 12);
    t.like(await broker.plugins.configure('emq_retainer', { 'retainer.storage_type': 'tape' }), {
      why: 'invalid',
    });
    const values = { 'retainer.max_message_num': '2', 'retainer.max_payload_size': '4' };
    t.deepEqual(await broker.plugins.configure('emq_retainer', values), { ok: true });
    await expectReplayed(t, scene, numbered(12));
    const live = await stage.connect({ at: 1 });
    await live.subscribe('kept/#', {});
    await live.receiveAll(12);
    for (let n = 12; n < 20; n++) {
      await publisher.publish({ topic: `kept/${n}`, payload: 'no', qos: 1, retain: true });
      await live.receive('no');
    }
    await publisher.publish({ topic: 'kept/0', payload: 'a', qos: 1, retain: true });
    await publisher.publish({ topic: 'kept/1', payload: '', qos: 1, retain: true });
    await publisher.publish({ topic: 'kept/2', payload: 'large', qos: 1, retain: true });
    const now = numbered(12).filter((payload) => !['m0', 'm1', 'm2'].includes(payload));
    await expectReplayed(t, scene, ['a', ...now]);
    await until(() => scene.logger.has('warn', /there are too many retained messages/), 'a line');
    await broker.stop();
    const again = await play(t, { 'retainer.max_payload_size': '1KB' }, directory);
    t.deepEqual(setOf(again.broker.plugins.config('emq_retainer')), [
      'retainer.max_message_num=2',
      'retainer.max_payload_size=4',
    ]);
    const client = await again.stage.connect();
    const count = async (): Promise<number | undefined> =>
      (await again.stage.figures()).stats['retained/count'];
    await retain(client, 50);
    t.is(await count(), 10, 'what was kept, and no other');
    for (let n = 0; n < 12; n++) {
      await client.publish({ topic: `kept/${n}`, payload: '', qos: 1, retain: true });
    }
    await retain(client, 50);
    t.is(await count(), 2, 'one in each shard');
  },
);

test.serial('an expiry that is configured later counts for what is there, but for $SYS', async (t) => {
  const scene = await play(t);
  const { stage, broker } = scene;
  const publisher = await stage.connect();
  await retain(publisher, 10);
  await publisher.publish({ topic: '$SYS/kept', payload: 'sys', qos: 1, retain: true });
  await stage.advanceClock(1_000);
  await retain(publisher, 2, 'n');
  const expiry = { 'retainer.expiry_interval': '500s' };
  t.deepEqual(await broker.plugins.configure('emq_retainer', expiry), { ok: true });
  await expectReplayed(t, scene, ['n0', 'n1']);
  await expectReplayed(t, scene, ['sys'], { filter: '$SYS/kept' });
  await until(async () => (await stage.figures()).stats['retained/count'] === 3, 'the others to be removed');
});

test.serial(
  'nothing that is published while it is being configured is lost, and nobody is turned away',
  async (t) => {
    const scene = await play(t);
    const { stage, broker } = scene;
    const publishers = [await stage.connect({ at: 0 }), await stage.connect({ at: 1 })];
    let isDone = false;
    const counts = await Promise.all([
      ...publishers.map(async (publisher, who) => {
        let count = 0;
        for (; !isDone; count++)
          await publisher.publish({ topic: `kept/${who}/${count}`, payload: 'x', qos: 1, retain: true });
        return count;
      }),
      (async () => {
        for (let round = 0; round < 20; round++) {
          const values = { 'retainer.max_payload_size': `${round + 1}KB` };
          t.deepEqual(await broker.plugins.configure('emq_retainer', values), { ok: true });
          const client = await stage.connect({ at: round });
          t.is(client.connack?.properties.retainAvailable, undefined);
        }
        isDone = true;
        return 0;
      })(),
    ]);
    const total = counts.reduce((sum, count) => sum + count, 0);
    t.true(total > 20);
    const client = await stage.connect();
    await client.subscribe('kept/#');
    t.is(new Set((await client.receiveAll(total)).map(({ topic }) => topic)).size, total);
  },
);

test.serial('a shard that restarts retains again, within the same limits', async (t) => {
  const scene = await play(t, { 'retainer.max_payload_size': '4' });
  await breakShard(scene.broker, 1, 'throw');
  await until(() => scene.logger.has('info', /shard 1 is back/), 'the shard');
  const publisher = await scene.stage.connect({ at: 1 });
  t.is(publisher.connack?.properties.retainAvailable, undefined);
  await retain(publisher, 10);
  for (let n = 0; n < 10; n++) {
    await publisher.publish({ topic: `kept/large/${n}`, payload: 'large', qos: 1, retain: true });
  }
  await expectReplayed(t, scene, numbered(10));
});

test.serial('a storage type that is not built yet is accepted, and a line says what it does', async (t) => {
  const { logger, broker } = await play(t, { 'retainer.storage_type': 'disc' });
  t.true(broker.plugins.list().some(({ name, active }) => name === 'emq_retainer' && active));
  t.true(logger.has('warn', /emq_retainer: retainer.storage_type is disc, and they are kept in memory/));
});

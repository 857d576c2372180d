/** Shards that end, in each way a thread can, and what happens to the others. */
import test from 'ava';
import { BrokerError } from '../../src/base/errors.js';
import type { Fault } from '../../workers/faults.js';
import { clientIdOn } from '../helpers/client-ids.js';
import { RawClient } from '../helpers/raw-client.js';
import {
  addressOf,
  breakShard,
  RecordingLogger,
  startTestBroker,
  tempDirectory,
  until,
  withBroker,
} from '../helpers/with-broker.js';
import { connectBytes, STUB_SHARD, StubClient } from './stub-client.js';

const shardEntry = STUB_SHARD;

const ENDS: Record<Exclude<Fault, 'busy'>, RegExp> = {
  throw: /shard 1 has ended: a fault was injected/,
  hang: /shard 1 has ended: silent for \d+ ms/,
  spin: /shard 1 has ended: silent for \d+ ms/,
  'out-of-memory': /shard 1 has ended: .*memory/,
};

for (const [fault, line] of Object.entries(ENDS)) {
  const logger = new RecordingLogger();
  test(
    `a shard that ends by ${fault} is logged and restarted, its connections are closed, the others go on`,
    withBroker(
      {
        shardEntry,
        logger,
        // A small heap is soon full.
        memoryBytes: 1 << 30,
        // To fill a heap takes a busy machine longer than silence may.
        config: {
          'node.shards': 3,
          'shard.silence_timeout': fault === 'hang' || fault === 'spin' ? '3s' : '60s',
        },
      },
      async (broker, t) => {
        const bystander = await StubClient.greet(broker, connectBytes(clientIdOn(broker, 0)));
        const victim = await StubClient.greet(broker, connectBytes(clientIdOn(broker, 1)));
        t.deepEqual(victim.greeting.peers, [0, 2]);
        await breakShard(broker, 1, fault as Fault);
        await victim.client.closed();
        bystander.client.send(Buffer.from('still here\n'));
        t.is(await bystander.client.line(), 'still here');

        // Before main has learned of the end, a connection may still be given to the thread that is ending.
        await until(() => logger.has('error', line), 'the log line');
        const back = await StubClient.greet(broker, connectBytes(clientIdOn(broker, 1)));
        t.is(back.greeting.incarnation, 2);
        t.deepEqual(back.greeting.peers, [0, 2], 'joined anew with both');
        const other = await StubClient.greet(broker, connectBytes(clientIdOn(broker, 2)));
        t.is(other.greeting.incarnation, 1);
        t.deepEqual(other.greeting.peers, [0, 1], 'was told of the loss, and joined anew');
        t.true(logger.has('info', /shard 1 is back/));
        t.deepEqual(broker.listenerFigures()[0]!.shutdownCount(), { shard_crashed: 1 });
        t.is(broker.listenerFigures()[0]!.current, 3);
      },
    ),
  );
}

const waitingLog = new RecordingLogger();
test(
  'connections for a shard that is down wait for it',
  withBroker({ shardEntry, logger: waitingLog }, async (broker, t) => {
    const clientId = clientIdOn(broker, 0);
    const before = await StubClient.greet(broker, connectBytes(clientId));
    await breakShard(broker, 0, 'throw');
    await before.client.closed();
    await until(() => waitingLog.has('error', /has ended/), 'the log line');
    const waiting = await Promise.all(
      ['a', 'b', 'c'].map((prefix) => StubClient.greet(broker, connectBytes(clientIdOn(broker, 0, prefix)))),
    );
    for (const { greeting } of waiting) t.is(greeting.incarnation, 2);
  }),
);

const ignoring = new RecordingLogger();
test(
  'a descriptor that a shard had not begun to adopt is closed by main when the shard ends',
  withBroker(
    { shardEntry, logger: ignoring, config: { 'node.name': 'neverAdopts@x' } },
    async (broker, t) => {
      const client = await StubClient.open(broker);
      client.send(connectBytes(clientIdOn(broker, 0)));
      await until(() => ignoring.has('info', /ignored/), 'the shard to have been told');
      await breakShard(broker, 0, 'throw');
      await client.closed();
      await until(() => broker.listenerFigures()[0]!.current === 0);
      t.deepEqual(broker.listenerFigures()[0]!.shutdownCount(), { shard_crashed: 1 });
    },
  ),
);

test('shards that never start stop the broker, and the start says why', async (t) => {
  const options = { shardEntry, config: { 'node.name': 'failsAtStart@x', 'node.shards': 1 } };
  const error = await t.throwsAsync(startTestBroker(options, tempDirectory()), { instanceOf: BrokerError });
  t.is(error.code, 'SHARD_FAILED');
  t.regex(error.message, /5 crashes of shards within 60 s; the last, of shard 0: a fault was injected/);
});

test('five crashes in a minute stop the broker; `failed` says so when it has stopped', async (t) => {
  const logger = new RecordingLogger();
  const broker = await startTestBroker({ shardEntry, logger }, tempDirectory());
  for (let crash = 0; crash < 5; crash++) {
    const shard = crash % 2;
    await breakShard(broker, shard, 'throw');
    const hasEnded = (): boolean => logger.lines.filter(({ level }) => level === 'error').length > crash;
    const isBack = (): boolean => logger.lines.filter(({ level }) => level === 'info').length > crash;
    await until(hasEnded, 'the shard to end');
    if (crash < 4) await until(isBack, 'the shard to be back');
  }
  const error = await broker.failed;
  t.is(error.code, 'SHARD_FAILED');
  t.true(logger.has('fatal', /5 crashes/));
  await t.throwsAsync(StubClient.greet(broker, connectBytes('late')));
  await broker.stop();
});

const realLog = new RecordingLogger();
test(
  'when a shard is back, messages reach subscribers on it, and those on it reach others',
  withBroker({ logger: realLog }, async (broker, t) => {
    const join = async (shard: number, prefix: string, filter: string): Promise<RawClient> => {
      const client = await RawClient.open(addressOf(broker), 4);
      await client.connect({ clientId: clientIdOn(broker, shard, prefix) });
      await client.subscribe(filter);
      return client;
    };
    const survivor = await join(0, 'survivor', 'to/survivor');
    const victim = await join(1, 'victim', 'to/victim');
    await breakShard(broker, 1, 'throw');
    await victim.expectClosed();
    await until(() => realLog.has('error', /has ended/), 'the log line');
    const back = await join(1, 'back', 'to/back');
    survivor.sendPublish({ topic: 'to/back', payload: 'hello' });
    t.is((await back.expect('publish')).topic, 'to/back');
    back.sendPublish({ topic: 'to/survivor', payload: 'hello' });
    t.is((await survivor.expect('publish')).topic, 'to/survivor');
    survivor.drop();
    back.drop();
  }),
);

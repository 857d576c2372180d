/** Shards that end, in each way a thread can, and what happens to the others. */
import test from 'ava';
import { BrokerError } from '../../src/base/errors.js';
import type { Fault } from '../../workers/faults.js';
import { clientIdOn } from '../helpers/client-ids.js';
import {
  breakShard,
  RecordingLogger,
  startTestBroker,
  tempDirectory,
  until,
  withBroker,
} from '../helpers/with-broker.js';
import { connectBytes, STUB_SHARD, StubClient } from './stub-client.js';

const shardEntry = STUB_SHARD;

const ENDS: Record<Fault, RegExp> = {
  throw: /shard 1 has ended: a fault was injected/,
  hang: /shard 1 has ended: silent for \d+ ms/,
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
        config: { 'node.shards': 3, 'shard.silence_timeout': '3s' },
      },
      async (broker, t) => {
        const bystander = await StubClient.greet(broker, connectBytes(clientIdOn(broker, 0)));
        const victim = await StubClient.greet(broker, connectBytes(clientIdOn(broker, 1)));
        t.deepEqual(victim.greeting.peers, [0, 2]);
        await breakShard(broker, 1, fault as Fault);
        await victim.client.closed();
        bystander.client.send(Buffer.from('still here\n'));
        t.is(await bystander.client.line(), 'still here');

        const back = await StubClient.greet(broker, connectBytes(clientIdOn(broker, 1)));
        t.is(back.greeting.incarnation, 2);
        t.deepEqual(back.greeting.peers, [0, 2], 'joined anew with both');
        const other = await StubClient.greet(broker, connectBytes(clientIdOn(broker, 2)));
        t.is(other.greeting.incarnation, 1);
        t.deepEqual(other.greeting.peers, [0, 1], 'was told of the loss, and joined anew');
        t.true(logger.has('error', line), JSON.stringify(logger.lines));
        t.true(logger.has('info', /shard 1 is back/));
        t.deepEqual(broker.listenerFigures()[0]!.shutdownCount(), { shard_crashed: 1 });
        t.is(broker.listenerFigures()[0]!.current, 3);
      },
    ),
  );
}

test(
  'connections for a shard that is down wait for it',
  withBroker({ shardEntry }, async (broker, t) => {
    const clientId = clientIdOn(broker, 0);
    const before = await StubClient.greet(broker, connectBytes(clientId));
    await breakShard(broker, 0, 'throw');
    await before.client.closed();
    const waiting = await Promise.all(
      ['a', 'b', 'c'].map((prefix) => StubClient.greet(broker, connectBytes(clientIdOn(broker, 0, prefix)))),
    );
    for (const { greeting } of waiting) t.is(greeting.incarnation, 2);
  }),
);

test(
  'a descriptor that a shard had not begun to adopt is closed by main when the shard ends',
  withBroker({ shardEntry, config: { 'node.name': 'neverAdopts@x' } }, async (broker, t) => {
    const client = await StubClient.open(broker);
    client.send(connectBytes(clientIdOn(broker, 0)));
    await until(() => broker.listenerFigures()[0]!.accepted === 1);
    await breakShard(broker, 0, 'throw');
    await client.closed();
    await until(() => broker.listenerFigures()[0]!.current === 0);
    t.deepEqual(broker.listenerFigures()[0]!.shutdownCount(), { shard_crashed: 1 });
  }),
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

/** A broker with another number of shards than last time has everything that was kept, once and in order. */
import { readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { RunningBroker } from '../../src/broker.js';
import { PERSISTENT } from '../helpers/packets.js';
import { RawClient } from '../helpers/raw-client.js';
import {
  addressOf,
  advanceClock,
  RecordingLogger,
  startTestBroker,
  tempDirectory,
} from '../helpers/with-broker.js';
import { findAll, publishRound, settle, stayUntilTheEnd } from './household.js';
import { type BrokerRun, startForkedBroker } from './ledger/broker-process.js';

const TIMEOUT_MS = 120_000;
const MESSAGES = 40;

type Level = 'memory' | 'process';

function start(
  directory: string,
  shards: number,
  logger = new RecordingLogger(),
  level: Level = 'process',
): Promise<RunningBroker> {
  const config = { 'node.shards': shards, 'mqtt.persistence.level': level } as const;
  return startTestBroker({ config, logger }, directory);
}

async function checkAndStop(
  t: ExecutionContext,
  broker: RunningBroker,
  rounds: number,
  wills: readonly string[] = [],
): Promise<void> {
  try {
    await findAll(t, addressOf(broker), rounds, (seconds) => advanceClock(broker, seconds * 1000), wills);
  } finally {
    await broker.stop();
  }
}

test.serial('1, 3, 2 and then 4 shards, each stopped in order', async (t) => {
  t.timeout(TIMEOUT_MS);
  const directory = tempDirectory();
  for (const [round, shards] of [1, 3, 2].entries()) {
    const broker = await start(directory, shards);
    if (round === 0) await settle(addressOf(broker));
    await publishRound(addressOf(broker), round);
    await broker.stop();
  }
  const logger = new RecordingLogger();
  const last = await start(directory, 4, logger);
  t.is(last.shards, 4);
  await checkAndStop(t, last, 3);
  t.deepEqual(logger.troubles, []);
});

interface Fork {
  readonly run: BrokerRun;
  readonly address: { readonly host: string; readonly port: number };
}

async function fork(dataDir: string, shards: number): Promise<Fork> {
  const run = startForkedBroker({ dataDir, level: 'process', shards });
  return { run, address: { host: '127.0.0.1', port: await run.ready } };
}

test.serial('3, 2 and then 1 shards, each ended by kill -9', async (t) => {
  t.timeout(TIMEOUT_MS);
  const directory = tempDirectory();
  for (const [round, shards] of [3, 2].entries()) {
    const { run, address } = await fork(directory, shards);
    if (round === 0) {
      await stayUntilTheEnd(address);
      await settle(address);
    }
    await publishRound(address, round);
    await run.end('SIGKILL');
  }
  await checkAndStop(t, await start(directory, 1), 2, ['clean']);
});

async function clientOn({ run, address }: Fork, shard: number, prefix: string): Promise<RawClient> {
  for (let n = 0; ; n++) {
    const clientId = `${prefix}-${n}`;
    if ((await run.shardOf(clientId)) !== shard) continue;
    const client = await RawClient.open(address, 5);
    await client.connect({ ...PERSISTENT, clientId });
    return client;
  }
}

/** Kills shard 1 of two, lets shard 0 acknowledge messages to it, and kills all. @returns ClientIds on shard 1 */
async function leaveOnTheWay(directory: string): Promise<{ subscriber: string; member: string }> {
  const old = await fork(directory, 2);
  const subscriber = await clientOn(old, 1, 'subscriber');
  await subscriber.subscribe([['t/#', 2]]);
  const member = await clientOn(old, 1, 'member');
  await member.subscribe([['$share/g/s', 1]]);
  const publisher = await clientOn(old, 0, 'publisher');
  await old.run.killThread(1, () => undefined);
  for (let n = 0; n < MESSAGES; n++) {
    for (const qos of [1, 2]) await publisher.publish({ topic: `t/${qos}`, payload: `${n}`, qos });
    await publisher.publish({ topic: 's', payload: `${n}`, qos: 1 });
  }
  await old.run.end('SIGKILL');
  return { subscriber: subscriber.clientId, member: member.clientId };
}

const DELIVERED_FIRST = /batches of messages are delivered/;

test.serial('what was on its way between shards when all of them were killed is delivered', async (t) => {
  t.timeout(TIMEOUT_MS);
  const directory = tempDirectory();
  const { subscriber, member } = await leaveOnTheWay(directory);
  const logger = new RecordingLogger();
  const broker = await start(directory, 3, logger);
  try {
    const back = async (clientId: string, count: number): Promise<string[]> => {
      const client = await RawClient.open(addressOf(broker), 5);
      t.true((await client.connect({ ...PERSISTENT, clientId })).sessionPresent);
      const found = await client.receiveAll(count);
      await client.expectSilence();
      client.drop();
      return found.map(({ topic, payload }) => `${topic} ${payload}`);
    };
    const numbers = [...Array(MESSAGES).keys()];
    const found = await back(subscriber, 2 * MESSAGES);
    for (const topic of ['t/1', 't/2']) {
      const ofTopic = found.filter((each) => each.startsWith(topic));
      t.deepEqual(
        ofTopic,
        numbers.map((n) => `${topic} ${n}`),
      );
    }
    t.deepEqual(
      await back(member, MESSAGES),
      numbers.map((n) => `s ${n}`),
    );
  } finally {
    await broker.stop();
  }
  if (!logger.has('info', DELIVERED_FIRST)) t.log('the shard was back too soon');
});

test.serial(
  'a damaged shard does not hold up what is on its way, and what it has lost is said',
  async (t) => {
    t.timeout(TIMEOUT_MS);
    const directory = tempDirectory();
    await leaveOnTheWay(directory);
    truncateSync(join(directory, 'shard-1', 'data.mdb'), 5_000);
    const logger = new RecordingLogger();
    const broker = await start(directory, 3, logger);
    t.deepEqual(
      broker.alarms().map(({ id }) => id),
      ['store_damaged.1'],
    );
    await broker.stop();
    if (!logger.has('info', DELIVERED_FIRST)) t.log('the shard was back too soon');
  },
);

test.serial(
  'with the level memory nothing is opened or moved, and all is there with the next level',
  async (t) => {
    t.timeout(TIMEOUT_MS);
    const directory = tempDirectory();
    const first = await start(directory, 2);
    await settle(addressOf(first));
    await publishRound(addressOf(first), 0);
    await first.stop();
    const before = readdirSync(directory, { recursive: true }).sort();
    const logger = new RecordingLogger();
    const second = await start(directory, 3, logger, 'memory');
    t.is(second.shards, 3);
    const stranger = await RawClient.open(addressOf(second), 5);
    const { sessionPresent } = await stranger.connect({ ...PERSISTENT, clientId: 'device-0' });
    t.false(sessionPresent);
    stranger.drop();
    await second.stop();
    t.true(logger.has('warn', /is left alone, since mqtt.persistence.level is memory/));
    t.deepEqual(readdirSync(directory, { recursive: true }).sort(), before);
    await checkAndStop(t, await start(directory, 3), 1);
  },
);

test.serial('a second broker in another process is refused, and one after kill -9 is not', async (t) => {
  const directory = tempDirectory();
  const { run } = await fork(directory, 1);
  await t.throwsAsync(start(directory, 1), { code: 'DATA_DIR_FAILED', message: /in use by a broker/ });
  await run.end('SIGKILL');
  await (await start(directory, 1)).stop();
  t.pass();
});

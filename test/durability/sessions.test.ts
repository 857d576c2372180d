/** What a broker has kept is there when it starts again: after an orderly stop, and after kill -9. */
import test, { type ExecutionContext } from 'ava';
import { Environment } from '../../src/storage/environment.js';
import { framed } from '../../src/storage/framing.js';
import { sessionKey } from '../../src/storage/keys.js';
import { shardDirectory } from '../../src/storage/redistribution.js';
import { TABLES } from '../../src/storage/tables.js';
import { RawClient } from '../helpers/raw-client.js';
import {
  addressOf,
  advanceClock,
  onEveryShard,
  RecordingLogger,
  startTestBroker,
  tempDirectory,
  until,
} from '../helpers/with-broker.js';
import { type BrokerRun, startForkedBroker } from './ledger/broker-process.js';

const OPTIONS = { config: { 'node.shards': 3, 'mqtt.persistence.level': 'process' } } as const;
const LASTING = { clean: false, properties: { sessionExpiry: 100_000 } } as const;
const CLIENTS = 12;

type Address = Parameters<typeof RawClient.open>[0];

async function opened(address: Address, clientId: string, version: 4 | 5 = 5): Promise<RawClient> {
  const client = await RawClient.open(address, version);
  await client.connect({ clientId, ...(version === 5 ? LASTING : { clean: false }) });
  return client;
}

/** Sessions on all shards, each with a few subscriptions, and something retained. */
async function fill(address: Address): Promise<void> {
  for (let i = 0; i < CLIENTS; i++) {
    const client = await opened(address, `client-${i}`, i % 2 === 0 ? 5 : 4);
    await client.subscribe([
      [`own/${i}/+`, 2],
      ['all/#', 1],
      ['$share/group/work', 1],
    ]);
    client.drop();
  }
  const publisher = await opened(address, 'publisher');
  for (let i = 0; i < CLIENTS; i++)
    await publisher.publish({ topic: `kept/${i}`, payload: 'gone', qos: 1, retain: true });
  for (let i = 0; i < CLIENTS; i++)
    await publisher.publish({ topic: `kept/${i}`, payload: `${i}`, qos: 1, retain: true });
  await publisher.publish({ topic: 'kept/0', payload: '', qos: 1, retain: true });
  publisher.drop();
}

/** Everything that `fill` has left is there: each client gets what is meant for it, wherever its session lies. */
async function check(t: ExecutionContext, address: Address): Promise<void> {
  const clients: RawClient[] = [];
  for (let i = 0; i < CLIENTS; i++) {
    const client = await opened(address, `client-${i}`, i % 2 === 0 ? 5 : 4);
    t.true(client.connack?.type === 'connack' && client.connack.sessionPresent, `session ${i}`);
    clients.push(client);
  }
  const publisher = await opened(address, 'publisher');
  for (let i = 0; i < CLIENTS; i++) await publisher.publish({ topic: `own/${i}/x`, payload: 'own', qos: 1 });
  await publisher.publish({ topic: 'all/x', payload: 'all', qos: 1 });
  for (const client of clients) {
    const payloads = [await client.expect('publish'), await client.expect('publish')].map(
      (each) => each.payload,
    );
    t.deepEqual(payloads.sort(), ['all', 'own']);
  }
  const reader = await RawClient.open(address, 5);
  await reader.connect({ clientId: 'reader' });
  await reader.subscribe([['kept/#', 0]]);
  const found: string[] = [];
  for (let i = 1; i < CLIENTS; i++) found.push((await reader.expect('publish')).payload);
  t.deepEqual(
    found.map(Number).sort((a, b) => a - b),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
  );
  for (const client of [...clients, publisher, reader]) client.drop();
}

test.serial(
  'sessions, subscriptions and retained messages of all shards are back after an orderly stop',
  async (t) => {
    const directory = tempDirectory();
    const first = await startTestBroker(OPTIONS, directory);
    await fill(addressOf(first));
    await first.stop();
    const logger = new RecordingLogger();
    const second = await startTestBroker({ ...OPTIONS, logger }, directory);
    try {
      const figures = await onEveryShard(second, (shard) => second.request(shard, 'shard.figures', null));
      const sum = (name: 'sessions' | 'subscriptions' | 'retained'): number =>
        figures.reduce((all, each) => all + each[name], 0);
      t.deepEqual([sum('sessions'), sum('subscriptions')], [CLIENTS + 1, CLIENTS * 3]);
      t.true(
        figures.every(({ routes }) => routes === CLIENTS + 2),
        'each shard knows the interest of all',
      );
      await check(t, addressOf(second));
      t.deepEqual(logger.troubles, []);
    } finally {
      await second.stop();
    }
  },
);

test.serial('they are back after kill -9', async (t) => {
  const dataDir = tempDirectory();
  const start = async (): Promise<{ run: BrokerRun; address: Address }> => {
    const run = startForkedBroker({ dataDir, level: 'process', shards: 3 });
    return { run, address: { host: '127.0.0.1', port: await run.ready } };
  };
  const first = await start();
  await fill(first.address);
  await first.run.end('SIGKILL');
  const second = await start();
  try {
    await check(t, second.address);
  } finally {
    await second.run.end('SIGKILL');
  }
});

test.serial(
  'a session that has ended while the broker was away is gone, and one without an end is not',
  async (t) => {
    const directory = tempDirectory();
    const first = await startTestBroker(OPTIONS, directory);
    const short = await RawClient.open(addressOf(first), 5);
    await short.connect({ clientId: 'short', clean: false, properties: { sessionExpiry: 60 } });
    short.drop();
    (await opened(addressOf(first), 'long')).drop();
    await first.stop();
    const second = await startTestBroker(OPTIONS, directory);
    try {
      await advanceClock(second, 61_000);
      const owners = async (): Promise<number> => {
        const figures = await onEveryShard(second, (shard) => second.request(shard, 'shard.figures', null));
        return figures.reduce((all, { sessions }) => all + sessions, 0);
      };
      await until(async () => (await owners()) === 1, 'the end of the session');
      const long = await opened(addressOf(second), 'long');
      t.true(long.connack?.type === 'connack' && long.connack.sessionPresent);
      long.drop();
    } finally {
      await second.stop();
    }
  },
);

test.serial('the will of a client that was connected at kill -9 comes after the start', async (t) => {
  t.timeout(60_000);
  const dataDir = tempDirectory();
  const first = startForkedBroker({ dataDir, level: 'process', shards: 1 });
  const address = { host: '127.0.0.1', port: await first.ready };
  const mortal = await RawClient.open(address, 5);
  await mortal.connect({ clientId: 'mortal', will: { topic: 'will', payload: 'lost', qos: 1 } });
  // SUBACK comes with a commit, and that holds all that was there before.
  await (await opened(address, 'reader')).subscribe([['will', 1]]);
  await first.end('SIGKILL');
  const second = startForkedBroker({ dataDir, level: 'process', shards: 1 });
  const reader = await opened({ host: '127.0.0.1', port: await second.ready }, 'reader');
  t.is((await reader.expect('publish')).payload, 'lost');
  reader.drop();
  await second.end('SIGKILL');
});

test.serial('a start that a later version has written to is refused with a line', async (t) => {
  const directory = tempDirectory();
  const first = await startTestBroker(OPTIONS, directory);
  await fill(addressOf(first));
  await first.stop();
  await writeLaterVersion(directory);
  await t.throwsAsync(startTestBroker(OPTIONS, directory), { message: /later version of shardmq/ });
});

async function writeLaterVersion(directory: string): Promise<void> {
  const environment = new Environment(shardDirectory(directory, 0), TABLES);
  const key = sessionKey(0, 'from the future');
  environment.writeNow([{ table: 'sessions', key, value: framed(key, Buffer.alloc(40), 200) }]);
  await environment.close();
}

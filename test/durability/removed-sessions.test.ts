/** Sessions that are ended over the API: none comes back after a crash, and a store that was full has room again. */
import test from 'ava';
import { type AskApi, asking } from '../helpers/api.js';
import { PERSISTENT } from '../helpers/packets.js';
import { RawClient } from '../helpers/raw-client.js';
import { addressOf, startTestBroker, tempDirectory, until } from '../helpers/with-broker.js';
import { type BrokerRun, portOf, startCliBroker } from './ledger/broker-process.js';

type Address = Parameters<typeof RawClient.open>[0];

const DONE = '{"code":0,"result":[]}';
const API = { 'listener.api.mgmt': '127.0.0.1:0' } as const;
const MAX_BYTES = 400_000;
/** Together more than that. */
const MESSAGES = 20;
const PAYLOAD = 'x'.repeat(30_000);

async function comeIn(address: Address, clientId: string): Promise<RawClient> {
  const client = await RawClient.open(address, 5);
  await client.connect({ clientId, ...PERSISTENT });
  return client;
}

/** A session with a subscription of its own, one that it shares, and a message in its queue and in flight. */
async function leave(address: Address, clientId: string): Promise<void> {
  const client = await comeIn(address, clientId);
  await client.subscribe([
    [`own/${clientId}`, 2],
    ['all', 1],
    ['$share/group/work', 1],
  ]);
  const publisher = await RawClient.open(address, 5);
  await publisher.connect({ clientId: 'publisher' });
  await publisher.publish({ topic: `own/${clientId}`, payload: 'in flight', qos: 2 });
  await client.expect('publish');
  client.drop();
  await publisher.publish({ topic: 'all', payload: 'waits', qos: 1 });
  publisher.drop();
}

test.serial('what was removed does not come back after kill -9, and what was not removed does', async (t) => {
  const choice = {
    dataDir: tempDirectory(),
    level: 'process',
    shards: 2,
    set: ['listener.api.mgmt=127.0.0.1:0'],
  } as const;
  const start = async (): Promise<{ run: BrokerRun; address: Address; ask: AskApi }> => {
    const run = startCliBroker(choice);
    const address = { host: '127.0.0.1', port: await run.ready };
    return { run, address, ask: asking(portOf(run.said(), 'api.mgmt')) };
  };
  const first = await start();
  const ids = Array.from({ length: 6 }, (_, i) => `client-${i}`);
  for (const id of ids) await leave(first.address, id);
  const connected = await comeIn(first.address, 'connected');
  await connected.subscribe([['own/connected', 1]]);
  const removed = [...ids.slice(0, 4), 'connected'];
  const answers = await Promise.all(removed.map((id) => first.ask(`DELETE sessions/${id}`)));
  await first.run.end('SIGKILL');
  t.deepEqual(
    answers.map(({ text }) => text),
    removed.map(() => DONE),
  );
  connected.drop();
  const second = await start();
  try {
    for (const id of [...ids, 'connected']) {
      const { connack } = await comeIn(second.address, id);
      t.is(connack?.sessionPresent, !removed.includes(id), id);
    }
    const { text } = await second.ask('GET routes');
    t.is(JSON.parse(text).result.total_num, 4, 'of the two that are left');
  } finally {
    await second.run.end('SIGKILL');
  }
});

test.serial('while the store is full a session can be removed, and there is room again', async (t) => {
  const config = {
    ...API,
    'node.shards': 1,
    'mqtt.persistence.level': 'process',
    'mqtt.persistence.max_bytes': MAX_BYTES,
  };
  const broker = await startTestBroker({ config }, tempDirectory());
  try {
    const ask = asking(broker.apiPort);
    const absent = await comeIn(addressOf(broker), 'absent');
    await absent.subscribe([['t', 1]]);
    absent.drop();
    const small = await comeIn(addressOf(broker), 'small');
    await small.subscribe([['u', 1]]);
    const publisher = await RawClient.open(addressOf(broker), 5);
    await publisher.connect({ clientId: 'publisher' });
    const isFull = (): boolean => broker.alarms().some(({ id }) => id === 'store_full.0');
    for (let id = 1; id <= MESSAGES; id++)
      publisher.sendPublish({ topic: 't', payload: PAYLOAD, qos: 1, id });
    await until(isFull, 'a store that is full');
    t.regex(broker.alarms().find(({ id }) => id === 'store_full.0')!.summary, /DELETE api\/v2\/sessions\/ID/);
    t.is((await ask('DELETE sessions/absent')).text, DONE);
    await until(() => !isFull(), 'room in the store');
    await publisher.finishPublishing(1, MESSAGES);
    const other = await RawClient.open(addressOf(broker), 5);
    await other.connect({ clientId: 'other' });
    t.is((await other.publish({ topic: 'u', payload: 'kept again', qos: 1 }))?.code, 0);
    t.is((await small.receive()).payload, 'kept again');
  } finally {
    await broker.stop();
  }
});

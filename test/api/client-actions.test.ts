import test from 'ava';
import { withApi } from '../helpers/api.js';
import { breakShard, RecordingLogger, until } from '../helpers/with-broker.js';
import { writePlugin } from '../plugins/written.js';
import { client, NODE, rowsOf } from './lists.js';

const DONE = '{"code":0,"result":[]}';
const OFFLINE = '{"code":112}';
const NODE_DOWN = '{"code":101,"message":"nodedown"}';
const PRESENCE = `$SYS/brokers/${NODE}/clients/`;

for (const version of [4, 5] as const) {
  test.serial(
    `a kicked client of version ${version} is gone when the answer comes: will, presence, listener, session`,
    withApi({}, async (ask, broker, t) => {
      const watcher = await client(broker, 'watcher');
      await watcher.subscribe([
        ['will', 1],
        [`${PRESENCE}kicked/disconnected`, 0],
      ]);
      const will = { topic: 'will', payload: 'gone', qos: 1 };
      const kicked = await client(broker, 'kicked', { will }, version);
      const answer = await ask('DELETE clients/kicked');
      t.is(answer.status, 200);
      t.is(answer.text, DONE);
      await kicked.expectEnd(0x98);
      const [one, other] = [await watcher.receive(), await watcher.receive()];
      const texts = [one, other].map(({ topic, payload }) => `${topic} ${payload}`);
      t.true(texts.includes('will gone'), texts.join());
      t.true(texts.some((each) => each.includes('/disconnected {') && each.includes('"reason":"kick"')));
      t.deepEqual(await rowsOf(ask, 'clients/kicked'), []);
      t.deepEqual(await rowsOf(ask, 'sessions/kicked'), [], 'a clean session ends');
      const { json } = await ask(`GET monitoring/listeners/${NODE}`);
      const listeners = (json as { result: Record<string, unknown>[] }).result;
      const tcp = listeners.find(({ protocol }) => protocol === 'mqtt:tcp');
      t.deepEqual(tcp?.['shutdown_count'], { kick: 1 });
      t.is(tcp?.['current_clients'], 1);
      t.is((await ask('DELETE clients/kicked')).text, OFFLINE);
    }),
  );
}

test.serial(
  'a persistent session outlives the kick, and its client may come back at once',
  withApi({}, async (ask, broker, t) => {
    const id = 'a/b c';
    const first = await client(broker, id, { clean: false });
    await first.subscribe([['t', 1]]);
    t.is((await ask('DELETE clients/a%2Fb+c')).text, DONE);
    await first.expectClosed();
    t.is((await rowsOf(ask, 'sessions/a/b%20c')).length, 1);
    const again = await client(broker, id, { clean: false });
    t.true(again.connack!.sessionPresent);
    t.is((await ask('DELETE clients/a/b%20c')).text, DONE);
  }),
);

test.serial(
  'who is not connected is 112, with a session or without one',
  withApi({}, async (ask, broker, t) => {
    const absent = await client(broker, 'absent', { clean: false });
    await absent.disconnect();
    await until(async () => (await rowsOf(ask, 'clients/absent')).length === 0);
    for (const id of ['absent', 'nobody', 'clients', '%00', 'x'.repeat(5_000)]) {
      t.is((await ask(`DELETE clients/${id}`)).text, OFFLINE, id);
      const { text } = await ask(`PUT clients/${id}/clean_acl_cache`, { body: { topic: 't' } });
      t.is(text, OFFLINE, id);
    }
  }),
);

test.serial(
  'a client that does not close its side does not hold up the answer for ever',
  withApi({}, async (ask, broker, t) => {
    const stubborn = await client(broker, 'stubborn');
    stubborn.pauseReading();
    t.is((await ask('DELETE clients/stubborn')).text, DONE);
    t.deepEqual(await rowsOf(ask, 'clients/stubborn'), []);
    stubborn.drop();
  }),
);

const logger = new RecordingLogger();
/** Allows each topic once per client, and then no more. */
const onceOnly = writePlugin(
  '',
  `const asked = new Set();
  return { hooks: { 'client.authorize': ({ client, action, topic }) => {
    if (action === 'subscribe') return 'allow';
    const key = client.clientId + ' ' + topic;
    if (asked.has(key)) return 'deny';
    asked.add(key);
    return 'allow';
  } } };`,
);

test.serial(
  'clean_acl_cache has exactly one topic decided about anew',
  withApi({ plugins: [onceOnly.path], logger }, async (ask, broker, t) => {
    const publisher = await client(broker, 'x/y', {}, 5);
    const codeOf = async (topic: string): Promise<number | undefined> =>
      (await publisher.publish({ topic, qos: 1 }))?.code;
    const isDenied = async (topic: string): Promise<boolean> => (await codeOf(topic)) === 0x87;
    for (const topic of ['t/1', 't/2', 't/1', 't/2']) t.false(await isDenied(topic));
    const forget = (topic: unknown) => ask('PUT clients/x/y/clean_acl_cache', { body: { topic } });
    t.is((await forget('t/+')).text, DONE, 'no filter');
    t.is((await forget('t/3')).text, DONE, 'nothing was cached');
    t.false(await isDenied('t/1'));
    t.is((await forget('t/1')).text, DONE);
    t.true(await isDenied('t/1'));
    t.false(await isDenied('t/2'));
    t.is((await forget(1)).text, '{"code":108,"message":"params type error"}');
    const missing = await ask('PUT clients/x/y/clean_acl_cache', { body: {} });
    t.is(missing.text, '{"code":107,"message":"params error"}');
    const slash = await ask('PUT clients/x/y/clean_acl_cache/', { body: { topic: 't/1' } });
    t.is(slash.status, 404);
  }),
);

test.serial(
  'while the shard that owns the ClientId is down the answer is 101',
  withApi({ config: { 'shard.silence_timeout': '3s' } }, async (ask, broker, t) => {
    let id = 0;
    while (broker.shardOf(`c${id}`) !== 1) id++;
    await breakShard(broker, 1, 'hang');
    const answers = await Promise.all([
      ask(`DELETE clients/c${id}`),
      ask(`PUT clients/c${id}/clean_acl_cache`, { body: { topic: 't' } }),
    ]);
    for (const { text } of answers) t.is(text, NODE_DOWN);
  }),
);

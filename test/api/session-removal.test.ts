/** `DELETE sessions/{client_id}`: a session ends for good. */
import test from 'ava';
import { withApi } from '../helpers/api.js';
import { clientIdOn } from '../helpers/client-ids.js';
import { RawClient } from '../helpers/raw-client.js';
import { addressOf, breakShard, until } from '../helpers/with-broker.js';
import { writePlugin } from '../plugins/written.js';
import { client, NODE, rowsOf } from './lists.js';

const DONE = '{"code":0,"result":[]}';
const nobody = (id: string): string => `{"code":112,"message":"Clientid: ${id} not found"}`;

for (const path of ['sessions', `nodes/${NODE}/sessions`]) {
  test.serial(
    `DELETE ${path}: the session of an absent client is gone, with all that was in it`,
    withApi({ config: { 'mqtt.mqueue.max_length': 5 } }, async (ask, broker, t) => {
      const absent = await client(broker, 'a/b', { clean: false });
      await absent.subscribe([
        ['t', 1],
        ['$share/group/t', 1],
      ]);
      await absent.disconnect();
      const publisher = await client(broker, 'publisher');
      for (let n = 0; n < 4; n++) await publisher.publish({ topic: 't', payload: `${n}`, qos: 1 });
      await until(() => broker.alarms().length === 1, 'the alarm of its queue');
      t.is((await ask(`DELETE ${path}/a/b`)).text, DONE);
      t.deepEqual(await rowsOf(ask, 'sessions/a/b'), []);
      t.deepEqual(await rowsOf(ask, 'subscriptions/a/b'), []);
      t.deepEqual(await rowsOf(ask, 'routes'), []);
      await until(() => broker.alarms().length === 0, 'the end of the alarm');
      t.is((await ask(`DELETE ${path}/a/b`)).text, nobody('a/b'));
      const again = await client(broker, 'a/b', { clean: false });
      t.false(again.connack!.sessionPresent);
      await publisher.publish({ topic: 't', payload: 'nobody subscribes', qos: 1 });
      await again.subscribe([['u', 1]]);
      await publisher.publish({ topic: 'u', payload: 'first', qos: 1 });
      t.is((await again.expect('publish')).payload, 'first');
    }),
  );
}

for (const version of [4, 5] as const) {
  test.serial(
    `a connected client of version ${version} is disconnected; its will comes at once, and nothing of it stays`,
    withApi({}, async (ask, broker, t) => {
      const watcher = await client(broker, 'watcher', {}, 5);
      await watcher.subscribe([['will', 1]]);
      const properties = version === 5 ? { sessionExpiry: 100_000 } : {};
      const delayed = version === 5 ? { willDelay: 50_000 } : {};
      const will = { topic: 'will', payload: 'gone', qos: 1, properties: delayed };
      const lasting = await client(broker, 'lasting', { clean: false, will, properties }, version);
      await lasting.subscribe([['t', 1]]);
      await watcher.publish({ topic: 't', payload: 'in flight', qos: 1 });
      await lasting.expect('publish');
      t.is((await ask('DELETE sessions/lasting')).text, DONE);
      await lasting.expectEnd(0x98);
      t.is((await watcher.receive()).payload, 'gone');
      t.deepEqual(await rowsOf(ask, 'clients/lasting'), []);
      t.deepEqual(await rowsOf(ask, 'sessions/lasting'), []);
      const again = await client(broker, 'lasting', { clean: false, properties }, version);
      t.false(again.connack!.sessionPresent);
    }),
  );
}

test.serial(
  'the delayed will of an absent client comes when its session is removed, once [MQTT-3.1.3-9]',
  withApi({}, async (ask, broker, t) => {
    const watcher = await client(broker, 'watcher');
    await watcher.subscribe([['will', 1]]);
    const will = { topic: 'will', payload: 'gone', qos: 1, properties: { willDelay: 50_000 } };
    const properties = { sessionExpiry: 100_000 };
    const absent = await client(broker, 'absent', { clean: false, will, properties }, 5);
    absent.drop();
    await until(async () => (await rowsOf(ask, 'clients/absent')).length === 0);
    t.is((await ask('DELETE sessions/absent')).text, DONE);
    t.is((await watcher.receive()).payload, 'gone');
    t.is((await ask('DELETE sessions/absent')).text, nobody('absent'));
    watcher.sendPublish({ topic: 'will', payload: 'next' });
    t.is((await watcher.receive()).payload, 'next');
  }),
);

test.serial(
  'a clean session ends with its connection',
  withApi({}, async (ask, broker, t) => {
    const clean = await client(broker, 'clean', {}, 5);
    t.is((await ask('DELETE sessions/clean')).text, DONE);
    await clean.expectEnd(0x98);
    t.is((await ask('DELETE sessions/clean')).text, nobody('clean'));
  }),
);

test.serial(
  'what waits for a member of a share group goes to another one',
  withApi({}, async (ask, broker, t) => {
    const absent = await client(broker, 'absent', { clean: false });
    await absent.subscribe([['$share/group/work', 1]]);
    await absent.disconnect();
    const publisher = await client(broker, 'publisher');
    await publisher.publish({ topic: 'work', payload: 'to do', qos: 1 });
    const other = await client(broker, 'other', { clean: false });
    await other.subscribe([['$share/group/work', 1]]);
    t.is((await ask('DELETE sessions/absent')).text, DONE);
    t.is((await other.receive()).payload, 'to do');
  }),
);

const told = writePlugin(
  '',
  `return { hooks: { 'session.terminated': (clientId, reason) =>
    context.publish('ended/' + clientId, reason) } };`,
);

test.serial(
  'plugins are told of the end, as destroy',
  withApi({ plugins: [told.path] }, async (ask, broker, t) => {
    const watcher = await client(broker, 'watcher');
    await watcher.subscribe([['ended/#', 1]]);
    await client(broker, 'lasting', { clean: false });
    t.is((await ask('DELETE sessions/lasting')).text, DONE);
    t.is((await watcher.receive()).payload, 'destroy');
  }),
);

test.serial(
  'many removals at once, of sessions that come back meanwhile: each answer is one or the other, nobody is stuck',
  withApi({ config: { 'node.shards': 2 } }, async (ask, broker, t) => {
    const id = clientIdOn(broker, 1, 'busy');
    for (let round = 0; round < 5; round++) {
      const one = await RawClient.open(addressOf(broker), 5);
      const connecting = one.connect({ clientId: id, clean: false, properties: { sessionExpiry: 1_000 } });
      const answers = await Promise.all(Array.from({ length: 4 }, () => ask(`DELETE sessions/${id}`)));
      for (const { text } of answers) t.true([DONE, nobody(id)].includes(text), text);
      await connecting;
      one.drop();
    }
    await ask(`DELETE sessions/${id}`);
    t.is((await ask(`DELETE sessions/${id}`)).text, nobody(id));
  }),
);

test.serial(
  'while the shard that owns the ClientId is down the answer is 101',
  withApi({ config: { 'node.shards': 2, 'shard.silence_timeout': '3s' } }, async (ask, broker, t) => {
    const id = clientIdOn(broker, 1, 'c');
    await breakShard(broker, 1, 'hang');
    t.is((await ask(`DELETE sessions/${id}`)).text, '{"code":101,"message":"nodedown"}');
  }),
);

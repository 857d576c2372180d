/** What the broker says about itself: `$SYS`, who comes and goes, metrics and statistics. */
import { METRICS, STATS } from '../../src/metrics/names.js';
import { RETAIN_AS_PUBLISHED, subscribe } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import type { Received } from '../helpers/received.js';
import { until } from '../helpers/with-broker.js';
import { type Stage, scenesWith, sceneWith } from './stage.js';

const scene = scenesWith({ 'mqtt.broker.sys_interval': '1s', 'node.name': 'test@127.0.0.1' });
const PREFIX = '$SYS/brokers/test@127.0.0.1/';

/** All `$SYS` messages up to and including the first with this topic. */
async function upTo(client: RawClient, topic: string): Promise<Map<string, Received>> {
  const found = new Map<string, Received>();
  while (!found.has(topic)) {
    const message = await client.receive();
    found.set(message.topic, message);
  }
  return found;
}

scene.once('every topic of an interval comes in its form, three of them to be kept', async (t, s) => {
  const watcher = await s.connect({ at: 2 });
  const filters = [['$SYS/#', RETAIN_AS_PUBLISHED | (2 << 4)] as const, ['#', 0] as const];
  watcher.send(subscribe(watcher.version, 1, filters));
  // What comes each second may come before SUBACK.
  while ((await watcher.next())?.type !== 'suback');
  // An interval that is under way when the subscription is made is not whole.
  const last = `${PREFIX}metrics/${METRICS.at(-1)}`;
  await upTo(watcher, last);
  const found = new Map([...(await upTo(watcher, last)), ...(await upTo(watcher, `${PREFIX}datetime`))]);
  const form: Record<string, RegExp> = {
    '$SYS/brokers': /^test@127\.0\.0\.1$/,
    [`${PREFIX}version`]: /^\d+\.\d+\.\d+/,
    [`${PREFIX}sysdescr`]: /^shardmq MQTT Broker$/,
    [`${PREFIX}uptime`]: /^\d+ seconds$/,
    [`${PREFIX}datetime`]: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/,
  };
  for (const name of STATS) form[`${PREFIX}stats/${name}`] = /^\d+$/;
  for (const name of METRICS) form[`${PREFIX}metrics/${name}`] = /^\d+$/;
  t.deepEqual([...found.keys()].sort(), Object.keys(form).sort());
  const kept = ['$SYS/brokers', `${PREFIX}version`, `${PREFIX}sysdescr`];
  for (const [topic, { payload, qos, retain }] of found) {
    t.regex(payload, form[topic]!, topic);
    t.is(qos, 0, topic);
    t.is(retain, kept.includes(topic), topic);
  }
  const late = await s.connect();
  await late.subscribe('$SYS/brokers');
  t.like(await late.receive('test@127.0.0.1'), { retain: true });
});

const presenceOf = (client: RawClient, event: string): string =>
  `${PREFIX}clients/${client.clientId}/${event}`;

/** The next presence message about this client, its body without the time. */
async function presence(
  t: Parameters<Parameters<typeof scene>[1]>[0],
  watcher: RawClient,
  topic: string,
): Promise<unknown> {
  const found = await watcher.receive();
  t.is(found.topic, topic);
  t.is(found.qos, 1);
  const { ts, ...body } = JSON.parse(found.payload);
  t.true(Number.isInteger(ts));
  return body;
}

async function watcherOf(s: Stage, clientId: string): Promise<RawClient> {
  const watcher = await s.connect({ at: 1 });
  await watcher.subscribe([[`$SYS/brokers/+/clients/${clientId}/#`, 1]]);
  return watcher;
}

scene('who connects is told, with what it said of itself', async (t, s) => {
  const actors = [
    [
      { version: 4, clean: true, username: 'jo' },
      { username: 'jo', clean_sess: true, protocol: 4 },
    ],
    [
      { version: 3, clean: false },
      { username: 'undefined', clean_sess: false, protocol: 3 },
    ],
    [
      { version: 5, clean: false },
      { username: 'undefined', clean_sess: false, protocol: 5 },
    ],
  ] as const;
  for (const [actor, said] of actors) {
    const clientId = s.clientId();
    const watcher = await watcherOf(s, clientId);
    const client = await s.connect({ clientId, ...actor });
    const body = await presence(t, watcher, presenceOf(client, 'connected'));
    t.deepEqual(body, { clientid: clientId, ipaddress: '127.0.0.1', connack: 0, ...said });
    await client.disconnect();
    t.deepEqual(await presence(t, watcher, presenceOf(client, 'disconnected')), {
      clientid: clientId,
      username: said.username,
      reason: 'normal',
    });
  }
});

const ends: readonly [string, (s: Stage, client: RawClient) => Promise<unknown>][] = [
  ['normal', (_s, client) => client.disconnect()],
  ['closed', (s, client) => s.lose(client)],
  ['kick', (s, client) => s.kick(client.clientId)],
  ['keepalive_timeout', (s) => s.advanceClock(200)],
  ['parser_error', async (_s, client) => client.send([0xc0, 1, 0])],
  ['protocol_bad_connect', async (_s, client) => client.send([0x10, 2, 0, 0])],
];
for (const [reason, end] of ends) {
  scene(`who leaves is told with the reason: ${reason}`, async (t, s) => {
    const clientId = s.clientId();
    const watcher = await watcherOf(s, clientId);
    const client = await s.connect({ clientId, keepAlive: 100, username: 'jo' });
    await presence(t, watcher, presenceOf(client, 'connected'));
    await end(s, client);
    t.deepEqual(await presence(t, watcher, presenceOf(client, 'disconnected')), {
      clientid: clientId,
      username: 'jo',
      reason,
    });
  });
}

scene('a takeover is a connect without a disconnect', async (t, s) => {
  const clientId = s.clientId();
  const watcher = await watcherOf(s, clientId);
  const client = await s.connect({ clientId });
  await s.connect({ clientId });
  for (let n = 0; n < 2; n += 1) await presence(t, watcher, presenceOf(client, 'connected'));
  await watcher.expectNothingFrom(await s.connect({ clientId: s.clientId() }));
});

sceneWith(
  'a refused client is told of too, with the code of its CONNACK',
  { 'mqtt.allow_anonymous': 'false', 'node.name': 'test@127.0.0.1' },
  async (t, s) => {
    t.is((await (await s.open(4)).connect({ clientId: 'refused' })).code, 5);
    t.is((await (await s.open(5)).connect({ clientId: 'refused' })).code, 0x87);
    const { metrics, stats } = await s.figures();
    t.is(metrics['packets/connack'], 2);
    t.is(stats['clients/count'], 0);
    t.is(stats['sessions/count'], 0);
  },
  2,
);

sceneWith('presence can be switched off', { 'module.presence': 'off' }, async (t, s) => {
  const watcher = await s.connect();
  await watcher.subscribe('$SYS/brokers/+/clients/#');
  const other = await s.connect({ at: 1 });
  await other.disconnect();
  await watcher.expectNothingFrom(await s.connect({ at: 1 }));
  t.pass();
});

sceneWith(
  'the 38 metrics after an exchange that has everything in it',
  { 'module.presence': 'off', 'mqtt.broker.sys_interval': '1h' },
  async (t, s) => {
    const topic = 'a';
    const subscriber = await s.connect({ version: 4, at: 0 });
    await subscriber.subscribe([[topic, 2]]);
    const publisher = await s.connect({ version: 4, at: 1 });
    for (const qos of [0, 1, 2]) {
      await publisher.publish({ topic, payload: 'm', qos });
      await subscriber.receive('m');
    }
    // Nobody wants these; one is retained.
    await publisher.publish({ topic: 'nobody', payload: 'm', qos: 1 });
    await publisher.publish({ topic: 'kept', payload: 'm', qos: 0, retain: true });
    await subscriber.unsubscribe(topic);
    await subscriber.expectSilence();
    for (const type of ['puback', 'pubrec', 'pubrel', 'pubcomp'] as const) subscriber.sendAck(type, 777);
    await subscriber.expect('pubrel');
    await subscriber.expect('pubcomp');
    await publisher.disconnect();
    const { metrics } = await s.figures();
    const { 'bytes/received': received, 'bytes/sent': sent, ...counts } = metrics;
    t.deepEqual(counts, {
      'packets/received': 19,
      'packets/sent': 15,
      'packets/connect': 2,
      'packets/connack': 2,
      'packets/publish/received': 5,
      'packets/publish/sent': 3,
      'packets/puback/received': 2,
      'packets/puback/sent': 2,
      'packets/puback/missed': 1,
      'packets/pubrec/received': 2,
      'packets/pubrec/sent': 1,
      'packets/pubrec/missed': 1,
      'packets/pubrel/received': 2,
      'packets/pubrel/sent': 2,
      'packets/pubrel/missed': 1,
      'packets/pubcomp/received': 2,
      'packets/pubcomp/sent': 2,
      'packets/pubcomp/missed': 1,
      'packets/subscribe': 1,
      'packets/suback': 1,
      'packets/unsubscribe': 1,
      'packets/unsuback': 1,
      'packets/pingreq': 1,
      'packets/pingresp': 1,
      'packets/disconnect': 1,
      'messages/received': 5,
      'messages/sent': 3,
      'messages/qos0/received': 2,
      'messages/qos0/sent': 1,
      'messages/qos1/received': 2,
      'messages/qos1/sent': 1,
      'messages/qos2/received': 1,
      'messages/qos2/sent': 1,
      'messages/qos2/dropped': 0,
      'messages/dropped': 2,
      'messages/retained': 1,
    });
    t.is(Object.keys(metrics).length, 38);
    t.true(received > 100 && sent > 50, `${received} ${sent}`);
  },
  2,
);

sceneWith(
  'the 14 statistics follow what there is, and remember the most there was',
  { 'module.presence': 'off', 'mqtt.broker.sys_interval': '1h' },
  async (t, s) => {
    const stay = await s.connect({ clean: false, properties: { sessionExpiry: 100 } });
    await stay.subscribe([
      ['a', 0],
      ['b/#', 0],
      ['$share/g/c', 0],
    ]);
    const other = await s.connect({ at: 1 });
    await other.subscribe([
      ['a', 1],
      ['d', 1],
    ]);
    await other.publish({ topic: 'kept', payload: 'm', qos: 1, retain: true });
    const counts = async (): Promise<Record<string, number>> => {
      const { stats } = await s.figures();
      t.deepEqual(Object.keys(stats), [...STATS]);
      return Object.fromEntries(
        Object.entries(stats)
          .filter(([name]) => name.endsWith('/count'))
          .map(([name, value]) => [name.slice(0, -6), value]),
      );
    };
    // The owner of a retained topic may be the other shard, and hears of it a moment later.
    await until(async () => (await counts())['retained'] === 1, 'the retained message');
    t.deepEqual(await counts(), {
      clients: 2,
      retained: 1,
      routes: 4,
      sessions: 2,
      subscribers: 5,
      subscriptions: 5,
      topics: 4,
    });
    await other.publish({ topic: 'kept', payload: '', qos: 1, retain: true });
    await s.lose(stay);
    await s.lose(other);
    await until(async () => (await counts())['retained'] === 0, 'the end of the retained message');
    t.like(await counts(), { clients: 0, sessions: 1, subscriptions: 3 });
    await s.advanceClock(101);
    // The other shard hears of it a moment later.
    await until(async () => Object.values(await counts()).every((count) => count === 0), 'nothing to count');
    await until(() => s.broker.stats()['clients/count'] === 0, 'the same in the next heartbeat');
  },
  2,
);

/** What each key does, seen by clients once it is set. */
import { connect } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import { advanceClock, until } from '../helpers/with-broker.js';
import type { ConfigStage } from './config-stage.js';

/** Sees what the value does, once it is set; `before` is a client that was there already, of MQTT 3.1.1. */
export type Effect = (stage: ConfigStage, before: RawClient) => Promise<void>;

const PERSISTENT = { clean: false } as const;
const LONG = 'x'.repeat(300);

/** Of MQTT 5, what its CONNACK says. */
const connackSays =
  (name: string, value: number): Effect =>
  async (stage) => {
    const { connack } = await stage.join({
      version: 5,
      keepAlive: 60,
      properties: { sessionExpiry: 100 },
    });
    stage.t.is((connack!.properties as Record<string, unknown>)[name], value);
  };

/** Its connection ends, or ends before it is answered. */
const isRefused =
  (code: number, options: object): Effect =>
  async (stage) => {
    const client = await stage.open();
    stage.t.is((await client.connect({ clientId: stage.id(), ...options })).code, code);
  };

/** A session that has been away while these were published gets those. */
async function missed(stage: ConfigStage, qos: number, topics: string[]): Promise<(string | undefined)[]> {
  const clientId = stage.id();
  const away = await stage.join({ clientId, ...PERSISTENT });
  await away.subscribe([['q/#', qos]]);
  await away.disconnect();
  const publisher = await stage.join();
  for (const topic of topics) await publisher.publish({ topic, payload: 'm', qos });
  await publisher.expectSilence();
  const back = await stage.join({ clientId, ...PERSISTENT });
  const got = (await back.collectFrom(publisher)).map(({ topic }) => topic);
  await back.disconnect();
  await (await stage.join({ clientId })).disconnect();
  return got;
}

async function closes(client: RawClient): Promise<void> {
  for (let found = await client.next(); found !== null; found = await client.next());
}

/** By key: a value, and what is seen of it. */
export const EFFECTS: Readonly<Record<string, readonly [value: string, effect: Effect]>> = {
  'mqtt.max_packet_size': [
    '128',
    async (stage, before) => {
      await before.publish({ topic: 'a', payload: LONG, qos: 1 });
      await connackSays('maximumPacketSize', 128)(stage, before);
      const small = await stage.join();
      small.sendPublish({ topic: 'a', payload: LONG });
      await closes(small);
    },
  ],
  'mqtt.max_clientid_len': ['8', (stage, before) => isRefused(2, { clientId: `${LONG}` })(stage, before)],
  'mqtt.allow_anonymous': ['false', isRefused(5, {})],
  'mqtt.clientid_binding': ['username', isRefused(2, { username: 'somebody-else' })],
  'mqtt.keepalive_backoff': [
    '0.5',
    async (stage) => {
      const client = await stage.join({ keepAlive: 10 });
      await advanceClock(stage.broker, 12_000);
      await closes(client);
    },
  ],
  'mqtt.server_keepalive': ['7s', connackSays('serverKeepAlive', 7)],
  'mqtt.max_topic_alias': ['3', connackSays('topicAliasMaximum', 3)],
  'mqtt.receive_maximum': ['5', connackSays('receiveMaximum', 5)],
  'mqtt.session.max_expiry_interval': ['9s', connackSays('sessionExpiry', 9)],
  'mqtt.response_information': [
    'answers/',
    async (stage) => {
      const properties = { requestResponseInformation: 1 };
      const { connack, clientId } = await stage.join({ version: 5, properties });
      stage.t.is(connack!.properties.responseInformation, `answers/${clientId}/`);
    },
  ],
  'mqtt.client.idle_timeout': ['200ms', async (stage) => closes(await stage.open())],
  'mqtt.client.max_connect_size': [
    '100',
    async (stage) => {
      const client = await stage.open();
      client.send(connect({ version: 4, clientId: stage.id(), username: LONG }));
      await closes(client);
    },
  ],
  'mqtt.session.max_inflight': [
    '2',
    async (stage) => {
      const client = await stage.join();
      await client.subscribe([['w', 1]]);
      const publisher = await stage.join();
      for (let i = 0; i < 5; i++) await publisher.publish({ topic: 'w', qos: 1 });
      await client.expectPublish();
      await client.expectPublish();
      await client.expectSilence();
    },
  ],
  'mqtt.session.expiry_interval': [
    '1s',
    async (stage) => {
      const clientId = stage.id();
      await (await stage.join({ clientId, ...PERSISTENT })).disconnect();
      await advanceClock(stage.broker, 2_000);
      stage.t.false((await stage.join({ clientId, ...PERSISTENT })).connack!.sessionPresent);
    },
  ],
  'mqtt.mqueue.max_length': [
    '2',
    async (stage) => void stage.t.deepEqual(await missed(stage, 1, ['q/1', 'q/2', 'q/3']), ['q/2', 'q/3']),
  ],
  'mqtt.mqueue.max_bytes': [
    '1',
    async (stage) => void stage.t.deepEqual(await missed(stage, 1, ['q/1', 'q/2']), []),
  ],
  'mqtt.mqueue.store_qos0': [
    'false',
    async (stage) => void stage.t.deepEqual(await missed(stage, 0, ['q/1', 'q/2']), []),
  ],
  'mqtt.mqueue.priority': [
    'q/3=9',
    async (stage) => {
      await stage.put('mqtt.mqueue.type', 'priority');
      stage.t.deepEqual(await missed(stage, 1, ['q/1', 'q/2', 'q/3']), ['q/3', 'q/1', 'q/2']);
      await stage.reset('mqtt.mqueue.type');
    },
  ],
  'mqtt.mqueue.high_watermark': [
    '50%',
    async (stage) => {
      await stage.put('mqtt.mqueue.low_watermark', '10%');
      await stage.put('mqtt.mqueue.max_length', '4');
      const alarms = (): number => stage.broker.alarms().length;
      const clientId = stage.id();
      const away = await stage.join({ clientId, ...PERSISTENT });
      await away.subscribe([['h', 1]]);
      await away.disconnect();
      const publisher = await stage.join();
      for (let i = 0; i < 3; i++) await publisher.publish({ topic: 'h', qos: 1 });
      await until(() => alarms() > 0, 'an alarm');
      await stage.join({ clientId });
      await until(() => alarms() === 0, 'no alarm');
      for (const key of ['max_length', 'low_watermark']) await stage.reset(`mqtt.mqueue.${key}`);
    },
  ],
  'mqtt.session.max_subscriptions': [
    '1',
    async (stage, before) => {
      stage.t.deepEqual((await before.subscribe([['a', 0]])).codes, [0]);
      stage.t.deepEqual((await before.subscribe([['b', 0]])).codes, [0x80]);
      await before.unsubscribe('a');
    },
  ],
  'mqtt.session.upgrade_qos': [
    'on',
    async (stage, before) => {
      await before.subscribe([['u', 1]]);
      before.sendPublish({ topic: 'u' });
      stage.t.is((await before.receive()).qos, 1);
    },
  ],
  'mqtt.session.ignore_loop_deliver': [
    'true',
    async (_stage, before) => {
      await before.subscribe('own');
      before.sendPublish({ topic: 'own' });
      await before.expectSilence();
    },
  ],
  'mqtt.session.retry_interval': [
    '1s',
    async (stage, before) => {
      await before.subscribe([['r', 1]]);
      await (await stage.join()).publish({ topic: 'r', qos: 1 });
      const first = await before.expectPublish();
      await advanceClock(stage.broker, 3_000);
      await advanceClock(stage.broker, 3_000);
      const again = await before.receive();
      stage.t.true(again.dup);
      stage.t.is(again.id, first.id);
    },
  ],
  'mqtt.session.max_awaiting_rel': [
    '1',
    async (_stage, before) => {
      before.sendPublish({ topic: 'x', qos: 2, id: 11 });
      before.sendPublish({ topic: 'x', qos: 2, id: 12 });
      await closes(before);
    },
  ],
  'mqtt.session.await_rel_timeout': [
    '1s',
    async (stage, before) => {
      const dropped = (): number => stage.broker.metrics()['messages/qos2/dropped'];
      const known = dropped();
      before.sendPublish({ topic: 'x', qos: 2, id: 21 });
      await before.expect('pubrec');
      await advanceClock(stage.broker, 3_000);
      await advanceClock(stage.broker, 3_000);
      await until(() => dropped() > known, 'a dropped message');
    },
  ],
  'mqtt.max_topic_length': [
    '4',
    async (stage, before) => {
      stage.t.deepEqual((await before.subscribe('longer')).codes, [0x80]);
      before.sendPublish({ topic: 'cached/topic' });
      await closes(before);
    },
  ],
  'mqtt.max_topic_levels': [
    '1',
    async (stage, before) => {
      stage.t.deepEqual((await before.subscribe('a/b')).codes, [0x80]);
      before.sendPublish({ topic: 'cached/topic' });
      await closes(before);
    },
  ],
  'mqtt.acl_nomatch': [
    'deny',
    async (stage, before) => {
      stage.t.deepEqual((await before.subscribe('n')).codes, [0x80]);
      const publisher = await stage.join({ version: 5 });
      stage.t.is((await publisher.publish({ topic: 'n', qos: 1 }))?.code, 0x87);
    },
  ],
  'mqtt.flapping.max_connects': [
    '1',
    async (stage) => {
      const clientId = stage.id();
      for (let i = 0; i < 2; i++) await (await stage.open()).connect({ clientId });
      await until(() => stage.broker.bans.list().some(({ value }) => value === clientId), 'a ban');
    },
  ],
  'mqtt.broker.sys_interval': [
    '1',
    async (_stage, before) => {
      await before.subscribe('$SYS/brokers/+/version');
      await before.expectPublish();
    },
  ],
};

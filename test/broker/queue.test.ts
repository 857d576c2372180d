/** Settings of what waits for a session, and of what its own messages and QoS come to. */

import { PERSISTENT, RETAIN_AS_PUBLISHED } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import { until } from '../helpers/with-broker.js';
import { numbered, publishAll, type Settings, type Stage, sceneWith } from './stage.js';

interface Scene {
  readonly topic: string;
  readonly subscriber: RawClient;
  readonly publisher: RawClient;
}

/** A persistent subscriber on one shard and a publisher on another. */
async function pair(s: Stage, qos: number, filter = s.topic('#')): Promise<Scene> {
  const subscriber = await s.connect(PERSISTENT);
  await subscriber.subscribe([[filter, qos]]);
  return { topic: s.topic('a'), subscriber, publisher: await s.connect({ at: 1 }) };
}

const payloads = async (client: RawClient, count: number): Promise<string[]> =>
  (await client.receiveAll(count)).map((one) => one.payload);

const scene = (
  title: string,
  settings: Settings,
  body: (t: Parameters<Parameters<typeof sceneWith>[2]>[0], s: Stage) => Promise<void>,
): void => sceneWith(title, settings, body, 2);

scene(
  'with store_qos0 off, QoS 0 does not wait for an absent client',
  { 'mqtt.mqueue.store_qos0': 'off' },
  async (t, s) => {
    const { topic, subscriber, publisher } = await pair(s, 1);
    await subscriber.disconnect();
    for (let n = 0; n < 6; n += 1) await publisher.publish({ topic, payload: `m${n}`, qos: n % 2 });
    await s.settled(publisher);
    const again = await s.resume(subscriber);
    t.deepEqual(await payloads(again, 3), ['m1', 'm3', 'm5']);
    await again.expectNothingFrom(publisher);
  },
);

scene(
  'a full queue drops the oldest, whatever its QoS; an alarm is raised above the high mark and cleared below the low',
  {
    'mqtt.mqueue.max_length': 10,
    'mqtt.mqueue.high_watermark': '60%',
    'mqtt.mqueue.low_watermark': '20%',
    'mqtt.session.max_inflight': 1,
  },
  async (t, s) => {
    const { topic, subscriber, publisher } = await pair(s, 2);
    await subscriber.disconnect();
    const id = `queue_high_watermark.${subscriber.clientId}`;
    const watcher = await s.connect({ at: 1 });
    await watcher.subscribe([['$SYS/brokers/+/alarms/#', 1]]);
    await publishAll(publisher, topic, numbered(6), 1);
    t.deepEqual(s.broker.alarms(), []);
    await publishAll(publisher, topic, numbered(9, 6), 2);
    const alert = await watcher.receive();
    const prefix = `$SYS/brokers/${s.broker.name}/alarms/${id}`;
    t.is(alert.topic, `${prefix}/alert`);
    const { ts, ...body } = JSON.parse(alert.payload);
    t.deepEqual(body, {
      id,
      severity: 'warning',
      title: `Queue ${subscriber.clientId} high-water mark`,
      summary: 'queue len 7 > high_watermark 6',
    });
    t.true(Math.abs(ts - Date.now() / 1000) < 60);
    t.deepEqual(
      s.broker.alarms().map((alarm) => alarm.id),
      [id],
    );
    await s.settled(publisher);
    const again = await s.resume(subscriber);
    t.deepEqual(await payloads(again, 10), numbered(10, 5));
    const clear = await watcher.receive();
    t.is(clear.topic, `${prefix}/clear`);
    t.deepEqual(Object.keys(JSON.parse(clear.payload)), ['id', 'ts']);
    t.deepEqual(s.broker.alarms(), []);
    await watcher.expectNothingFrom(publisher);
  },
);

scene('the alarm of a queue ends with its session', { 'mqtt.mqueue.max_length': 4 }, async (t, s) => {
  const { topic, subscriber, publisher } = await pair(s, 1);
  await subscriber.disconnect(0, { sessionExpiry: 60 });
  await publishAll(publisher, topic, numbered(5), 1);
  await until(() => s.broker.alarms().length === 1, 'the alarm');
  await s.advanceClock(61);
  await until(() => s.broker.alarms().length === 0, 'the end of the alarm');
  t.pass();
});

scene('a queue is bounded in bytes as well', { 'mqtt.mqueue.max_bytes': '64KB' }, async (t, s) => {
  const { topic, subscriber, publisher } = await pair(s, 1);
  await subscriber.disconnect();
  const sent = Array.from({ length: 10 }, (_, n) => `${n}`.padEnd(10_000, '.'));
  await publishAll(publisher, topic, sent, 1);
  await s.settled(publisher);
  const again = await s.resume(subscriber);
  const found = (await again.collectFrom(publisher)).map((one) => one.payload);
  t.true(found.length >= 5 && found.length <= 6, `${found.length} were kept`);
  t.deepEqual(found, sent.slice(-found.length));
});

scene(
  'a priority queue gives the topics of the highest priority first, each in its order',
  {
    'mqtt.mqueue.type': 'priority',
    'mqtt.mqueue.priority': 'alarm=10,news=5',
    'mqtt.mqueue.max_length': 8,
    'mqtt.session.max_inflight': 1,
  },
  async (t, s) => {
    const { subscriber, publisher } = await pair(s, 1, '+');
    await subscriber.disconnect();
    const topics = ['other', 'news', 'alarm', 'else'];
    for (let n = 0; n < 12; n += 1)
      await publisher.publish({ topic: topics[n % 4]!, payload: `${n}`, qos: 1 });
    await s.settled(publisher);
    const again = await s.resume(subscriber);
    // Room for 8 of 12: what has no priority goes, oldest first.
    t.deepEqual(await payloads(again, 8), ['2', '6', '10', '1', '5', '9', '8', '11']);
  },
);

scene('with upgrade_qos the greater QoS counts', { 'mqtt.session.upgrade_qos': 'on' }, async (t, s) => {
  const topic = s.topic('a');
  const publisher = await s.connect({ at: 1 });
  for (const published of [0, 1, 2]) {
    await publisher.publish({
      topic: s.topic(`kept/${published}`),
      payload: 'kept',
      qos: published,
      retain: true,
    });
  }
  for (const granted of [0, 1, 2]) {
    const subscriber = await s.connect({ properties: { receiveMaximum: 1 } });
    await subscriber.subscribe([[topic, granted]]);
    for (const published of [0, 1, 2]) {
      await publisher.publish({ topic, payload: `${published}`, qos: published });
      t.is((await subscriber.receive(`${published}`)).qos, Math.max(published, granted));
    }
    await subscriber.subscribe([[s.topic('kept/+'), granted]]);
    for (const { topic: found, qos } of await subscriber.receiveAll(3)) {
      t.is(qos, Math.max(Number(found.at(-1)), granted));
    }
  }
});

scene(
  'with ignore_loop_deliver a 3.1.1 client does not get what it published; one of MQTT 5 says so itself',
  { 'mqtt.session.ignore_loop_deliver': 'true' },
  async (t, s) => {
    const topic = s.topic('a');
    const other = await s.connect({ at: 1 });
    await other.subscribe(topic);
    const four = await s.connect({ version: 4 });
    await four.subscribe(topic);
    await four.publish({ topic, payload: 'own', qos: 1 });
    await other.receive('own');
    await four.expectNothingFrom(other);
    await four.disconnect();
    const five = await s.connect();
    await five.subscribe([[topic, RETAIN_AS_PUBLISHED]]);
    five.sendPublish({ topic, payload: 'own' });
    await five.receive('own');
    await other.receive('own');
    t.pass();
  },
);

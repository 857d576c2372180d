/** What time does to sessions: expiry, retries, exchanges that are forgotten, messages that expire. */
import { PERSISTENT } from '../helpers/packets.js';
import { until } from '../helpers/with-broker.js';
import { expectPayloads, numbered, publishAll, scenesWith, sceneWith } from './stage.js';

const scene = scenesWith({
  'mqtt.session.expiry_interval': '100s',
  'mqtt.session.max_expiry_interval': '1000s',
  'mqtt.session.retry_interval': '20s',
  'mqtt.session.await_rel_timeout': '30s',
});

const NEVER = 0xffff_ffff;

scene('MQTT 3.1.1: a persistent session lives as long as the configuration says', async (t, s) => {
  const client = await s.connect({ version: 4, clean: false });
  await client.disconnect();
  await s.advanceClock(95);
  const again = await s.resume(client);
  t.true(again.connack?.sessionPresent);
  // Time with a connection does not count.
  await s.advanceClock(500);
  await again.disconnect();
  await s.advanceClock(105);
  t.false((await s.resume(client)).connack?.sessionPresent);
});

scene('MQTT 5: a longer expiry interval is lowered to the maximum, and CONNACK says so', async (t, s) => {
  for (const asked of [5_000, NEVER]) {
    const client = await s.connect({ clean: false, properties: { sessionExpiry: asked } });
    t.is(client.connack?.properties.sessionExpiry, 1_000);
    await client.disconnect();
    await s.advanceClock(990);
    const again = await s.resume(client, { properties: { sessionExpiry: asked } });
    t.true(again.connack?.sessionPresent);
    await again.disconnect();
    await s.advanceClock(1_005);
    t.false((await s.resume(client)).connack?.sessionPresent);
  }
  const within = await s.connect({ clean: false, properties: { sessionExpiry: 900 } });
  t.is(within.connack?.properties.sessionExpiry, undefined);
});

scene('MQTT 5: DISCONNECT lengthens, shortens or ends the session, within the maximum', async (t, s) => {
  const cases = [
    { asked: 50, changed: 500, alive: 490, gone: 20 },
    { asked: 500, changed: 50, alive: 45, gone: 10 },
    { asked: 50, changed: NEVER, alive: 990, gone: 20 },
  ];
  for (const { asked, changed, alive, gone } of cases) {
    const properties = { sessionExpiry: asked };
    const client = await s.connect({ clean: false, properties });
    await client.disconnect(0, { sessionExpiry: changed });
    await s.advanceClock(alive);
    const again = await s.resume(client, { properties });
    t.true(again.connack?.sessionPresent, `${asked} to ${changed}`);
    await again.disconnect(0, { sessionExpiry: changed });
    await s.advanceClock(alive + gone);
    t.false((await s.resume(client, { properties })).connack?.sessionPresent, `${asked} to ${changed}`);
  }
  const client = await s.connect({ clean: false, properties: { sessionExpiry: 50 } });
  await client.disconnect(0, { sessionExpiry: 0 });
  t.false((await s.resume(client)).connack?.sessionPresent);
});

scene('a subscription ends with its session, on the other shards too', async (t, s) => {
  const topic = s.topic('a');
  const client = await s.connect({ clean: false, properties: { sessionExpiry: 50 } });
  await client.subscribe([[topic, 1]]);
  await client.disconnect();
  const publisher = await s.connect({ at: 1 });
  t.is((await publisher.publish({ topic, qos: 1 }))?.code, 0);
  await s.advanceClock(60);
  await until(async () => (await publisher.publish({ topic, qos: 1 }))?.code === 0x10, 'no subscription');
});

scene('MQTT 3.1.1: what is not acknowledged comes again with DUP after each interval', async (t, s) => {
  const topic = s.topic('a');
  const subscriber = await s.connect({ version: 4 });
  await subscriber.subscribe([[topic, 2]]);
  const publisher = await s.connect({ at: 1 });
  await publishAll(publisher, topic, ['one'], 1);
  await publishAll(publisher, topic, ['two'], 2);
  const [one, two] = await expectPayloads(subscriber, ['one', 'two']);
  await s.advanceClock(15);
  await subscriber.expectSilence();
  for (let round = 0; round < 2; round += 1) {
    await s.advanceClock(round === 0 ? 10 : 21);
    const again = await expectPayloads(subscriber, ['one', 'two']);
    t.deepEqual(
      again.map(({ id, dup, qos }) => [id, dup, qos]),
      [
        [one!.id, true, 1],
        [two!.id, true, 2],
      ],
    );
  }
  subscriber.sendAck('puback', one!.id);
  subscriber.sendAck('pubrec', two!.id);
  t.is((await subscriber.expect('pubrel')).id, two!.id);
  await s.advanceClock(21);
  t.is((await subscriber.expect('pubrel')).id, two!.id);
  subscriber.sendAck('pubcomp', two!.id);
  await s.advanceClock(21);
  await subscriber.expectSilence();
});

scene('MQTT 3.1.1 clean session: an exchange without PUBREL is forgotten in time', async (t, s) => {
  const topic = s.topic('a');
  const subscriber = await s.connect();
  await subscriber.subscribe([[topic, 2]]);
  const publisher = await s.connect({ version: 4, at: 1 });
  const before = (await s.figures()).metrics['messages/qos2/dropped'];
  publisher.sendPublish({ topic, payload: 'm', qos: 2, id: 5 });
  await publisher.expect('pubrec');
  await s.advanceClock(20);
  publisher.sendPublish({ topic, payload: 'm', qos: 2, id: 5, dup: true });
  await publisher.expect('pubrec');
  await subscriber.receive('m');
  await subscriber.expectNothingFrom(publisher);
  await s.advanceClock(31);
  publisher.sendPublish({ topic, payload: 'new', qos: 2, id: 5 });
  await publisher.expect('pubrec');
  await subscriber.receive('new');
  t.is((await s.figures()).metrics['messages/qos2/dropped'], before + 1);
});

scene('a persistent session, and any of MQTT 5, never forgets an exchange without PUBREL', async (_t, s) => {
  const topic = s.topic('a');
  const subscriber = await s.connect();
  await subscriber.subscribe([[topic, 2]]);
  for (const actor of [{ ...PERSISTENT, version: 4 as const }, { version: 5 as const }]) {
    const publisher = await s.connect({ ...actor, at: 1 });
    publisher.sendPublish({ topic, payload: 'm', qos: 2, id: 5 });
    await publisher.expect('pubrec');
    await s.advanceClock(600);
    publisher.sendPublish({ topic, payload: 'm', qos: 2, id: 5, dup: true });
    await publisher.expect('pubrec');
    await subscriber.receive('m');
    await subscriber.expectNothingFrom(publisher);
  }
});

scene('a message that waits loses its time: in a queue, as a retained message, on its way', async (t, s) => {
  const topic = s.topic('a');
  const absent = await s.connect(PERSISTENT);
  await absent.subscribe([[topic, 1]]);
  await absent.disconnect();
  const publisher = await s.connect({ at: 1 });
  await publishAll(publisher, topic, ['short'], 1, { messageExpiry: 40 });
  const properties = { messageExpiry: 400 };
  await publisher.publish({ topic, payload: 'long', qos: 1, retain: true, properties });
  await s.advanceClock(100);
  const left = (expiry: number | undefined): void => {
    t.true(expiry !== undefined && expiry <= 300 && expiry >= 298, `${expiry} s left`);
  };
  left((await (await s.resume(absent)).receive('long')).properties.messageExpiry);
  for (const at of [0, 1, 2]) {
    const late = await s.connect({ at });
    await late.subscribe(topic);
    left((await late.receive('long')).properties.messageExpiry);
    const old = await s.connect({ at, version: 4 });
    await old.subscribe(topic);
    await old.receive('long');
  }
  await s.advanceClock(305);
  for (const at of [0, 1, 2]) {
    const late = await s.connect({ at });
    await late.subscribe(topic);
    await late.expectNothingFrom(publisher);
  }
});

scene('a message that waits in a full window expires there too', async (_t, s) => {
  const topic = s.topic('a');
  const subscriber = await s.connect({ properties: { receiveMaximum: 1 } });
  await subscriber.subscribe([[topic, 1]]);
  const publisher = await s.connect({ at: 1 });
  await publishAll(publisher, topic, numbered(2), 1, { messageExpiry: 10 });
  await publishAll(publisher, topic, ['last'], 1);
  const { id } = await subscriber.expectPublish('m0');
  await s.advanceClock(20);
  subscriber.sendAck('puback', id);
  await subscriber.receive('last');
});

sceneWith(
  'an expiry interval of 0 in the configuration keeps 3.1.1 sessions for ever, and a maximum is for MQTT 5',
  { 'mqtt.session.expiry_interval': '0', 'mqtt.session.max_expiry_interval': '100s' },
  async (t, s) => {
    const client = await s.connect({ version: 4, clean: false });
    await client.disconnect();
    await s.advanceClock(10 * 365 * 86_400);
    const again = await s.resume(client);
    t.true(again.connack?.sessionPresent);
    const five = await s.resume(client, { version: 5, properties: { sessionExpiry: NEVER } });
    t.is(five.connack?.properties.sessionExpiry, 100);
  },
  2,
);

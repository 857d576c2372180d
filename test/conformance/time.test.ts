/**
 * Keep alive, expiry and will delay, with the broker's clock turned. One test after the other: they share the
 * clock.
 */
import { PERSISTENT } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import { type Bench, rulesWith } from './rules.js';

const { serial: rule } = rulesWith({ 'mqtt.session.expiry_interval': '2h' });

rule(
  'v3 MQTT-3.1.2-24 v5 MQTT-3.1.2-22 MQTT-3.2.2-22: silence of 1.5 keep alives ends the connection and publishes the will',
  async (t, b) => {
    const watcher = await b.connect();
    await watcher.subscribe([[b.topic('will'), 1]]);
    const will = { topic: b.topic('will'), payload: 'silent' };
    const client = await b.connect({ keepAlive: 100, will });
    t.is(client.connack?.properties.serverKeepAlive, undefined);
    await b.advanceClock(140);
    await client.expectSilence();
    await b.advanceClock(140);
    await client.expectSilence();
    await b.advanceClock(160);
    await client.expectEnd(0x8d);
    await watcher.receive('silent');
  },
);

rule('v3 MQTT-3.1.2-24 v5 MQTT-3.1.2-22: keep alive 0 never ends a connection', async (_t, b) => {
  const client = await b.connect({ keepAlive: 0 });
  await b.advanceClock(1_000_000);
  await client.expectSilence();
});

rule(
  'v3 MQTT-4.1.0-1 v5 MQTT-4.1.0-1 MQTT-3.1.2-23: a session lasts as long as its connection, however long',
  async (t, b) => {
    const client = await b.connect(PERSISTENT);
    await client.subscribe([[b.topic('a'), 1]]);
    await b.advanceClock(100_000);
    await client.publish({ topic: b.topic('other'), qos: 1 });
    client.drop();
    t.true((await b.resume(client)).connack?.sessionPresent);
  },
);

rule(
  'v5 MQTT-4.1.0-2 MQTT-3.1.2-23: the session goes when its expiry interval has passed after the close',
  async (t, b) => {
    const properties = { sessionExpiry: 100 };
    const client = await b.connect({ clean: false, properties });
    await client.subscribe([[b.topic('a'), 1]]);
    await client.disconnect();
    await b.advanceClock(95);
    const again = await b.connect({ clientId: client.clientId, clean: false, properties });
    t.true(again.connack?.sessionPresent);
    await again.disconnect();
    await b.advanceClock(105);
    t.false(
      (await b.connect({ clientId: client.clientId, clean: false, properties })).connack?.sessionPresent,
    );
  },
);

rule('v5 MQTT-4.1.0-2 MQTT-3.1.2-23: session expiry 0xFFFFFFFF means never', async (t, b) => {
  const client = await b.connect({ clean: false, properties: { sessionExpiry: 0xffff_ffff } });
  await client.disconnect();
  await b.advanceClock(20 * 365 * 86_400);
  t.true((await b.resume(client)).connack?.sessionPresent);
});

rule(
  'v5 MQTT-3.3.2-5 MQTT-3.3.2-6: a waiting message expires, and one that has not is sent with the time left',
  async (t, b) => {
    const away = await b.connect(PERSISTENT);
    await away.subscribe([[b.topic('#'), 1]]);
    await away.disconnect();
    const publisher = await b.connect();
    await publisher.publish({
      topic: b.topic('a'),
      payload: 'short',
      qos: 1,
      properties: { messageExpiry: 50 },
    });
    await publisher.publish({
      topic: b.topic('a'),
      payload: 'long',
      qos: 1,
      properties: { messageExpiry: 500 },
    });
    await publisher.publish({
      topic: b.topic('a'),
      payload: 'kept',
      qos: 1,
      properties: { messageExpiry: 50 },
      retain: true,
    });
    await b.advanceClock(100);
    const again = await b.resume(away);
    const left = (await again.receive('long')).properties.messageExpiry ?? 0;
    t.true(left >= 398 && left <= 400, `${left} s left`);
    await again.expectNothingFrom(publisher);
    const late = await b.connect();
    await late.subscribe(b.topic('a'));
    await late.expectNothingFrom(publisher);
  },
);

rule('v5 MQTT-3.3.2-6: a message that did not wait keeps its expiry interval', async (t, b) => {
  const subscriber = await b.connect();
  await subscriber.subscribe([[b.topic('a'), 0]]);
  const publisher = await b.connect();
  publisher.sendPublish({ topic: b.topic('a'), payload: 'm', properties: { messageExpiry: 77 } });
  const left = (await subscriber.receive('m')).properties.messageExpiry ?? 0;
  t.true(left === 77 || left === 76);
});

rule(
  'v5 MQTT-4.3.3-7 MQTT-4.3.3-13: a QoS 2 message whose PUBLISH was sent is finished although it has expired',
  async (t, b) => {
    const subscriber = await b.connect(PERSISTENT);
    await subscriber.subscribe([[b.topic('a'), 2]]);
    const publisher = await b.connect();
    const properties = { messageExpiry: 10 };
    publisher.sendPublish({ topic: b.topic('a'), payload: 'm', qos: 2, id: 5, properties });
    await publisher.expect('pubrec');
    const { id } = await subscriber.expectPublish('m');
    await b.advanceClock(20);
    publisher.sendAck('pubrel', 5);
    t.is((await publisher.expect('pubcomp')).code, 0);
    subscriber.drop();
    const again = await b.resume(subscriber);
    t.is((await again.receive('m')).id, id);
  },
);

interface Broken {
  readonly watcher: RawClient;
  readonly client: RawClient;
  readonly marker: RawClient;
}

/** A watcher of the will, and a client whose connection broke with the will delayed. */
async function broken(b: Bench, willDelay: number, sessionExpiry: number): Promise<Broken> {
  const watcher = await b.connect();
  await watcher.subscribe([[b.topic('will'), 1]]);
  const will = { topic: b.topic('will'), payload: 'will', properties: { willDelay } };
  const client = await b.connect({ clean: false, properties: { sessionExpiry }, will });
  client.drop();
  // A marker on the client's own shard goes the way of the will.
  const marker = await b.connect({ clientId: b.clientIdBeside(client.clientId) });
  await watcher.expectNothingFrom(marker);
  return { watcher, client, marker };
}

rule('v5 MQTT-3.1.2-8: a will waits for its delay', async (_t, b) => {
  const { watcher, marker } = await broken(b, 100, 1_000);
  await b.advanceClock(90);
  await watcher.expectNothingFrom(marker);
  await b.advanceClock(15);
  await watcher.receive('will');
});

rule('v5 MQTT-3.1.2-8: a will does not wait longer than its session lasts', async (_t, b) => {
  const { watcher, marker } = await broken(b, 1_000, 100);
  await b.advanceClock(90);
  await watcher.expectNothingFrom(marker);
  await b.advanceClock(15);
  await watcher.receive('will');
});

rule(
  'v5 MQTT-3.1.3-9 MQTT-3.1.2-8: a client that is back before the delay is over has no will published',
  async (_t, b) => {
    const { watcher, client } = await broken(b, 100, 1_000);
    await b.advanceClock(90);
    const again = await b.resume(client);
    await b.advanceClock(200);
    await watcher.expectNothingFrom(again);
  },
);

rule('v5 MQTT-3.1.2-8: a clean start ends the old session and publishes its will at once', async (_t, b) => {
  const { watcher, client } = await broken(b, 100, 1_000);
  await b.connect({ clientId: client.clientId, clean: true });
  await watcher.receive('will');
});

rule('v5 MQTT-4.4.0-1: nothing is sent again while the connection lasts', async (_t, b) => {
  const subscriber = await b.connect();
  await subscriber.subscribe([[b.topic('a'), 2]]);
  const publisher = await b.connect();
  await publisher.publish({ topic: b.topic('a'), payload: 'one', qos: 1 });
  await subscriber.expectPublish('one');
  await publisher.publish({ topic: b.topic('a'), payload: 'two', qos: 2 });
  const { id } = await subscriber.expectPublish('two');
  subscriber.sendAck('pubrec', id);
  await subscriber.expect('pubrel');
  await b.advanceClock(600);
  await subscriber.expectSilence();
});

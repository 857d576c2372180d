/** The handshakes of QoS 1 and 2, both ways and over reconnects, as far as 3.1.1 and 5 agree. */
import { PERSISTENT } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import { packet, u16 } from '../helpers/wire.js';
import { rulesWith } from './rules.js';

const rule = rulesWith({ 'mqtt.session.max_inflight': 1_000 });

rule(
  'v3 MQTT-4.3.2-2 v5 MQTT-4.3.2-4 MQTT-4.3.2-5: after PUBACK the identifier means a new message, whatever its DUP',
  async (t, b) => {
    const subscriber = await b.connect();
    await subscriber.subscribe([[b.topic('a'), 1]]);
    const publisher = await b.connect();
    for (const dup of [false, true]) {
      publisher.sendPublish({ topic: b.topic('a'), payload: 'same', qos: 1, id: 7, dup });
      t.is((await publisher.expect('puback')).id, 7);
      await subscriber.receive('same');
    }
  },
);

rule(
  'v3 MQTT-4.3.3-2 v5 MQTT-4.3.3-8 MQTT-4.3.3-10 MQTT-4.3.3-11 MQTT-4.3.3-12: a repeated QoS 2 PUBLISH is delivered once until PUBREL',
  async (t, b) => {
    const subscriber = await b.connect();
    await subscriber.subscribe([[b.topic('a'), 2]]);
    const publisher = await b.connect();
    for (const round of ['first', 'second']) {
      for (const dup of [false, true, true]) {
        publisher.sendPublish({ topic: b.topic('a'), payload: round, qos: 2, id: 9, dup });
        t.is((await publisher.expect('pubrec')).id, 9);
      }
      publisher.sendAck('pubrel', 9);
      t.is((await publisher.expect('pubcomp')).id, 9);
      await subscriber.receive(round);
      await subscriber.expectNothingFrom(publisher);
    }
  },
);

rule('v3 MQTT-4.3.3-2 v5 MQTT-4.3.3-10: a QoS 2 identifier is remembered over a reconnect', async (_t, b) => {
  const subscriber = await b.connect();
  await subscriber.subscribe([[b.topic('a'), 2]]);
  const publisher = await b.connect(PERSISTENT);
  publisher.sendPublish({ topic: b.topic('a'), payload: 'once', qos: 2, id: 11 });
  await publisher.expect('pubrec');
  publisher.drop();
  const again = await b.resume(publisher);
  again.sendPublish({ topic: b.topic('a'), payload: 'once', qos: 2, id: 11, dup: true });
  await again.expect('pubrec');
  again.sendAck('pubrel', 11);
  await again.expect('pubcomp');
  await subscriber.receive('once');
  await subscriber.expectNothingFrom(again);
});

rule(
  'v3 MQTT-4.3.2-1 v5 MQTT-4.3.2-1 MQTT-4.3.2-2 MQTT-4.3.2-3 MQTT-2.2.1-4: QoS 1 takes a free identifier and holds it until PUBACK',
  async (t, b) => {
    const subscriber = await b.connect(PERSISTENT);
    await subscriber.subscribe([[b.topic('a'), 1]]);
    const publisher = await b.connect();
    const held = await hold(b.topic('a'), 1, publisher, subscriber);
    t.is(new Set(held.ids).size, held.ids.length);
    t.true(held.ids.every((id) => id > 0));
    t.true(held.isFirstSend);
    subscriber.sendAck('puback', held.ids[1]!);
    await subscriber.expectSilence();
    subscriber.drop();
    const again = await b.resume(subscriber);
    t.is((await again.expectPublish('m0')).id, held.ids[0]!);
    t.is((await again.expectPublish('m2')).id, held.ids[2]!);
    await again.expectSilence();
  },
);

rule(
  'v3 MQTT-4.3.3-1 v5 MQTT-4.3.3-1 MQTT-4.3.3-2 MQTT-4.3.3-3: QoS 2 takes a free identifier and holds the PUBLISH until PUBREC',
  async (t, b) => {
    const subscriber = await b.connect(PERSISTENT);
    await subscriber.subscribe([[b.topic('a'), 2]]);
    const publisher = await b.connect();
    const held = await hold(b.topic('a'), 2, publisher, subscriber);
    t.is(new Set(held.ids).size, held.ids.length);
    t.true(held.isFirstSend);
    subscriber.drop();
    const again = await b.resume(subscriber);
    for (const [index, id] of held.ids.entries()) t.is((await again.expectPublish(`m${index}`)).id, id);
    await again.expectSilence();
  },
);

rule(
  'v3 MQTT-4.3.3-1 MQTT-4.4.0-1 v5 MQTT-4.3.3-4 MQTT-4.3.3-5 MQTT-4.3.3-6 MQTT-4.4.0-1: after PUBREC only PUBREL is sent again, until PUBCOMP',
  async (t, b) => {
    const subscriber = await b.connect(PERSISTENT);
    await subscriber.subscribe([[b.topic('a'), 2]]);
    const publisher = await b.connect();
    await publisher.publish({ topic: b.topic('a'), payload: 'm', qos: 2 });
    const { id } = await subscriber.expectPublish('m');
    subscriber.sendAck('pubrec', id);
    t.is((await subscriber.expect('pubrel')).id, id);
    subscriber.drop();
    const again = await b.resume(subscriber);
    t.is((await again.expect('pubrel')).id, id);
    again.sendAck('pubcomp', id);
    await again.expectSilence();
    again.drop();
    await (await b.resume(subscriber)).expectSilence();
  },
);

rule(
  'v3 MQTT-4.6.0-4: PUBREL packets follow the order of the PUBREC packets, also when sent again',
  async (t, b) => {
    const subscriber = await b.connect(PERSISTENT);
    await subscriber.subscribe([[b.topic('a'), 2]]);
    const { ids } = await hold(b.topic('a'), 2, await b.connect(), subscriber);
    const order = [ids[2]!, ids[0]!, ids[1]!];
    for (const id of order) subscriber.sendAck('pubrec', id);
    for (const id of order) t.is((await subscriber.expect('pubrel')).id, id);
    subscriber.drop();
    const again = await b.resume(subscriber);
    for (const id of order) t.is((await again.expect('pubrel')).id, id);
  },
);

rule(
  'v3 MQTT-2.3.1-4 v5 MQTT-2.2.1-4: an identifier in use is never taken for another message',
  async (t, b) => {
    const subscriber = await b.connect();
    await subscriber.subscribe([[b.topic('a'), 1]]);
    const publisher = await b.connect();
    publisher.sendPublish({ topic: b.topic('a'), payload: 'held', qos: 1, id: 1 });
    await publisher.expect('puback');
    const held = await subscriber.expectPublish('held');
    for (let index = 0; index < 70_000; index += 250) {
      for (let more = 0; more < 250; more += 1) {
        publisher.sendPublish({ topic: b.topic('a'), payload: 'more', qos: 1, id: 2 + more });
      }
      for (let more = 0; more < 250; more += 1) {
        const found = await subscriber.receive('more');
        if (found.id === held.id) t.fail(`identifier ${held.id} was taken while in use`);
      }
      for (let more = 0; more < 250; more += 1) await publisher.expect('puback');
    }
  },
);

rule(
  'v3 MQTT-3.1.2-5 MQTT-4.1.0-1 MQTT-4.1.0-2 v5 MQTT-3.1.2-23 MQTT-4.1.0-1: a session keeps QoS 1 and 2 messages for its absent client',
  async (t, b) => {
    const subscriber = await b.connect(PERSISTENT);
    await subscriber.subscribe([[b.topic('a'), 2]]);
    await subscriber.disconnect();
    const publisher = await b.connect();
    await publisher.publish({ topic: b.topic('a'), payload: 'one', qos: 1 });
    await publisher.publish({ topic: b.topic('a'), payload: 'two', qos: 2 });
    const again = await b.resume(subscriber);
    t.is((await again.receive('one')).qos, 1);
    t.is((await again.receive('two')).qos, 2);
    await again.expectSilence();
  },
);

rule(
  'v3 MQTT-3.1.2-6 v5 MQTT-4.1.0-2: a session that ends with its connection keeps nothing',
  async (t, b) => {
    const first = await b.connect({ clean: true });
    await first.subscribe([[b.topic('a'), 1]]);
    await first.disconnect();
    const publisher = await b.connect();
    await publisher.publish({ topic: b.topic('a'), payload: 'unheard', qos: 1 });
    const again = await b.resume(first);
    t.false(again.connack?.sessionPresent);
    await again.expectNothingFrom(publisher);
  },
);

rule(
  'v3 MQTT-3.6.1-1 v5 MQTT-3.6.1-1: PUBREL is sent with flags 0010 and refused with others',
  async (t, b) => {
    const subscriber = await b.connect();
    await subscriber.subscribe([[b.topic('a'), 2]]);
    const publisher = await b.connect();
    await publisher.publish({ topic: b.topic('a'), payload: 'm', qos: 2 });
    const { id } = await subscriber.expectPublish('m');
    subscriber.sendAck('pubrec', id);
    t.is((await subscriber.expect('pubrel')).flags, 2);
    publisher.sendPublish({ topic: b.topic('a'), payload: 'n', qos: 2, id: 900 });
    await publisher.expect('pubrec');
    publisher.send(packet(0x60, u16(900)));
    await publisher.expectEnd(0x81);
  },
);

interface Sendings {
  readonly ids: number[];
  readonly isFirstSend: boolean;
}

/** Publishes m0, m1 and m2 and lets the subscriber see but not acknowledge them. */
async function hold(
  topic: string,
  qos: number,
  publisher: RawClient,
  subscriber: RawClient,
): Promise<Sendings> {
  const ids: number[] = [];
  let isFirstSend = true;
  for (const payload of ['m0', 'm1', 'm2']) {
    await publisher.publish({ topic, payload, qos });
    const found = await subscriber.expectPublish(payload);
    if (found.dup || found.qos !== qos) isFirstSend = false;
    ids.push(found.id);
  }
  return { ids, isFirstSend };
}

rule(
  'v3 MQTT-4.4.0-1 MQTT-3.1.4-2 v5 MQTT-4.4.0-1 MQTT-3.1.4-3: a takeover goes on where the old connection stood',
  async (t, b) => {
    const old = await b.connect(PERSISTENT);
    await old.subscribe([[b.topic('a'), 1]]);
    const publisher = await b.connect();
    await publisher.publish({ topic: b.topic('a'), payload: 'open', qos: 1 });
    const { id } = await old.expectPublish('open');
    const young = await b.resume(old);
    await old.expectEnd(0x8e);
    const found = await young.receive('open');
    t.is(found.id, id);
    t.true(found.dup);
    await publisher.publish({ topic: b.topic('a'), payload: 'next', qos: 1 });
    await young.receive('next');
  },
);

rule(
  'v3 MQTT-4.6.0-6 v5 MQTT-4.6.0-5 MQTT-4.6.0-6: over a reconnect, messages in flight come before those that waited',
  async (_t, b) => {
    const subscriber = await b.connect(PERSISTENT);
    await subscriber.subscribe([[b.topic('a'), 1]]);
    const publisher = await b.connect();
    for (const payload of ['m0', 'm1']) {
      await publisher.publish({ topic: b.topic('a'), payload, qos: 1 });
      await subscriber.expectPublish(payload);
    }
    await subscriber.disconnect();
    for (const payload of ['m2', 'm3']) await publisher.publish({ topic: b.topic('a'), payload, qos: 1 });
    const again = await b.resume(subscriber);
    for (const payload of ['m0', 'm1', 'm2', 'm3']) await again.receive(payload);
  },
);

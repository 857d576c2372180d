/** SUBSCRIBE and UNSUBSCRIBE, as far as 3.1.1 and 5 agree. */
import { PERSISTENT, subscribe, unsubscribe } from '../helpers/packets.js';
import { field, packet, u16 } from '../helpers/wire.js';
import { rulesWith } from './rules.js';

const rule = rulesWith();
const ILL_FORMED = Buffer.from([0x61, 0xc3]);

rule(
  'v3 MQTT-3.8.4-1 MQTT-3.8.4-2 MQTT-2.3.1-7 v5 MQTT-3.8.4-1 MQTT-3.8.4-2 MQTT-2.2.1-6: SUBSCRIBE gets a SUBACK with its identifier',
  async (t, b) => {
    const client = await b.connect();
    for (const id of [1, 0x0102, 65_535]) {
      client.send(subscribe(b.version, id, [[b.topic('a'), 0]]));
      t.is((await client.expect('suback')).id, id);
    }
  },
);

rule(
  'v3 MQTT-3.8.4-4 MQTT-3.8.4-5 MQTT-3.9.3-1 MQTT-3.9.3-2 v5 MQTT-3.8.4-5 MQTT-3.8.4-6 MQTT-3.8.4-7 MQTT-3.9.3-1 MQTT-3.9.3-2: one SUBACK has a code per filter, in their order',
  async (t, b) => {
    const client = await b.connect();
    const refused = b.version === 5 ? 0x8f : 0x80;
    const suback = await client.subscribe([
      [b.topic('a'), 2],
      ['x/#/y', 1],
      [b.topic('b'), 0],
      ['x+', 2],
      [b.topic('c'), 1],
    ]);
    t.deepEqual(suback.codes, [2, refused, 0, refused, 1]);
    for (const name of ['a', 'b', 'c']) {
      client.sendPublish({ topic: b.topic(name), payload: name });
      await client.expectPublish(name);
    }
  },
);

rule(
  'v3 MQTT-3.8.4-4 v5 MQTT-3.8.4-5: the same filter twice in one SUBSCRIBE counts as two in order',
  async (t, b) => {
    const client = await b.connect();
    const suback = await client.subscribe([
      [b.topic('a'), 0],
      [b.topic('a'), 1],
    ]);
    t.deepEqual(suback.codes, [0, 1]);
    client.sendPublish({ topic: b.topic('a'), payload: 'm', qos: 1, id: 1 });
    const both = [await client.next(), await client.next()];
    t.is(both.find((one) => one?.type === 'publish')?.qos, 1);
  },
);

rule(
  'v3 MQTT-3.8.4-6 v5 MQTT-3.8.4-8: delivery is at the lower of published and granted QoS',
  async (t, b) => {
    const publisher = await b.connect();
    for (const granted of [0, 1, 2]) {
      const subscriber = await b.connect();
      await subscriber.subscribe([[b.topic('a'), granted]]);
      for (const published of [0, 1, 2]) {
        await publisher.publish({ topic: b.topic('a'), payload: `${published}`, qos: published });
        t.is((await subscriber.receive(`${published}`)).qos, Math.min(granted, published));
      }
      await subscriber.disconnect();
    }
  },
);

rule(
  'v3 MQTT-3.8.4-3 v5 MQTT-3.8.4-3 MQTT-3.8.4-4: the same filter again replaces the QoS, replays retained messages and loses nothing',
  async (t, b) => {
    const publisher = await b.connect();
    await publisher.publish({ topic: b.topic('a'), payload: 'kept', qos: 1, retain: true });
    const subscriber = await b.connect();
    await subscriber.subscribe([[b.topic('+'), 0]]);
    t.is((await subscriber.receive('kept')).qos, 0);
    await subscriber.subscribe([[b.topic('+'), 1]]);
    const again = await subscriber.receive('kept');
    t.is(again.qos, 1);
    t.true(again.retain);
    await publisher.publish({ topic: b.topic('a'), payload: 'live', qos: 2 });
    t.is((await subscriber.receive('live')).qos, 1);
    await subscriber.expectNothingFrom(publisher);
  },
);

rule(
  'v3 MQTT-3.8.4-3 v5 MQTT-3.8.4-4: subscribing again does not interrupt the flow of messages',
  async (t, b) => {
    const subscriber = await b.connect();
    await subscriber.subscribe([[b.topic('a'), 1]]);
    const publisher = await b.connect();
    for (let index = 0; index < 40; index += 1) {
      publisher.sendPublish({ topic: b.topic('a'), payload: `${index}`, qos: 1, id: index + 1 });
      if (index % 4 === 0) subscriber.send(subscribe(b.version, index + 1, [[b.topic('a'), 1]]));
    }
    let expected = 0;
    let subacks = 0;
    while (expected < 40 || subacks < 10) {
      const found = await subscriber.next();
      if (found?.type === 'suback') subacks += 1;
      else t.is(found?.payload, `${expected++}`);
      if (found?.type === 'publish') subscriber.sendAck('puback', found.id);
    }
  },
);

rule(
  'v3 MQTT-3.8.1-1 MQTT-3.10.1-1 v5 MQTT-3.8.1-1 MQTT-3.10.1-1: SUBSCRIBE and UNSUBSCRIBE need flags 0010',
  async (_t, b) => {
    for (const bytes of [subscribe(b.version, 1, [['a', 0]]), unsubscribe(b.version, 1, ['a'])]) {
      for (const flags of [0, 1, 3, 10]) {
        const client = await b.connect();
        const wrong = Buffer.from(bytes);
        wrong[0] = (wrong[0]! & 0xf0) | flags;
        client.send(wrong);
        await client.expectEnd(0x81);
      }
    }
  },
);

rule(
  'v3 MQTT-3.8.3-1 MQTT-3.10.3-1 v5 MQTT-3.8.3-1 MQTT-3.10.3-1: a filter that is not UTF-8 ends the connection',
  async (_t, b) => {
    for (const bytes of [
      subscribe(b.version, 1, [[ILL_FORMED, 0]]),
      unsubscribe(b.version, 1, [ILL_FORMED]),
    ]) {
      const client = await b.connect();
      client.send(bytes);
      await client.expectEnd(0x81);
    }
  },
);

rule(
  'v3 MQTT-3.8.3-3 MQTT-3.10.3-2 v5 MQTT-3.8.3-2 MQTT-3.10.3-2: SUBSCRIBE and UNSUBSCRIBE need a filter',
  async (_t, b) => {
    for (const bytes of [subscribe(b.version, 1, []), unsubscribe(b.version, 1, [])]) {
      const client = await b.connect();
      client.send(bytes);
      await client.expectEnd(0x82);
    }
  },
);

rule(
  'v3 MQTT-3.8.3-4 v5 MQTT-3.8.3-5: reserved bits or QoS 3 in a requested QoS end the connection',
  async (_t, b) => {
    const [reserved, qos3] =
      b.version === 5 ? [[0x40, 0x80], 0x82] : [[0x04, 0x08, 0x10, 0x20, 0x40, 0x80], 0x82];
    for (const options of reserved) {
      const client = await b.connect();
      client.send(subscribe(b.version, 1, [[b.topic('a'), options]]));
      await client.expectEnd(0x81);
    }
    const client = await b.connect();
    client.send(subscribe(b.version, 1, [[b.topic('a'), 3]]));
    await client.expectEnd(qos3);
  },
);

rule('v3 MQTT-3.8.3-2: filters with wildcards are served', async (_t, b) => {
  const client = await b.connect();
  await client.subscribe([[b.topic('+/b/#'), 0]]);
  client.sendPublish({ topic: b.topic('a/b/c'), payload: 'm' });
  await client.expectPublish('m');
});

rule(
  'v3 MQTT-3.10.4-4 MQTT-3.10.4-5 MQTT-2.3.1-7 v5 MQTT-3.10.4-4 MQTT-3.10.4-5 MQTT-2.2.1-6: UNSUBSCRIBE gets an UNSUBACK, also when nothing was deleted',
  async (t, b) => {
    const client = await b.connect();
    client.send(unsubscribe(b.version, 0x0a0b, [b.topic('never')]));
    const found = await client.expect('unsuback');
    t.is(found.id, 0x0a0b);
    t.deepEqual(found.codes, b.version === 5 ? [0x11] : []);
  },
);

rule(
  'v3 MQTT-3.10.4-1 MQTT-3.10.4-2 v5 MQTT-3.10.4-1 MQTT-3.10.4-2: only the equal filter is deleted, and nothing new is sent for it',
  async (_t, b) => {
    const subscriber = await b.connect();
    await subscriber.subscribe([[b.topic('a/b'), 1]]);
    const publisher = await b.connect();
    await subscriber.unsubscribe(b.topic('a/+'), b.topic('#'), b.topic('a/b/'), b.topic('A/b'));
    await publisher.publish({ topic: b.topic('a/b'), payload: 'still', qos: 1 });
    await subscriber.receive('still');
    await subscriber.unsubscribe(b.topic('a/b'));
    await publisher.publish({ topic: b.topic('a/b'), payload: 'gone', qos: 1 });
    await subscriber.expectNothingFrom(publisher);
  },
);

rule(
  'v3 MQTT-3.10.4-6 v5 MQTT-3.10.4-6 MQTT-3.11.3-1 MQTT-3.11.3-2: several filters are deleted with one UNSUBACK',
  async (t, b) => {
    const subscriber = await b.connect();
    await subscriber.subscribe([
      [b.topic('a'), 0],
      [b.topic('b'), 0],
      [b.topic('c'), 0],
    ]);
    const unsuback = await subscriber.unsubscribe(b.topic('a'), b.topic('never'), b.topic('c'));
    t.deepEqual(unsuback.codes, b.version === 5 ? [0, 0x11, 0] : []);
    const publisher = await b.connect();
    for (const name of ['a', 'b', 'c']) publisher.sendPublish({ topic: b.topic(name), payload: name });
    await subscriber.expectPublish('b');
    await subscriber.expectNothingFrom(publisher);
  },
);

rule('v3 MQTT-3.10.4-3 v5 MQTT-3.10.4-3: deliveries begun are finished after UNSUBSCRIBE', async (t, b) => {
  const subscriber = await b.connect(PERSISTENT);
  await subscriber.subscribe([[b.topic('a'), 2]]);
  const publisher = await b.connect();
  await publisher.publish({ topic: b.topic('a'), payload: 'one', qos: 1 });
  const one = await subscriber.expectPublish('one');
  await publisher.publish({ topic: b.topic('a'), payload: 'two', qos: 2 });
  const two = await subscriber.expectPublish('two');
  await subscriber.unsubscribe(b.topic('a'));
  subscriber.drop();
  const again = await b.resume(subscriber);
  t.is((await again.receive('one')).id, one.id);
  t.is((await again.receive('two')).id, two.id);
});

rule('v3 MQTT-3.12.4-1 v5 MQTT-3.12.4-1: every PINGREQ gets a PINGRESP', async (_t, b) => {
  const client = await b.connect();
  client.send(packet(0xc0), packet(0xc0), packet(0xc0));
  for (let count = 0; count < 3; count += 1) await client.expect('pingresp');
});

rule(
  'v3 MQTT-2.2.2-2 v5 MQTT-2.1.3-1: a packet cut short inside its fields ends the connection',
  async (_t, b) => {
    const cut = [
      packet(0x82, u16(1), b.version === 5 ? [0] : [], [0, 9, 0x61]),
      packet(0xa2, u16(1), field('a').subarray(0, 2)),
    ];
    for (const bytes of cut) {
      const client = await b.connect();
      client.send(bytes);
      await client.expectEnd(0x81);
    }
  },
);

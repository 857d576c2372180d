/** Receive Maximum of 5, both ways. */
import { rulesWith } from './rules.js';

const rule = rulesWith({ 'mqtt.receive_maximum': 5 });

rule(
  'v5 MQTT-3.3.4-9 MQTT-4.9.0-1 MQTT-4.9.0-2: no more messages are open than the client receives',
  async (_t, b) => {
    for (const qos of [1, 2]) {
      const subscriber = await b.connect({ properties: { receiveMaximum: 2 } });
      await subscriber.subscribe([[b.topic('a'), 2]]);
      const publisher = await b.connect();
      for (let index = 0; index < 5; index += 1) {
        await publisher.publish({ topic: b.topic('a'), payload: `m${index}`, qos });
      }
      let first = await subscriber.expectPublish('m0');
      let second = await subscriber.expectPublish('m1');
      for (let index = 2; index < 5; index += 1) {
        await subscriber.expectSilence();
        if (qos === 1) {
          subscriber.sendAck('puback', first.id);
        } else {
          subscriber.sendAck('pubrec', first.id);
          await subscriber.expect('pubrel');
          await subscriber.expectSilence();
          subscriber.sendAck('pubcomp', first.id);
        }
        first = second;
        second = await subscriber.expectPublish(`m${index}`);
      }
      await subscriber.disconnect();
    }
  },
);

rule('v5 MQTT-3.3.4-9 MQTT-4.9.0-2: a PUBREC that refuses makes room too', async (_t, b) => {
  const subscriber = await b.connect({ properties: { receiveMaximum: 1 } });
  await subscriber.subscribe([[b.topic('a'), 2]]);
  const publisher = await b.connect();
  for (const payload of ['m0', 'm1']) await publisher.publish({ topic: b.topic('a'), payload, qos: 2 });
  const { id } = await subscriber.expectPublish('m0');
  await subscriber.expectSilence();
  subscriber.sendAck('pubrec', id, 0x80);
  await subscriber.expectPublish('m1');
});

rule('v5 MQTT-3.3.4-10 MQTT-4.9.0-3: at the limit all other packets are answered', async (_t, b) => {
  const subscriber = await b.connect({ properties: { receiveMaximum: 1 } });
  await subscriber.subscribe([[b.topic('a'), 1]]);
  const publisher = await b.connect();
  for (const payload of ['m0', 'm1']) await publisher.publish({ topic: b.topic('a'), payload, qos: 1 });
  const { id } = await subscriber.expectPublish('m0');
  await subscriber.expectSilence();
  await subscriber.subscribe(b.topic('b'));
  await subscriber.unsubscribe(b.topic('b'));
  await subscriber.publish({ topic: b.topic('c'), qos: 1 });
  await subscriber.publish({ topic: b.topic('c'), qos: 2 });
  subscriber.sendAck('puback', id);
  await subscriber.receive('m1');
});

rule('v5 MQTT-3.3.4-7: more open messages than the maximum in CONNACK get DISCONNECT 0x93', async (t, b) => {
  const client = await b.connect();
  t.is(client.connack?.properties.receiveMaximum, 5);
  for (let id = 1; id <= 5; id += 1) {
    client.sendPublish({ topic: b.topic('a'), qos: 2, id });
    await client.expect('pubrec');
  }
  await client.publish({ topic: b.topic('a'), qos: 0 });
  await client.expectSilence();
  client.sendPublish({ topic: b.topic('a'), qos: 2, id: 6 });
  await client.expectEnd(0x93);
});

rule('v5 MQTT-3.3.4-7: finished messages do not count', async (_t, b) => {
  const client = await b.connect();
  for (let round = 0; round < 12; round += 1) await client.publish({ topic: b.topic('a'), qos: 2 });
  await client.expectSilence();
});

rule(
  'v5 MQTT-4.9.0-1 MQTT-3.3.4-9 MQTT-4.4.0-1: what is sent again keeps to the receive maximum of the new connection',
  async (t, b) => {
    const properties = { sessionExpiry: 60, receiveMaximum: 10 };
    const subscriber = await b.connect({ clean: false, properties });
    await subscriber.subscribe([[b.topic('a'), 2]]);
    const publisher = await b.connect();
    for (const [index, qos] of [1, 2, 1].entries()) {
      await publisher.publish({ topic: b.topic('a'), payload: `m${index}`, qos });
      await subscriber.expectPublish(`m${index}`);
    }
    subscriber.drop();
    const again = await b.resume(subscriber, { properties: { sessionExpiry: 60, receiveMaximum: 1 } });
    for (const payload of ['m0', 'm1', 'm2']) {
      const found = await again.expectPublish(payload);
      t.true(found.dup);
      await again.expectSilence();
      if (found.qos === 1) {
        again.sendAck('puback', found.id);
      } else {
        again.sendAck('pubrec', found.id);
        await again.expect('pubrel');
        await again.expectSilence();
        again.sendAck('pubcomp', found.id);
      }
    }
    await again.expectNothingFrom(publisher);
  },
);

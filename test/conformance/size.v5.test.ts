/** Maximum Packet Size of a client in 5, and what is left out to keep to it. */
import { disconnect, PERSISTENT } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import { type Bench, rulesWith } from './rules.js';

const rule = rulesWith();

/** A client whose maximum packet size is just that of its CONNACK. */
async function tight(b: Bench): Promise<{ client: RawClient; bytesMax: number }> {
  const probe = await b.connect();
  const bytesMax = (probe.connack?.frame.length ?? 0) + 4;
  const client = await b.connect({ clientId: probe.clientId, properties: { maximumPacketSize: bytesMax } });
  return { client, bytesMax };
}

rule(
  'v5 MQTT-3.1.2-24 MQTT-3.1.2-25: a message too large for the client is dropped as if delivered',
  async (_t, b) => {
    const properties = { maximumPacketSize: 200, receiveMaximum: 1, sessionExpiry: 60 };
    const subscriber = await b.connect({ ...PERSISTENT, properties });
    await subscriber.subscribe([[b.topic('a'), 2]]);
    const publisher = await b.connect();
    for (const qos of [0, 1, 2]) {
      await publisher.publish({ topic: b.topic('a'), payload: 'x'.repeat(300), qos });
      await publisher.publish({ topic: b.topic('a'), payload: `small ${qos}`, qos });
      await subscriber.receive(`small ${qos}`);
    }
    await subscriber.disconnect();
    await publisher.publish({ topic: b.topic('a'), payload: 'y'.repeat(300), qos: 1 });
    await publisher.publish({ topic: b.topic('a'), payload: 'small', qos: 1 });
    const again = await b.resume(subscriber, { properties });
    await again.receive('small');
    await again.expectNothingFrom(publisher);
  },
);

rule('v5 MQTT-3.1.2-24: the size counts the whole packet', async (_t, b) => {
  const topic = b.topic('a');
  const subscriber = await b.connect({ properties: { maximumPacketSize: 120 } });
  await subscriber.subscribe(topic);
  const publisher = await b.connect();
  const fits = 'f'.repeat(120 - 2 - 2 - topic.length - 1);
  publisher.sendPublish({ topic, payload: `${fits}+` });
  publisher.sendPublish({ topic, payload: fits });
  await subscriber.expectPublish(fits);
});

rule('v5 MQTT-3.1.2-24: retained messages and wills keep to it as well', async (_t, b) => {
  const publisher = await b.connect({ will: { topic: b.topic('b'), payload: 'w'.repeat(300) } });
  await publisher.publish({ topic: b.topic('a'), payload: 'x'.repeat(300), qos: 1, retain: true });
  await publisher.publish({ topic: b.topic('b'), payload: 'small', qos: 1, retain: true });
  const subscriber = await b.connect({ properties: { maximumPacketSize: 200 } });
  await subscriber.subscribe(b.topic('+'));
  await subscriber.expectPublish('small');
  publisher.drop();
  await subscriber.expectNothingFrom(await b.connect({ clientId: publisher.clientId }));
});

rule('v5 MQTT-3.1.2-24: the size counts the topic alias too', async (_t, b) => {
  const topic = b.topic('a/topic/long/enough/for/an/alias');
  const subscriber = await b.connect({ properties: { maximumPacketSize: 120, topicAliasMaximum: 5 } });
  await subscriber.subscribe(topic);
  const publisher = await b.connect();
  const fits = 'f'.repeat(120 - 2 - 2 - topic.length - 1);
  publisher.sendPublish({ topic, payload: fits });
  publisher.sendPublish({ topic, payload: 'end' });
  const first = await subscriber.expect('publish');
  if (first.payload === 'end') return;
  if (first.frame.length > 120) throw new Error(`a packet of ${first.frame.length} bytes`);
  await subscriber.expectPublish('end');
});

rule(
  'v5 MQTT-3.1.2-24 MQTT-3.1.2-25: what is sent again keeps to the size of the new connection',
  async (_t, b) => {
    const subscriber = await b.connect(PERSISTENT);
    await subscriber.subscribe([[b.topic('a'), 2]]);
    const publisher = await b.connect();
    for (const [qos, payload] of [
      [1, 'x'],
      [2, 'y'],
    ] as const) {
      await publisher.publish({ topic: b.topic('a'), payload: payload.repeat(300), qos });
      await subscriber.expectPublish(payload.repeat(300));
    }
    subscriber.drop();
    const again = await b.resume(subscriber, { properties: { sessionExpiry: 60, maximumPacketSize: 200 } });
    await again.expectNothingFrom(publisher);
  },
);

rule(
  'v5 MQTT-3.2.2-19 MQTT-3.2.2-20 MQTT-3.9.2-1 MQTT-3.9.2-2 MQTT-3.11.2-1 MQTT-3.11.2-2: CONNACK, SUBACK and UNSUBACK keep to the size',
  async (t, b) => {
    const { client, bytesMax } = await tight(b);
    t.true((client.connack?.frame.length ?? 0) <= bytesMax);
    const suback = await client.subscribe([
      ['bad/#/filter', 1],
      ['$share//a', 1],
    ]);
    t.true(suback.frame.length <= bytesMax);
    t.deepEqual(suback.codes, [0x8f, 0x8f]);
    const unsuback = await client.unsubscribe('never/there', 'nor/this');
    t.true(unsuback.frame.length <= bytesMax);
    t.deepEqual(unsuback.codes, [0x11, 0x11]);
  },
);

rule(
  'v5 MQTT-3.4.2-2 MQTT-3.4.2-3 MQTT-3.5.2-2 MQTT-3.5.2-3 MQTT-3.6.2-2 MQTT-3.6.2-3 MQTT-3.7.2-2 MQTT-3.7.2-3: acknowledgements keep to the size',
  async (t, b) => {
    const { client, bytesMax } = await tight(b);
    client.sendPublish({ topic: 'nobody', qos: 1, id: 1 });
    client.sendPublish({ topic: 'nobody', qos: 2, id: 2 });
    client.sendAck('pubrel', 900);
    client.sendAck('pubrec', 901);
    for (const type of ['puback', 'pubrec', 'pubcomp', 'pubrel'] as const) {
      t.true((await client.expect(type)).frame.length <= bytesMax);
    }
  },
);

rule('v5 MQTT-3.14.2-3 MQTT-3.14.2-4: DISCONNECT keeps to the size', async (t, b) => {
  const { client, bytesMax } = await tight(b);
  client.sendPublish({ topic: 'a/#' });
  const found = await client.expect('disconnect');
  t.true(found.frame.length <= bytesMax);
  await client.expectClosed();
});

rule(
  'v5 MQTT-3.1.2-29: with request problem information 0 only PUBLISH, CONNACK and DISCONNECT may explain themselves',
  async (t, b) => {
    const client = await b.connect({ properties: { requestProblemInformation: 0 } });
    const answers = [
      await client.subscribe([
        ['bad/#/filter', 0],
        [b.topic('a'), 0],
      ]),
      await client.unsubscribe('never/there'),
    ];
    client.sendAck('pubrel', 900);
    answers.push(await client.expect('pubcomp'));
    for (const { properties } of answers) {
      t.is(properties.reasonString, undefined);
      t.is(properties.userProperties, undefined);
    }
    client.sendPublish({ topic: b.topic('a'), payload: 'm', properties: { userProperties: [['k', 'v']] } });
    t.deepEqual((await client.expectPublish('m')).properties.userProperties, [['k', 'v']]);
    client.send(disconnect());
    await client.expectClosed();
  },
);

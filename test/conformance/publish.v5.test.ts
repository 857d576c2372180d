/** PUBLISH of 5: its properties and topic aliases. */
import { PERSISTENT } from '../helpers/packets.js';
import { type Properties, packet, properties, property, u16, varint } from '../helpers/wire.js';
import { rulesWith } from './rules.js';

const rule = rulesWith({ 'mqtt.max_topic_alias': 10 });
const ILL_FORMED = Buffer.from([0xff]);

rule(
  'v5 MQTT-3.3.2-4 MQTT-3.3.2-15 MQTT-3.3.2-16 MQTT-3.3.2-17 MQTT-3.3.2-18 MQTT-3.3.2-20: properties are passed on unchanged and in their order',
  async (t, b) => {
    const subscriber = await b.connect();
    await subscriber.subscribe([[b.topic('a'), 2]]);
    const publisher = await b.connect();
    const all: Properties = {
      payloadFormat: 1,
      contentType: 'text/plain; charset=utf-8',
      responseTopic: b.topic('answer/\u20ac'),
      correlationData: Buffer.from([0, 1, 0xff]),
      userProperties: [
        ['b', '1'],
        ['a', '2'],
        ['b', '3'],
        ['', ''],
      ],
    };
    for (const qos of [0, 1, 2]) {
      await publisher.publish({ topic: b.topic('a'), payload: 'p', qos, properties: all });
      t.deepEqual((await subscriber.receive('p')).properties, all);
    }
    await publisher.publish({ topic: b.topic('a'), payload: 'format 0', properties: { payloadFormat: 0 } });
    t.not((await subscriber.receive('format 0')).properties.payloadFormat, 1);
  },
);

rule(
  'v5 MQTT-3.3.2-4 MQTT-3.3.2-15 MQTT-3.3.2-17: retained and queued messages keep their properties',
  async (t, b) => {
    const away = await b.connect(PERSISTENT);
    await away.subscribe([[b.topic('a'), 1]]);
    await away.disconnect();
    const publisher = await b.connect();
    const properties: Properties = { payloadFormat: 1, responseTopic: 'r', userProperties: [['k', 'v']] };
    await publisher.publish({ topic: b.topic('a'), payload: 'p', qos: 1, retain: true, properties });
    t.deepEqual((await (await b.resume(away)).receive('p')).properties, properties);
    const late = await b.connect();
    await late.subscribe([[b.topic('a'), 1]]);
    t.deepEqual((await late.receive('p')).properties, properties);
  },
);

rule('v5 MQTT-2.2.2-1: no properties are written as length 0', async (t, b) => {
  const subscriber = await b.connect();
  const suback = await subscriber.subscribe(b.topic('a'));
  t.is(suback.frame[4], 0);
  const publisher = await b.connect();
  publisher.sendPublish({ topic: b.topic('a'), payload: 'p' });
  const found = await subscriber.expectPublish('p');
  t.is(found.frame[4 + b.topic('a').length], 0);
  t.is(found.frame.length, 6 + b.topic('a').length);
});

rule(
  'v5 MQTT-1.5.7-1 MQTT-3.3.2-13 MQTT-3.3.2-19 MQTT-1.5.4-1: ill-formed strings in properties are malformed',
  async (_t, b) => {
    const wrong = [
      Buffer.concat([Buffer.from([0x26]), u16(1), ILL_FORMED, u16(0)]),
      Buffer.concat([Buffer.from([0x26]), u16(0), u16(1), ILL_FORMED]),
      Buffer.concat([Buffer.from([0x26]), u16(1), Buffer.from('\0'), u16(0)]),
      Buffer.concat([Buffer.from([0x08]), u16(1), ILL_FORMED]),
      Buffer.concat([Buffer.from([0x03]), u16(1), ILL_FORMED]),
    ];
    for (const properties of wrong) {
      const client = await b.connect();
      client.sendPublish({ topic: b.topic('a'), properties });
      await client.expectEnd(0x81);
    }
  },
);

rule('v5 MQTT-3.3.2-14: a response topic with a wildcard is refused', async (_t, b) => {
  for (const responseTopic of ['a/+', '#']) {
    const client = await b.connect();
    client.sendPublish({ topic: b.topic('a'), properties: { responseTopic } });
    await client.expectEnd(0x82);
  }
});

rule('v5 MQTT-3.3.4-6: a subscription identifier from a client is a protocol error', async (_t, b) => {
  const client = await b.connect();
  client.sendPublish({ topic: b.topic('a'), properties: { subscriptionIdentifiers: [1] } });
  await client.expectEnd(0x82);
});

rule(
  'v5 MQTT-4.13.1-1: properties that are repeated, out of place or cut short end the connection',
  async (_t, b) => {
    const wrong: [number, Buffer][] = [
      [0x82, Buffer.concat([property('payloadFormat', 0), property('payloadFormat', 0)])],
      [0x82, Buffer.concat([property('messageExpiry', 9), property('messageExpiry', 9)])],
      [0x82, property('payloadFormat', 2)],
      [0x81, property('sessionExpiry', 1)],
      [0x81, Buffer.from([0x02, 0, 0])],
      [0x81, Buffer.from([0x00, 0])],
    ];
    for (const [code, properties] of wrong) {
      const client = await b.connect();
      client.sendPublish({ topic: b.topic('a'), properties });
      await client.expectEnd(code);
    }
  },
);

rule(
  'v5 MQTT-1.5.5-1: variable byte integers are written in the fewest bytes and need no more than four',
  async (t, b) => {
    const subscriber = await b.connect();
    const edges = [1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455];
    for (const edge of edges) {
      await subscriber.subscribe([[b.topic(`${edge}`), 0]], { subscriptionIdentifiers: [edge] });
      subscriber.sendPublish({ topic: b.topic(`${edge}`) });
      const found = await subscriber.expectPublish('');
      t.deepEqual(found.properties.subscriptionIdentifiers, [edge]);
      t.true(found.frame.includes(Buffer.concat([Buffer.from([0x0b]), varint(edge)])));
    }
    for (const length of [
      [0x80, 0x80, 0x80, 0x80, 0x00],
      [0xff, 0xff, 0xff, 0xff, 0x7f],
    ]) {
      const client = await b.connect();
      client.send([0x30, 3 + length.length, 0, 1, 0x61, ...length]);
      await client.expectEnd(0x81);
    }
  },
);

rule(
  'v5 MQTT-3.3.2-12: every topic alias up to the maximum of CONNACK stands for its topic',
  async (t, b) => {
    const publisher = await b.connect();
    const maximum = publisher.connack?.properties.topicAliasMaximum ?? 0;
    t.is(maximum, 10);
    const subscriber = await b.connect();
    await subscriber.subscribe(b.topic('#'));
    for (let topicAlias = 1; topicAlias <= maximum; topicAlias += 1) {
      publisher.sendPublish({
        topic: b.topic(`${topicAlias}`),
        payload: 'named',
        properties: { topicAlias },
      });
      t.is((await subscriber.expectPublish('named')).topic, b.topic(`${topicAlias}`));
    }
    for (let topicAlias = maximum; topicAlias >= 1; topicAlias -= 1) {
      publisher.sendPublish({ topic: '', payload: 'alias', properties: { topicAlias } });
      const found = await subscriber.expectPublish('alias');
      t.is(found.topic, b.topic(`${topicAlias}`));
      t.is(found.properties.topicAlias, undefined);
    }
    publisher.sendPublish({ topic: b.topic('other'), payload: 'named', properties: { topicAlias: 3 } });
    await subscriber.expectPublish('named');
    publisher.sendPublish({ topic: '', payload: 'moved', properties: { topicAlias: 3 } });
    t.is((await subscriber.expectPublish('moved')).topic, b.topic('other'));
  },
);

rule(
  'v5 MQTT-3.3.2-8 MQTT-3.3.2-9 MQTT-3.2.2-17: topic alias 0, or above the maximum, gets DISCONNECT 0x94',
  async (_t, b) => {
    for (const topicAlias of [0, 11, 65_535]) {
      const client = await b.connect();
      client.sendPublish({ topic: b.topic('a'), properties: { topicAlias } });
      await client.expectEnd(0x94);
    }
  },
);

rule('v5 MQTT-4.7.3-1: an alias that stands for nothing is a protocol error', async (_t, b) => {
  const client = await b.connect();
  client.sendPublish({ topic: '', properties: { topicAlias: 5 } });
  await client.expectEnd(0x82);
});

rule('v5 MQTT-3.3.2-7: topic aliases end with the connection, not with the session', async (t, b) => {
  const client = await b.connect({ ...PERSISTENT, properties: { sessionExpiry: 60, topicAliasMaximum: 5 } });
  await client.subscribe([[b.topic('#'), 0]]);
  client.sendPublish({ topic: b.topic('a'), payload: '1', properties: { topicAlias: 1 } });
  await client.expectPublish('1');
  client.drop();
  const again = await b.resume(client, { properties: { sessionExpiry: 60, topicAliasMaximum: 5 } });
  t.true(again.connack?.sessionPresent);
  again.sendPublish({ topic: b.topic('a'), payload: '2' });
  t.is((await again.expectPublish('2')).topic, b.topic('a'));
  again.sendPublish({ topic: '', payload: '3', properties: { topicAlias: 1 } });
  await again.expectEnd(0x82);
});

rule(
  'v5 MQTT-3.1.2-26 MQTT-3.3.2-11: no topic alias above the maximum of the client is sent',
  async (t, b) => {
    const subscriber = await b.connect({ properties: { topicAliasMaximum: 2 } });
    await subscriber.subscribe([[b.topic('#'), 1]]);
    const publisher = await b.connect();
    const known = new Map<number, string>();
    for (let round = 0; round < 24; round += 1) {
      const topic = b.topic(`${round % 4}`);
      await publisher.publish({ topic, payload: `${round}`, qos: round % 2 });
      const found = await subscriber.receive(`${round}`);
      const alias = found.properties.topicAlias;
      t.true(alias === undefined || alias === 1 || alias === 2);
      if (alias !== undefined && found.topic !== '') known.set(alias, found.topic);
      t.is(found.topic === '' ? known.get(alias ?? 0) : found.topic, topic);
    }
  },
);

rule('v5 MQTT-3.1.2-27: no topic alias is sent to a client that allows none', async (t, b) => {
  for (const properties of [{}, { topicAliasMaximum: 0 }]) {
    const subscriber = await b.connect({ properties });
    await subscriber.subscribe([[b.topic('#'), 1]]);
    for (let round = 0; round < 4; round += 1) {
      subscriber.sendPublish({ topic: b.topic('a'), payload: 'm' });
      const found = await subscriber.expectPublish('m');
      t.is(found.properties.topicAlias, undefined);
      t.is(found.topic, b.topic('a'));
    }
  }
});

rule(
  'v5 MQTT-3.4.2-1 MQTT-3.5.2-1 MQTT-3.6.2-1 MQTT-3.7.2-1: acknowledgements have listed codes, and unknown identifiers 0x92',
  async (t, b) => {
    const client = await b.connect();
    client.sendAck('pubrel', 77);
    t.is((await client.expect('pubcomp')).code, 0x92);
    client.sendAck('pubrec', 78);
    t.is((await client.expect('pubrel')).code, 0x92);
    client.sendPublish({ topic: b.topic('nobody'), qos: 1, id: 1 });
    t.true([0, 0x10].includes((await client.expect('puback')).code));
    client.sendPublish({ topic: b.topic('nobody'), qos: 2, id: 2 });
    t.true([0, 0x10].includes((await client.expect('pubrec')).code));
    client.sendAck('pubrel', 2);
    t.is((await client.expect('pubcomp')).code, 0);
  },
);

rule(
  'v5 MQTT-3.4.2-1 MQTT-3.5.2-1 MQTT-3.6.2-1 MQTT-3.7.2-1: an acknowledgement with another code ends the connection',
  async (_t, b) => {
    for (const type of ['puback', 'pubrec', 'pubrel', 'pubcomp'] as const) {
      const client = await b.connect();
      client.sendAck(type, 1, 0x8e);
      await client.expectEnd(0x82);
    }
  },
);

rule('v5 MQTT-4.4.0-2: a PUBLISH that the client refused is never sent again', async (_t, b) => {
  const subscriber = await b.connect(PERSISTENT);
  await subscriber.subscribe([[b.topic('a'), 2]]);
  const publisher = await b.connect();
  for (const [qos, type] of [
    [1, 'puback'],
    [2, 'pubrec'],
  ] as const) {
    await publisher.publish({ topic: b.topic('a'), payload: 'refused', qos });
    const { id } = await subscriber.expectPublish('refused');
    subscriber.sendAck(type, id, 0x83);
  }
  await subscriber.expectSilence();
  subscriber.drop();
  const again = await b.resume(subscriber);
  await publisher.publish({ topic: b.topic('a'), payload: 'next', qos: 1 });
  // Nor is PUBREL.
  await again.expectPublish('next');
});

rule(
  'v5 MQTT-3.4.2-1 MQTT-3.5.2-1 MQTT-3.6.2-1 MQTT-3.7.2-1: acknowledgements may be long or short',
  async (_t, b) => {
    const subscriber = await b.connect();
    await subscriber.subscribe([[b.topic('a'), 2]]);
    const publisher = await b.connect();
    const forms: ((id: number) => number[])[] = [
      (id) => [...u16(id)],
      (id) => [...u16(id), 0],
      (id) => [...u16(id), 0, 0],
      (id) => [...u16(id), 0, ...properties({ reasonString: 'fine', userProperties: [['k', 'v']] })],
    ];
    for (const form of forms) {
      await publisher.publish({ topic: b.topic('a'), payload: '1', qos: 1 });
      subscriber.send(packet(0x40, form((await subscriber.expectPublish('1')).id)));
      publisher.sendPublish({ topic: b.topic('a'), payload: '2', qos: 2, id: 9 });
      await publisher.expect('pubrec');
      publisher.send(packet(0x62, form(9)));
      await publisher.expect('pubcomp');
      const { id } = await subscriber.expectPublish('2');
      subscriber.send(packet(0x50, form(id)));
      await subscriber.expect('pubrel');
      subscriber.send(packet(0x70, form(id)));
      await subscriber.expectSilence();
    }
  },
);

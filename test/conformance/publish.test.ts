/** PUBLISH to and from the broker, as far as 3.1.1 and 5 agree. */
import { PERSISTENT, publish, subscribe, unsubscribe } from '../helpers/packets.js';
import { field, packet } from '../helpers/wire.js';
import { rulesWith } from './rules.js';

const rule = rulesWith();

rule(
  'v3 MQTT-3.3.4-1 MQTT-2.3.1-6 v5 MQTT-3.3.4-1 MQTT-2.2.1-5: no answer to QoS 0, PUBACK to 1, PUBREC to 2, with the identifier',
  async (t, b) => {
    const client = await b.connect();
    client.sendPublish({ topic: b.topic('a'), qos: 0 });
    await client.expectSilence();
    for (const [qos, answer] of [
      [1, 'puback'],
      [2, 'pubrec'],
    ] as const) {
      for (const id of [1, 0x1234, 65_535]) {
        client.sendPublish({ topic: b.topic('a'), qos, id });
        t.is((await client.expect(answer)).id, id);
      }
    }
    await client.expectSilence();
  },
);

rule('v3 MQTT-2.3.1-1 v5 MQTT-2.2.1-3: packet identifier 0 ends the connection', async (_t, b) => {
  const packets = [
    publish(b.version, { topic: b.topic('a'), qos: 1, id: 0 }),
    publish(b.version, { topic: b.topic('a'), qos: 2, id: 0 }),
    subscribe(b.version, 0, [[b.topic('a'), 0]]),
    unsubscribe(b.version, 0, [b.topic('a')]),
  ];
  for (const bytes of packets) {
    const client = await b.connect();
    client.send(bytes);
    await client.expectEnd(0x82);
  }
});

rule(
  'v3 MQTT-2.3.1-5 MQTT-3.3.1-2 MQTT-4.3.1-1 v5 MQTT-2.2.1-2 MQTT-3.3.1-2 MQTT-4.3.1-1: QoS 0 is sent without identifier and DUP',
  async (t, b) => {
    const subscriber = await b.connect();
    await subscriber.subscribe([[b.topic('a'), 2]]);
    const publisher = await b.connect();
    publisher.sendPublish({ topic: b.topic('a'), payload: '\0\x01rest' });
    const found = await subscriber.expectPublish('\0\x01rest');
    t.is(found.flags, 0);
    t.is(found.frame.length, 2 + 2 + b.topic('a').length + (b.version === 5 ? 1 : 0) + 6);
  },
);

rule('v3 MQTT-3.3.1-4 v5 MQTT-3.3.1-4: QoS 3 ends the connection', async (_t, b) => {
  const client = await b.connect();
  client.sendPublish({ topic: b.topic('a'), qos: 3 });
  await client.expectEnd(0x81);
});

rule('v3 MQTT-3.3.1-3 v5 MQTT-3.3.1-3: DUP of the publisher is not passed on', async (t, b) => {
  const subscriber = await b.connect();
  await subscriber.subscribe([[b.topic('a'), 2]]);
  const publisher = await b.connect();
  for (const qos of [1, 2]) {
    await publisher.publish({ topic: b.topic('a'), payload: `qos ${qos}`, qos, dup: true });
    const found = await subscriber.receive(`qos ${qos}`);
    t.false(found.dup);
    t.is(found.qos, qos);
  }
});

rule(
  'v3 MQTT-3.3.1-1 MQTT-4.4.0-1 MQTT-4.6.0-1 MQTT-2.3.1-4 v5 MQTT-3.3.1-1 MQTT-4.4.0-1: unacknowledged PUBLISH packets are sent again, with DUP and their identifiers, in their order',
  async (t, b) => {
    const subscriber = await b.connect(PERSISTENT);
    await subscriber.subscribe([[b.topic('a'), 2]]);
    const publisher = await b.connect();
    const first: number[] = [];
    for (const [index, qos] of [1, 2, 1, 2].entries()) {
      await publisher.publish({ topic: b.topic('a'), payload: `m${index}`, qos });
      const found = await subscriber.expectPublish(`m${index}`);
      t.false(found.dup);
      first.push(found.id);
    }
    t.is(new Set(first).size, 4);
    subscriber.drop();
    const again = await b.resume(subscriber);
    for (const [index, id] of first.entries()) {
      const found = await again.expectPublish(`m${index}`);
      t.true(found.dup);
      t.is(found.id, id);
      t.is(found.qos, [1, 2, 1, 2][index]!);
    }
    await again.expectSilence();
  },
);

rule(
  'v3 MQTT-3.3.2-1 v5 MQTT-3.3.2-1: a topic name that is not UTF-8, or reaches over the packet, ends the connection',
  async (_t, b) => {
    const wrong = [
      packet(0x30, field(Buffer.from([0x61, 0xff])), b.version === 5 ? [0] : []),
      packet(0x30, [0, 9, 0x61]),
      packet(0x30, [0]),
    ];
    for (const bytes of wrong) {
      const client = await b.connect();
      client.send(bytes);
      await client.expectEnd(0x81);
    }
  },
);

rule(
  'v3 MQTT-3.3.2-2 MQTT-4.7.1-1 v5 MQTT-3.3.2-2 MQTT-4.7.0-1: a topic name with a wildcard ends the connection',
  async (_t, b) => {
    for (const topic of ['a/+', '#', 'a/b#', '+']) {
      for (const qos of [0, 1]) {
        const client = await b.connect();
        client.sendPublish({ topic, qos });
        await client.expectEnd(0x90);
      }
    }
  },
);

rule(
  'v3 MQTT-3.3.2-3 v5 MQTT-3.3.2-3: the topic name delivered is the published one and matches the filter',
  async (t, b) => {
    const subscriber = await b.connect();
    await subscriber.subscribe(b.topic('+/x'));
    const publisher = await b.connect();
    for (const name of ['a/x', 'a/y', 'x', 'b/x/', 'b/x'])
      publisher.sendPublish({ topic: b.topic(name), payload: name });
    for (const name of ['a/x', 'b/x']) {
      t.is((await subscriber.expectPublish(name)).topic, b.topic(name));
    }
    await subscriber.expectNothingFrom(publisher);
  },
);

rule(
  'v3 MQTT-3.3.5-1 v5 MQTT-3.3.4-2: overlapping subscriptions deliver one copy at the highest QoS',
  async (t, b) => {
    const subscriber = await b.connect();
    await subscriber.subscribe([
      [b.topic('a'), 0],
      [b.topic('+'), 2],
      [b.topic('#'), 1],
    ]);
    const publisher = await b.connect();
    await publisher.publish({ topic: b.topic('a'), payload: 'once', qos: 2 });
    t.is((await subscriber.receive('once')).qos, 2);
    await subscriber.expectNothingFrom(publisher);
  },
);

rule('v3 MQTT-3.3.5-2: a PUBLISH nobody subscribes to is acknowledged as usual', async (_t, b) => {
  const client = await b.connect();
  await client.publish({ topic: b.topic('nobody'), qos: 1 });
  await client.publish({ topic: b.topic('nobody'), qos: 2 });
  await client.publish({ topic: '$SYS/forged', qos: 1 });
  await client.expectSilence();
});

rule(
  'v3 MQTT-4.5.0-1 v5 MQTT-4.5.0-1: every session with a matching subscription gets the message, present or away',
  async (_t, b) => {
    const away = await b.connect(PERSISTENT);
    await away.subscribe([[b.topic('#'), 1]]);
    await away.disconnect();
    const present = [await b.connect(), await b.connect()];
    for (const client of present) await client.subscribe([[b.topic('a'), 1]]);
    const publisher = await b.connect();
    await publisher.publish({ topic: b.topic('a'), payload: 'all', qos: 1 });
    for (const client of present) await client.receive('all');
    await (await b.resume(away)).receive('all');
  },
);

rule(
  'v3 MQTT-4.6.0-5 MQTT-4.6.0-6 v5 MQTT-4.6.0-5 MQTT-4.6.0-6: messages of one publisher, topic and QoS keep their order',
  async (_t, b) => {
    const subscriber = await b.connect();
    await subscriber.subscribe([[b.topic('#'), 2]]);
    const publisher = await b.connect();
    for (const qos of [0, 1, 2]) {
      for (let index = 0; index < 20; index += 1) {
        publisher.sendPublish({
          topic: b.topic('a'),
          payload: `${qos}.${index}`,
          qos,
          id: qos * 100 + index,
        });
      }
      await publisher.finishPublishing(qos, 20);
      for (let index = 0; index < 20; index += 1) {
        const found = await subscriber.expectPublish(`${qos}.${index}`);
        if (qos === 1) subscriber.sendAck('puback', found.id);
      }
    }
  },
);

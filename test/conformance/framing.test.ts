/** Fixed headers and violations, as far as 3.1.1 and 5 agree. */
import { field, packet, u16 } from '../helpers/wire.js';
import { rulesWith } from './rules.js';

const rule = rulesWith({ 'mqtt.session.max_awaiting_rel': 3 });

rule('v3 MQTT-2.2.2-1 MQTT-2.2.2-2 v5 MQTT-2.1.3-1: reserved flags end the connection', async (_t, b) => {
  const wrong = [0x41, 0x42, 0x48, 0x51, 0x52, 0x60, 0x61, 0x71, 0x72];
  for (const first of wrong) {
    const client = await b.connect();
    client.send(packet(first, u16(1)));
    await client.expectEnd(0x81);
  }
  for (const first of [0xc1, 0xc2, 0xc8]) {
    const client = await b.connect();
    client.send(packet(first));
    await client.expectEnd(0x81);
  }
});

rule('v3 MQTT-2.2.2-1 v5 MQTT-2.1.3-1: CONNECT with reserved flags is refused', async (_t, b) => {
  const client = await b.open();
  client.send(packet(0x11, field('MQTT'), [b.version, 2], u16(0), b.version === 5 ? [0] : [], field('x')));
  const answer = await client.next();
  if (answer !== null) await client.expectClosed();
});

rule(
  'v3 MQTT-4.8.0-1 v5 MQTT-4.13.1-1 MQTT-3.14.4-1 MQTT-3.14.4-2: packets that only a server sends, and unknown types, end the connection',
  async (_t, b) => {
    const foreign = [
      packet(0x20, [0, 0]),
      packet(0x90, u16(1), [0]),
      packet(0xb0, u16(1)),
      packet(0xd0),
      packet(0x00),
    ];
    for (const bytes of foreign) {
      const client = await b.connect();
      client.send(bytes, packet(0xc0));
      if (b.version === 5) await client.expect('disconnect');
      await client.expectClosed();
    }
  },
);

rule(
  'v3 MQTT-4.8.0-1 v5 MQTT-1.5.5-1 MQTT-4.13.1-1: a remaining length of five bytes ends the connection',
  async (_t, b) => {
    const client = await b.connect();
    client.send([0x30, 0x80, 0x80, 0x80, 0x80, 0x01]);
    await client.expectEnd(0x81);
  },
);

rule(
  'v3 MQTT-4.8.0-1 v5 MQTT-4.13.1-1: PINGREQ and acknowledgements with a wrong length end the connection',
  async (_t, b) => {
    for (const bytes of [packet(0xc0, [0]), packet(0x40, [1]), packet(0x62, [])]) {
      const client = await b.connect();
      client.send(bytes);
      await client.expectEnd(0x81);
    }
  },
);

rule(
  'v3 MQTT-4.8.0-2: a client that opens more QoS 2 messages than the broker may hold is disconnected',
  async (_t, b) => {
    const client = await b.connect();
    for (let id = 1; id <= 3; id += 1) await openQos2(id);
    client.sendPublish({ topic: b.topic('a'), qos: 2, id: 4 });
    await client.expectClosed();

    async function openQos2(id: number): Promise<void> {
      client.sendPublish({ topic: b.topic('a'), qos: 2, id });
      await client.expect('pubrec');
    }
  },
);

rule('v3 MQTT-4.8.0-1 v5 MQTT-4.13.1-1: other clients notice nothing of a violation', async (_t, b) => {
  const bystander = await b.connect();
  await bystander.subscribe(b.topic('a'));
  const client = await b.connect();
  client.sendPublish({ topic: b.topic('a'), payload: 'before' });
  client.send(packet(0x36, u16(0)));
  await client.expectEnd(0x81);
  await bystander.expectPublish('before');
  await bystander.expectSilence();
});

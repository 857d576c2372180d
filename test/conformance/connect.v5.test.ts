/** CONNECT of 5 where it differs from 3.1.1, and its properties. */
import { connect, PERSISTENT } from '../helpers/packets.js';
import { type Properties, property } from '../helpers/wire.js';
import { rulesWith } from './rules.js';

const rule = rulesWith();

rule('v5 MQTT-3.1.2-1: another protocol name is not served', async (t, b) => {
  const client = await b.open();
  client.send(connect({ version: 5, clientId: b.clientId(), protocolName: 'MQTQ' }));
  const answer = await client.next();
  if (answer !== null) {
    t.is(answer.type, 'connack');
    t.is(answer.code, 0x84);
    await client.expectClosed();
  }
});

rule(
  'v5 MQTT-3.1.2-2 MQTT-3.2.2-6 MQTT-3.2.2-7: a protocol version above 5 gets CONNACK 0x84 and a close',
  async (_t, b) => {
    for (const level of [6, 127]) {
      const client = await b.open();
      client.send(connect({ version: 5, clientId: b.clientId(), level }));
      await client.expectRefusal(0x84);
    }
  },
);

rule('v5 MQTT-3.1.2-19: a password may come without a user name', async (_t, b) => {
  await b.connect({ password: 'p' });
});

rule(
  'v5 MQTT-3.1.3-6 MQTT-3.1.3-7 MQTT-3.2.2-16: the assigned ClientID is returned, unique and good for resuming',
  async (t, b) => {
    const first = await b.connect({ ...PERSISTENT, clientId: '' });
    const second = await b.connect({ ...PERSISTENT, clientId: '' });
    const [one, two] = [first, second].map((client) => client.connack?.properties.assignedClientId);
    t.truthy(one);
    t.truthy(two);
    t.not(one, two);
    await first.disconnect();
    t.true((await b.resume(first)).connack?.sessionPresent);
  },
);

rule('v5 MQTT-3.1.2-28: response information comes only when asked for', async (t, b) => {
  for (const properties of [{}, { requestResponseInformation: 0 }]) {
    const client = await b.connect({ properties });
    t.is(client.connack?.properties.responseInformation, undefined);
  }
});

rule(
  'v5 MQTT-3.1.4-1 MQTT-3.1.4-2 MQTT-4.13.1-1 MQTT-4.13.2-1 MQTT-3.2.2-8: properties that break the rules are refused with their code',
  async (_t, b) => {
    const bad: [number, Properties | Buffer][] = [
      [0x82, { receiveMaximum: 0 }],
      [0x82, { maximumPacketSize: 0 }],
      [0x82, { requestResponseInformation: 2 }],
      [0x82, { requestProblemInformation: 2 }],
      [0x82, { authenticationData: Buffer.from('x') }],
      [0x82, Buffer.concat([property('sessionExpiry', 1), property('sessionExpiry', 1)])],
      [0x81, { topicAlias: 1 }],
      [0x81, Buffer.from([0x7f, 0])],
      [0x81, Buffer.from([0x11, 0, 0])],
    ];
    for (const [code, properties] of bad) {
      const client = await b.open();
      client.send(connect({ version: 5, clientId: b.clientId(), properties }));
      await client.expectRefusal(code);
    }
  },
);

rule(
  'v5 MQTT-3.2.2-9 MQTT-3.2.2-10 MQTT-3.2.2-11 MQTT-3.2.2-12: no lower maximum QoS is announced and QoS 2 is served everywhere',
  async (t, b) => {
    const watcher = await b.connect();
    t.is(watcher.connack?.properties.maximumQos, undefined);
    const suback = await watcher.subscribe([
      [b.topic('0'), 0],
      [b.topic('1'), 1],
      [b.topic('2'), 2],
    ]);
    t.deepEqual(suback.codes, [0, 1, 2]);
    const client = await b.connect({ will: { topic: b.topic('2'), payload: 'will', qos: 2 } });
    await client.publish({ topic: b.topic('2'), payload: 'live', qos: 2 });
    t.is((await watcher.receive('live')).qos, 2);
    client.drop();
    t.is((await watcher.receive('will')).qos, 2);
  },
);

rule('v5 MQTT-3.2.2-13 MQTT-3.2.2-14: retain is available, for a PUBLISH and for a will', async (t, b) => {
  const client = await b.connect({ will: { topic: b.topic('w'), payload: 'will', retain: true } });
  t.not(client.connack?.properties.retainAvailable, 0);
  await client.publish({ topic: b.topic('p'), payload: 'kept', retain: true, qos: 1 });
  const watcher = await b.connect();
  await watcher.subscribe(b.topic('p'));
  t.true((await watcher.receive('kept')).retain);
});

rule(
  'v5 MQTT-4.12.0-1 MQTT-4.12.0-4 MQTT-3.2.2-7: an unknown authentication method gets CONNACK 0x8C and a close',
  async (_t, b) => {
    const client = await b.open();
    const properties = { authenticationMethod: 'unheard-of', authenticationData: Buffer.from('x') };
    client.send(connect({ version: 5, clientId: b.clientId(), properties }));
    await client.expectRefusal(0x8c);
  },
);

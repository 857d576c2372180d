/** CONNECT of 3.1.1 and 3.1 where 5 differs. */
import { connect } from '../helpers/packets.js';
import { rulesWith } from './rules.js';

const rule = rulesWith();

rule('v3 MQTT-3.1.2-1: another protocol name is not served', async (_t, b) => {
  const client = await b.open();
  client.send(connect({ version: 4, clientId: b.clientId(), protocolName: 'MQTQ' }));
  await client.expectClosed();
});

rule(
  'v3 MQTT-3.1.2-2 MQTT-3.2.2-4 MQTT-3.2.2-5: another protocol level gets CONNACK 0x01 and a close',
  async (_t, b) => {
    for (const level of [0, 1, 2]) {
      const client = await b.open();
      client.send(connect({ version: 4, clientId: b.clientId(), level }));
      await client.expectRefusal(1);
    }
  },
);

rule('v3 MQTT-3.1.2-1: MQTT 3.1 is served under its own name and level', async (t, b) => {
  const client = await b.connect({ version: 3 });
  await client.subscribe([[b.topic('a'), 1]]);
  const publisher = await b.connect({ version: 3 });
  await publisher.publish({ topic: b.topic('a'), payload: 'three', qos: 1 });
  t.is((await client.receive('three')).qos, 1);
});

rule('v3 MQTT-3.1.2-22: a password without a user name is refused', async (_t, b) => {
  const client = await b.open();
  client.send(connect({ version: 4, clientId: b.clientId(), password: 'p' }));
  await client.expectClosed();
});

rule(
  'v3 MQTT-3.1.3-8 MQTT-3.2.2-4 MQTT-3.2.2-5: an empty ClientId with clean session 0 gets CONNACK 0x02',
  async (_t, b) => {
    const client = await b.open();
    client.send(connect({ version: 4, clientId: '', clean: false }));
    await client.expectRefusal(2);
  },
);

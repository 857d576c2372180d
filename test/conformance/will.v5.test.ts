/** Wills of 5: their properties. Delays are among the tests of time. */
import { connect } from '../helpers/packets.js';
import { field, packet, u16 } from '../helpers/wire.js';
import { rulesWith } from './rules.js';

const rule = rulesWith();

rule(
  'v5 MQTT-3.1.3-10 MQTT-3.1.2-7: the will is published with its properties, user properties in their order',
  async (t, b) => {
    const watcher = await b.connect();
    await watcher.subscribe([[b.topic('will'), 1]]);
    const passed = {
      payloadFormat: 1,
      contentType: 'text/plain',
      responseTopic: b.topic('answer'),
      correlationData: Buffer.from('c'),
      userProperties: [
        ['z', '1'],
        ['a', '2'],
        ['z', '3'],
      ] as [string, string][],
    };
    const will = { topic: b.topic('will'), payload: 'gone', qos: 1, properties: { willDelay: 0, ...passed } };
    const client = await b.connect({ will });
    client.drop();
    t.deepEqual((await watcher.receive('gone')).properties, passed);
  },
);

rule('v5 MQTT-3.1.2-9 MQTT-3.1.3-1: a will without its properties field is refused', async (_t, b) => {
  const client = await b.open();
  client.send(packet(0x10, field('MQTT'), [5, 6], u16(0), [0], field(b.clientId()), field('w'), field('p')));
  await client.expectRefusal(0x81);
});

rule(
  'v5 MQTT-3.1.2-12 MQTT-3.1.4-1: a will that breaks the rules of its properties is refused',
  async (_t, b) => {
    for (const properties of [{ payloadFormat: 2 }, { responseTopic: 'a/#' }]) {
      const client = await b.open();
      client.send(connect({ version: 5, clientId: b.clientId(), will: { topic: 'w', properties } }));
      await client.expectRefusal(0x82);
    }
    const client = await b.open();
    client.send(
      connect({ version: 5, clientId: b.clientId(), will: { topic: 'w', properties: { topicAlias: 1 } } }),
    );
    await client.expectRefusal(0x81);
  },
);

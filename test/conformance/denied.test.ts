/** What is not authorised, as decided by hooks of the tests. */
import { connect, publish } from '../helpers/packets.js';
import { rulesWith } from './rules.js';

const rule = rulesWith({}, { hooks: new URL('./denying-hooks.js', import.meta.url).href });

rule(
  'v3 MQTT-3.2.2-4 MQTT-3.2.2-5 MQTT-3.1.4-5 v5 MQTT-3.1.4-2 MQTT-3.2.2-6 MQTT-3.2.2-7 MQTT-3.1.4-6: a client that is not authorised gets CONNACK and a close, its packets and will are lost',
  async (_t, b) => {
    const watcher = await b.connect();
    await watcher.subscribe(b.topic('#'));
    const client = await b.open();
    const will = { topic: b.topic('will'), payload: 'will' };
    const bytes = connect({ version: b.version, clientId: b.clientId(), username: 'denied', will });
    client.send(bytes, publish(b.version, { topic: b.topic('a'), payload: 'behind' }));
    await client.expectRefusal(b.version === 5 ? 0x87 : 5);
    await watcher.expectNothingFrom(await b.connect());
  },
);

rule(
  'v3 MQTT-3.1.4-5: a refused CONNECT does not end the connection that holds the ClientId',
  async (_t, b) => {
    const first = await b.connect();
    const second = await b.open();
    second.send(connect({ version: b.version, clientId: first.clientId, username: 'denied' }));
    await second.expectRefusal(5);
    await first.expectSilence();
  },
);

rule(
  'v3 MQTT-3.3.5-2 v5 MQTT-3.4.2-1 MQTT-3.5.2-1: a PUBLISH that is not authorised reaches nobody, and its answer says so only in 5',
  async (t, b) => {
    const watcher = await b.connect();
    await watcher.subscribe(b.topic('+'));
    const publisher = await b.connect();
    publisher.sendPublish({ topic: b.topic('denied'), payload: '0', retain: true });
    for (const [qos, answer] of [
      [1, 'puback'],
      [2, 'pubrec'],
    ] as const) {
      publisher.sendPublish({ topic: b.topic('denied'), payload: `${qos}`, qos, id: qos });
      t.is((await publisher.expect(answer)).code, b.version === 5 ? 0x87 : 0);
    }
    await watcher.expectNothingFrom(publisher);
  },
);

rule('v5 MQTT-4.3.3-9: after a PUBREC that refuses, the identifier means a new message', async (t, b) => {
  const watcher = await b.connect();
  await watcher.subscribe([[b.topic('+'), 2]]);
  const publisher = await b.connect();
  publisher.sendPublish({ topic: b.topic('denied'), payload: 'old', qos: 2, id: 4 });
  t.is((await publisher.expect('pubrec')).code, 0x87);
  publisher.sendPublish({ topic: b.topic('allowed'), payload: 'new', qos: 2, id: 4 });
  t.is((await publisher.expect('pubrec')).code, 0);
  publisher.sendAck('pubrel', 4);
  t.is((await publisher.expect('pubcomp')).code, 0);
  await watcher.receive('new');
  await watcher.expectNothingFrom(publisher);
});

rule(
  'v3 MQTT-3.8.4-5 MQTT-3.9.3-1 MQTT-3.9.3-2 v5 MQTT-3.8.4-6 MQTT-3.8.4-7 MQTT-3.9.3-1 MQTT-3.9.3-2: a filter that is not authorised is refused in its place',
  async (t, b) => {
    const client = await b.connect();
    const suback = await client.subscribe([
      [b.topic('a'), 2],
      [b.topic('denied'), 1],
      [b.topic('b'), 0],
    ]);
    t.deepEqual(suback.codes, [2, b.version === 5 ? 0x87 : 0x80, 0]);
  },
);

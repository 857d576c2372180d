/** Wills, as far as 3.1.1 and 5 agree. */
import { connect, disconnect, PERSISTENT, publish } from '../helpers/packets.js';
import { packet } from '../helpers/wire.js';
import { rulesWith } from './rules.js';

const rule = rulesWith();

rule(
  'v3 MQTT-3.1.2-8 MQTT-3.1.2-16 v5 MQTT-3.1.2-7 MQTT-3.1.2-8 MQTT-3.1.2-14: a broken connection publishes the will',
  async (t, b) => {
    const watcher = await b.connect();
    await watcher.subscribe([[b.topic('will'), 2]]);
    for (const qos of [0, 1, 2]) {
      const client = await b.connect({ will: { topic: b.topic('will'), payload: `qos ${qos}`, qos } });
      client.drop();
      const found = await watcher.receive(`qos ${qos}`);
      t.is(found.qos, qos);
      t.false(found.retain);
    }
    const late = await b.connect();
    await late.subscribe(b.topic('will'));
    await late.expectNothingFrom(watcher);
  },
);

rule(
  'v3 MQTT-3.1.2-8 v5 MQTT-3.1.2-8: a connection that the broker ends for a violation publishes the will',
  async (_t, b) => {
    const watcher = await b.connect();
    await watcher.subscribe([[b.topic('will'), 1]]);
    const violations = [
      packet(0xc1),
      publish(b.version, { topic: 'a/#' }),
      connect({ version: b.version, clientId: 'again' }),
      packet(0x00),
    ];
    for (const [index, bytes] of violations.entries()) {
      const client = await b.connect({ will: { topic: b.topic('will'), payload: `${index}` } });
      client.send(bytes);
      await watcher.receive(`${index}`);
    }
  },
);

rule(
  'v3 MQTT-3.1.2-8 v5 MQTT-3.1.2-8: a takeover publishes the will of the old connection',
  async (_t, b) => {
    const watcher = await b.connect();
    await watcher.subscribe([[b.topic('will'), 1]]);
    const client = await b.connect({ will: { topic: b.topic('will'), payload: 'taken over' } });
    await b.connect({ clientId: client.clientId });
    await watcher.receive('taken over');
  },
);

rule('v3 MQTT-3.1.2-17 v5 MQTT-3.1.2-15: will retain 1 keeps the will', async (t, b) => {
  const watcher = await b.connect();
  await watcher.subscribe([[b.topic('will'), 1]]);
  const client = await b.connect({ will: { topic: b.topic('will'), payload: 'kept', qos: 1, retain: true } });
  client.drop();
  t.false((await watcher.receive('kept')).retain);
  const late = await b.connect();
  await late.subscribe([[b.topic('will'), 1]]);
  t.true((await late.receive('kept')).retain);
});

rule(
  'v3 MQTT-3.14.4-3 MQTT-3.1.2-10 v5 MQTT-3.14.4-3 MQTT-3.1.2-10: DISCONNECT cancels the will',
  async (_t, b) => {
    const watcher = await b.connect();
    await watcher.subscribe(b.topic('will'));
    const will = { topic: b.topic('will'), payload: 'cancelled' };
    const client = await b.connect({ ...PERSISTENT, will });
    client.send(disconnect());
    await client.expectClosed();
    await watcher.expectNothingFrom(await b.connect({ clientId: b.clientIdBeside(client.clientId) }));
    const again = await b.resume(client);
    again.drop();
    await watcher.expectNothingFrom(await b.resume(client));
  },
);

rule('v3 MQTT-3.1.2-10 v5 MQTT-3.1.2-10: a will is published once', async (_t, b) => {
  const watcher = await b.connect();
  await watcher.subscribe(b.topic('will'));
  const client = await b.connect({ ...PERSISTENT, will: { topic: b.topic('will'), payload: 'once' } });
  client.drop();
  await watcher.receive('once');
  const again = await b.resume(client);
  again.drop();
  await watcher.expectNothingFrom(await b.resume(client));
});

rule('v3 MQTT-3.1.2-12 MQTT-3.1.2-11 v5 MQTT-3.1.2-7: without a will nothing is published', async (_t, b) => {
  const watcher = await b.connect();
  await watcher.subscribe(b.topic('#'));
  const client = await b.connect();
  client.drop();
  await watcher.expectNothingFrom(await b.resume(client));
});

rule(
  'v3 MQTT-3.14.1-1 v5 MQTT-3.14.1-1: DISCONNECT with reserved bits set is a violation, and the will is published',
  async (_t, b) => {
    const watcher = await b.connect();
    await watcher.subscribe([[b.topic('will'), 1]]);
    for (const flags of [1, 2, 4, 8]) {
      const client = await b.connect({ will: { topic: b.topic('will'), payload: `flags ${flags}` } });
      client.send(packet(0xe0 | flags));
      await client.expectEnd(0x81);
      await watcher.receive(`flags ${flags}`);
    }
  },
);

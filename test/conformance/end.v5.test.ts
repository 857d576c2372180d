/** DISCONNECT and AUTH of 5. */
import { auth, connect, disconnect, PERSISTENT } from '../helpers/packets.js';
import { packet, properties } from '../helpers/wire.js';
import { rulesWith } from './rules.js';

const rule = rulesWith();

rule(
  'v5 MQTT-3.14.2-1 MQTT-3.14.2-2 MQTT-3.14.4-1 MQTT-3.14.4-2 MQTT-4.13.2-1: DISCONNECT of the broker has a listed code, no session expiry, and nothing after it',
  async (t, b) => {
    for (const first of [0x00, 0x20, 0x90, 0xd0, 0xc1, 0x36]) {
      const client = await b.connect(PERSISTENT);
      client.send(packet(first), packet(0xc0), packet(0xc0));
      const found = await client.expect('disconnect');
      t.true(found.code >= 0x80);
      t.is(found.properties.sessionExpiry, undefined);
      await client.expectClosed();
    }
  },
);

rule(
  "v5 MQTT-3.14.2-1: DISCONNECT of a client with a code that is not a client's ends as a violation",
  async (t, b) => {
    for (const code of [0x05, 0x7f]) {
      const client = await b.connect();
      client.send(disconnect(code));
      const found = await client.expect('disconnect');
      t.true(found.code === 0x81 || found.code === 0x82);
      await client.expectClosed();
    }
  },
);

rule(
  'v5 MQTT-3.1.2-8 MQTT-3.14.4-3: DISCONNECT with another code than 0x00 publishes the will',
  async (_t, b) => {
    const watcher = await b.connect();
    await watcher.subscribe([[b.topic('will'), 1]]);
    for (const code of [0x04, 0x80]) {
      const client = await b.connect({ will: { topic: b.topic('will'), payload: `${code}` } });
      await client.disconnect(code);
      await watcher.receive(`${code}`);
    }
  },
);

rule(
  'v5 MQTT-3.1.2-23 MQTT-4.13.1-1: a session expiry in DISCONNECT counts, but not after none in CONNECT',
  async (t, b) => {
    const kept = await b.connect(PERSISTENT);
    await kept.disconnect(0, { sessionExpiry: 0 });
    t.false((await b.resume(kept)).connack?.sessionPresent);
    const none = await b.connect({ clean: false });
    none.send(disconnect(0, { sessionExpiry: 60 }));
    await none.expectEnd(0x82);
  },
);

rule('v5 MQTT-3.15.1-1: AUTH with flags is malformed', async (_t, b) => {
  for (const flags of [1, 2, 8]) {
    const client = await b.connect();
    client.send(packet(0xf0 | flags, [0x18], properties({ authenticationMethod: 'm' })));
    await client.expectEnd(0x81);
  }
});

rule(
  'v5 MQTT-4.12.0-6 MQTT-4.12.0-7 MQTT-4.12.1-1 MQTT-4.12.1-2: without a method in CONNECT there is no method in CONNACK and AUTH is a protocol error',
  async (t, b) => {
    for (const code of [0x18, 0x19]) {
      const client = await b.connect();
      t.is(client.connack?.properties.authenticationMethod, undefined);
      client.send(auth(code, { authenticationMethod: 'm' }));
      await client.expectEnd(0x82);
    }
  },
);

rule(
  'v5 MQTT-4.12.0-2 MQTT-4.12.0-5 MQTT-3.15.2-1 MQTT-3.15.2-2 MQTT-3.15.2-3 MQTT-4.12.0-4: a method that is not served is answered by CONNACK 0x8C within the size, never by AUTH',
  async (t, b) => {
    const client = await b.open();
    const given = {
      authenticationMethod: 'SCRAM-SHA-1',
      authenticationData: Buffer.from('n,,'),
      maximumPacketSize: 24,
    };
    client.send(connect({ version: 5, clientId: b.clientId(), properties: given }));
    const found = await client.expect('connack');
    t.is(found.code, 0x8c);
    t.true(found.frame.length <= 24);
    await client.expectClosed();
  },
);

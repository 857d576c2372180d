/** CONNECT and CONNACK, as far as 3.1.1 and 5 agree. */
import { connect, disconnect, PERSISTENT, publish, subscribe } from '../helpers/packets.js';
import { field, packet, u16 } from '../helpers/wire.js';
import { rulesWith } from './rules.js';

const rule = rulesWith({ 'mqtt.max_clientid_len': 64 });

rule(
  'v3 MQTT-3.1.0-1 v5 MQTT-3.1.0-1 MQTT-3.14.0-1: a first packet that is not CONNECT only closes',
  async (_t, b) => {
    const firsts = [
      publish(b.version, { topic: 'a' }),
      subscribe(b.version, 1, [['a', 0]]),
      packet(0xc0),
      disconnect(),
    ];
    for (const first of firsts) {
      const client = await b.open();
      client.send(first);
      await client.expectClosed();
    }
  },
);

rule(
  'v3 MQTT-3.1.0-2 MQTT-4.8.0-1 v5 MQTT-3.1.0-2 MQTT-3.2.0-2: a second CONNECT ends the connection',
  async (_t, b) => {
    const client = await b.connect();
    client.send(connect({ version: b.version, clientId: client.clientId }));
    await client.expectEnd(0x82);
  },
);

rule(
  'v3 MQTT-3.2.0-1 MQTT-3.1.4-4 v5 MQTT-3.2.0-1 MQTT-3.1.4-5: CONNACK 0x00 is the first packet',
  async (t, b) => {
    const clientId = b.clientId();
    const away = await b.connect({ ...PERSISTENT, clientId });
    await away.subscribe([[b.topic('a'), 1]]);
    await away.disconnect();
    const publisher = await b.connect();
    await publisher.publish({ topic: b.topic('a'), payload: 'kept', qos: 1 });
    const client = await b.open();
    client.send(connect({ version: b.version, clientId, ...PERSISTENT }), packet(0xc0));
    t.is((await client.expect('connack')).code, 0);
  },
);

rule(
  'v3 MQTT-3.1.2-3 MQTT-3.1.4-1 MQTT-3.2.2-6 v5 MQTT-3.1.2-3 MQTT-3.1.4-1: connect flag bit 0 is refused',
  async (_t, b) => {
    const client = await b.open();
    client.send(connect({ version: b.version, clientId: b.clientId(), flipFlags: 1 }));
    await client.expectMalformedConnect();
  },
);

rule(
  'v3 MQTT-3.1.2-11 MQTT-3.1.2-13 MQTT-3.1.2-15 v5 MQTT-3.1.2-11 MQTT-3.1.2-13: will flags without a will are refused',
  async (_t, b) => {
    for (const flipFlags of [0x08, 0x10, 0x20]) {
      const client = await b.open();
      client.send(connect({ version: b.version, clientId: b.clientId(), flipFlags }));
      await client.expectMalformedConnect();
    }
  },
);

rule(
  'v3 MQTT-3.1.2-11 v5 MQTT-3.1.2-9: will fields without the will flag, and the flag without them, are refused',
  async (_t, b) => {
    const extra = await b.open();
    const will = { topic: b.topic('will'), payload: 'gone' };
    extra.send(connect({ version: b.version, clientId: b.clientId(), will, flipFlags: 4 }));
    await extra.expectMalformedConnect();
    const missing = await b.open();
    missing.send(connect({ version: b.version, clientId: b.clientId(), flipFlags: 4 }));
    await missing.expectMalformedConnect();
  },
);

rule('v3 MQTT-3.1.2-14 v5 MQTT-3.1.2-12: will QoS 3 is refused', async (_t, b) => {
  const client = await b.open();
  client.send(connect({ version: b.version, clientId: b.clientId(), will: { topic: 'a', qos: 3 } }));
  await client.expectMalformedConnect();
});

rule(
  'v3 MQTT-3.1.2-18 MQTT-3.1.2-20 v5 MQTT-3.1.2-16 MQTT-3.1.2-18: user name or password without its flag is refused',
  async (_t, b) => {
    const named = await b.open();
    named.send(connect({ version: b.version, clientId: b.clientId(), username: 'u', flipFlags: 0x80 }));
    await named.expectMalformedConnect();
    const secret = await b.open();
    secret.send(
      connect({ version: b.version, clientId: b.clientId(), username: 'u', password: 'p', flipFlags: 0x40 }),
    );
    await secret.expectMalformedConnect();
  },
);

rule(
  'v3 MQTT-3.1.2-19 MQTT-3.1.2-21 v5 MQTT-3.1.2-17 MQTT-3.1.2-19: a flag without its user name or password is refused',
  async (_t, b) => {
    for (const [username, flipFlags] of [
      [undefined, 0x80],
      ['u', 0x40],
    ] as const) {
      const client = await b.open();
      const named = username === undefined ? {} : { username };
      client.send(connect({ version: b.version, clientId: b.clientId(), ...named, flipFlags }));
      await client.expectMalformedConnect();
    }
  },
);

rule(
  'v3 MQTT-3.1.3-1 MQTT-3.1.2-9 v5 MQTT-3.1.3-1: every field of the CONNECT payload is found in its place',
  async (t, b) => {
    const watcher = await b.connect();
    await watcher.subscribe([[b.topic('#'), 2]]);
    const will = { topic: b.topic('will'), payload: 'last words', qos: 1 };
    const client = await b.connect({ username: 'user', password: 'secret', will });
    client.drop();
    const found = await watcher.receive('last words');
    t.is(found.topic, b.topic('will'));
    t.is(found.qos, 1);
  },
);

rule('v3 MQTT-3.1.3-3 v5 MQTT-3.1.3-3: a CONNECT without a ClientId field is refused', async (_t, b) => {
  const client = await b.open();
  const props = b.version === 5 ? [0] : [];
  client.send(packet(0x10, field('MQTT'), [b.version, 2], u16(0), props));
  await client.expectMalformedConnect();
});

rule(
  'v3 MQTT-3.1.3-5 v5 MQTT-3.1.3-5: ClientIds of 1 to 23 digits and letters are accepted',
  async (_t, b) => {
    const letters = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
    for (const clientId of ['0', 'z', letters.slice(0, 23), letters.slice(20, 43), letters.slice(39)]) {
      await b.connect({ clientId });
    }
  },
);

rule('v3 MQTT-3.1.3-6 v5 MQTT-3.1.3-6: clients with an empty ClientId are told apart', async (t, b) => {
  const first = await b.connect({ clientId: '' });
  const second = await b.connect({ clientId: '' });
  t.false(first.connack?.sessionPresent);
  t.false(second.connack?.sessionPresent);
  await first.expectSilence();
  await second.expectSilence();
});

rule(
  'v3 MQTT-3.1.3-9 MQTT-3.2.2-4 MQTT-3.2.2-5 v5 MQTT-3.1.3-8 MQTT-3.2.2-6 MQTT-3.2.2-7: a ClientId above the limit is refused',
  async (_t, b) => {
    const client = await b.open();
    client.send(connect({ version: b.version, clientId: 'x'.repeat(65) }));
    await client.expectRefusal(b.version === 5 ? 0x85 : 2);
  },
);

rule(
  'v3 MQTT-3.1.4-2 v5 MQTT-3.1.4-3: a new connection with the ClientId ends the old one',
  async (_t, b) => {
    const old = await b.connect();
    const young = await b.connect({ clientId: old.clientId });
    await old.expectEnd(0x8e);
    await young.expectSilence();
  },
);

rule('v3 MQTT-3.1.4-5 v5 MQTT-3.1.4-6: what follows a refused CONNECT is not processed', async (_t, b) => {
  const watcher = await b.connect();
  await watcher.subscribe(b.topic('a'));
  const client = await b.open();
  const behind = publish(b.version, { topic: b.topic('a'), payload: 'unheard' });
  client.send(connect({ version: b.version, clientId: 'x'.repeat(65) }), behind);
  await client.expectRefusal(b.version === 5 ? 0x85 : 2);
  await watcher.expectNothingFrom(await b.connect());
});

rule(
  'v3 MQTT-3.1.4-3 MQTT-3.1.2-6 MQTT-3.2.2-1 v5 MQTT-3.1.4-4 MQTT-3.1.2-4 MQTT-3.2.2-2: a clean start drops the stored session',
  async (t, b) => {
    const first = await b.connect(PERSISTENT);
    await first.subscribe([[b.topic('a'), 1]]);
    await first.disconnect();
    const clean = await b.connect({ clientId: first.clientId, clean: true });
    t.false(clean.connack?.sessionPresent);
    const publisher = await b.connect();
    await publisher.publish({ topic: b.topic('a'), payload: 'unheard', qos: 1 });
    await clean.expectNothingFrom(publisher);
    await clean.disconnect();
    const last = await b.resume(first);
    t.false(last.connack?.sessionPresent);
  },
);

rule(
  'v3 MQTT-3.1.2-4 MQTT-3.2.2-2 MQTT-3.2.2-3 v5 MQTT-3.1.2-5 MQTT-3.1.2-6 MQTT-3.2.2-3 MQTT-3.2.2-1: a session is created, then resumed',
  async (t, b) => {
    const first = await b.connect(PERSISTENT);
    t.false(first.connack?.sessionPresent);
    await first.subscribe([[b.topic('a'), 1]]);
    await first.disconnect();
    const second = await b.resume(first);
    t.true(second.connack?.sessionPresent);
    const publisher = await b.connect();
    await publisher.publish({ topic: b.topic('a'), payload: 'heard', qos: 1 });
    await second.receive('heard');
  },
);

rule(
  'v3 MQTT-3.1.3-2 v5 MQTT-3.1.3-2: the ClientId names the session, to the last character',
  async (t, b) => {
    const clientId = b.clientId();
    const first = await b.connect({ ...PERSISTENT, clientId });
    await first.disconnect();
    const other = await b.connect({ ...PERSISTENT, clientId: `${clientId}x` });
    t.false(other.connack?.sessionPresent);
    const upper = await b.connect({ ...PERSISTENT, clientId: clientId.toUpperCase() });
    t.false(upper.connack?.sessionPresent);
    t.true((await b.resume(first)).connack?.sessionPresent);
  },
);

rule(
  'v3 MQTT-7.1.1-1 MQTT-7.0.0-2 v5 MQTT-4.2.0-1: a TCP connection carries packets in any pieces',
  async (t, b) => {
    const client = await b.open();
    const bytes = Buffer.concat([
      connect({ version: b.version, clientId: b.clientId() }),
      subscribe(b.version, 1, [[b.topic('a'), 0]]),
      publish(b.version, { topic: b.topic('a'), payload: 'whole' }),
    ]);
    for (const byte of bytes) client.send([byte]);
    await client.expect('connack');
    // A message may come before the SUBACK of its subscription.
    const types = [(await client.next())?.type, (await client.next())?.type];
    t.deepEqual(types.sort(), ['publish', 'suback']);
  },
);

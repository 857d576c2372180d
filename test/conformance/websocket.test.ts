/** MQTT over WebSocket. */

import { connect, publish, subscribe } from '../helpers/packets.js';
import { until } from '../helpers/with-broker.js';
import type { WebSocketClient } from './rules.js';
import { rulesWith } from './rules.js';

const rule = rulesWith();

async function connected({ client }: WebSocketClient, clientId: string): Promise<void> {
  const connack = await client.connect({ clientId });
  if (connack.code !== 0) throw new Error('CONNECT was refused');
}

rule(
  'v3 MQTT-6.0.0-1 v5 MQTT-6.0.0-1: packets come in binary frames, and a text frame closes the connection',
  async (t, b) => {
    const opened = await b.openWebSocket();
    await connected(opened, b.clientId());
    const { client, carrier } = opened;
    // The client refuses text by itself: what has come was binary.
    await client.subscribe(b.topic('a'));
    carrier.webSocket.send(publish(b.version, { topic: b.topic('a'), payload: 'x' }).toString('latin1'));
    await client.expectClosed();
    await until(() => carrier.closeCode !== 0);
    t.is(carrier.closeCode, 1_003);
  },
);

rule('v3 MQTT-6.0.0-1 v5 MQTT-6.0.0-1: text instead of CONNECT closes the connection', async (t, b) => {
  const { client, carrier } = await b.openWebSocket();
  carrier.webSocket.send('CONNECT');
  await client.expectClosed();
  await until(() => carrier.closeCode !== 0);
  t.is(carrier.closeCode, 1_003);
});

rule('v3 MQTT-6.0.0-2 v5 MQTT-6.0.0-2: packets may be spread over frames at every byte', async (_t, b) => {
  for (const other of [b.clientId(), b.clientId()]) {
    const opened = await b.openWebSocket({ cut: 'bytes' });
    await connected(opened, other);
    const { client } = opened;
    await client.subscribe(b.topic(other));
    client.sendPublish({ topic: b.topic(other), payload: 'in pieces' });
    await client.expectPublish('in pieces');
  }
});

rule('v3 MQTT-6.0.0-2 v5 MQTT-6.0.0-2: a frame may hold many packets, CONNECT among them', async (_t, b) => {
  for (const clientId of [b.clientId(), b.clientId()]) {
    const { client, carrier } = await b.openWebSocket();
    const { version } = b;
    const topic = b.topic(clientId);
    const first = [connect({ version, clientId }), subscribe(version, 1, [[topic, 0]])];
    carrier.webSocket.send(Buffer.concat(first));
    await client.expect('connack');
    await client.expect('suback');
    const then = Array.from({ length: 50 }, (_, n) => publish(version, { topic, payload: `${n}` }));
    carrier.webSocket.send(Buffer.concat(then));
    for (let n = 0; n < 50; n++) await client.expectPublish(`${n}`);
  }
});

rule('v3 MQTT-6.0.0-2 v5 MQTT-6.0.0-2: frames may be fragments of a message', async (_t, b) => {
  const opened = await b.openWebSocket();
  await connected(opened, b.clientId());
  const { client, carrier } = opened;
  await client.subscribe(b.topic('a'));
  const bytes = Buffer.concat([
    publish(b.version, { topic: b.topic('a'), payload: 'one' }),
    publish(b.version, { topic: b.topic('a'), payload: 'two' }),
  ]);
  for (let at = 0; at < bytes.length; at += 7) {
    carrier.webSocket.send(bytes.subarray(at, at + 7), { binary: true, fin: at + 7 >= bytes.length });
  }
  await client.expectPublish('one');
  await client.expectPublish('two');
});

rule('v3 MQTT-6.0.0-4 v5 MQTT-6.0.0-4: of the subprotocols offered mqtt is chosen', async (t, b) => {
  for (const protocols of [['mqtt'], ['mqttv3.1', 'mqtt'], ['chat', 'mqtt', 'mqttv3.1.1']]) {
    const opened = await b.openWebSocket({ protocols });
    t.is(opened.carrier.webSocket.protocol, 'mqtt');
    await connected(opened, b.clientId());
  }
});

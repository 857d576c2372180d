/** What a broker with narrow settings announces and enforces. */
import { connect } from '../helpers/packets.js';
import { rulesWith } from './rules.js';

const rule = rulesWith({
  'mqtt.max_packet_size': 1_024,
  'mqtt.max_topic_alias': 0,
  'mqtt.server_keepalive': 20,
  'mqtt.response_information': 'answers/',
});

rule('v5 MQTT-3.2.2-15: a packet above the maximum in CONNACK gets DISCONNECT 0x95', async (t, b) => {
  const client = await b.connect();
  t.is(client.connack?.properties.maximumPacketSize, 1_024);
  const room = 1_024 - 3 - 2 - b.topic('a').length - 1;
  await client.subscribe(b.topic('a'));
  client.sendPublish({ topic: b.topic('a'), payload: 'x'.repeat(room) });
  await client.expectPublish('x'.repeat(room));
  client.sendPublish({ topic: b.topic('a'), payload: 'x'.repeat(room + 1) });
  await client.expectEnd(0x95);
});

rule('v5 MQTT-3.2.2-15: a packet announced too large is refused before it has come', async (_t, b) => {
  const client = await b.connect();
  client.send([0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, 0x61]);
  await client.expectEnd(0x95);
});

rule('v5 MQTT-3.2.2-18: where the maximum is 0 any topic alias gets DISCONNECT 0x94', async (t, b) => {
  const client = await b.connect();
  t.is(client.connack?.properties.topicAliasMaximum ?? 0, 0);
  client.sendPublish({ topic: b.topic('a'), properties: { topicAlias: 1 } });
  await client.expectEnd(0x94);
});

rule('v5 MQTT-3.1.2-28: response information comes when asked for and only then', async (t, b) => {
  const asking = await b.connect({ properties: { requestResponseInformation: 1 } });
  t.true(asking.connack?.properties.responseInformation?.startsWith('answers/'));
  for (const properties of [{}, { requestResponseInformation: 0 }]) {
    const silent = await b.connect({ properties });
    t.is(silent.connack?.properties.responseInformation, undefined);
  }
});

rule('v5 MQTT-3.1.4-2: a CONNECT above the packet size is refused', async (_t, b) => {
  const client = await b.open();
  client.send(
    connect({ version: 5, clientId: b.clientId(), will: { topic: 'w', payload: 'x'.repeat(2_000) } }),
  );
  const answer = await client.next();
  if (answer !== null) await client.expectClosed();
});

rule.serial('v5 MQTT-3.1.2-22: the keep alive of CONNACK goes before that of CONNECT', async (t, b) => {
  const client = await b.connect({ keepAlive: 1_000 });
  t.is(client.connack?.properties.serverKeepAlive, 20);
  await b.advanceClock(29);
  await client.expectSilence();
  await b.advanceClock(32);
  await client.expectEnd(0x8d);
});

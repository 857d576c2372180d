/** The tests' own codec against mqtt-packet, and what it refuses to read. */
import test from 'ava';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { connect, publish, subscribe } from '../../helpers/packets.js';
import { decode } from '../../helpers/received.js';
import { field, packet, u16, type Version, varint } from '../../helpers/wire.js';

function parse(bytes: Buffer, version: Version): Packet {
  const found: Packet[] = [];
  const parser = mqttPacket.parser({ protocolVersion: version });
  parser.on('packet', (one) => found.push(one));
  parser.on('error', (error) => {
    throw error;
  });
  parser.parse(bytes);
  return found[0]!;
}

test('packets built here are read by mqtt-packet as they were meant', (t) => {
  const will = { topic: 'w', payload: 'x', qos: 1, retain: true, properties: { willDelay: 9 } };
  t.like(parse(connect({ version: 5, clientId: 'c', will, username: 'u', password: 'p', keepAlive: 7 }), 5), {
    cmd: 'connect',
    protocolVersion: 5,
    clientId: 'c',
    clean: true,
    keepalive: 7,
    username: 'u',
    will: { topic: 'w', qos: 1, retain: true, properties: { willDelayInterval: 9 } },
  });
  const properties = { messageExpiry: 300, userProperties: [['a', 'b']] as [string, string][] };
  t.like(parse(publish(5, { topic: 'a/b', payload: 'p', qos: 2, id: 513, dup: true, properties }), 5), {
    cmd: 'publish',
    topic: 'a/b',
    qos: 2,
    messageId: 513,
    dup: true,
    retain: false,
    properties: { messageExpiryInterval: 300 },
  });
  t.like(parse(subscribe(4, 3, [['a/#', 1]]), 4), {
    messageId: 3,
    subscriptions: [{ topic: 'a/#', qos: 1 }],
  });
});

test('packets built by mqtt-packet are read here as they were meant', (t) => {
  const bytes = mqttPacket.generate(
    {
      cmd: 'publish',
      topic: 'a/b',
      payload: 'p',
      qos: 1,
      messageId: 9,
      dup: false,
      retain: true,
      properties: {
        subscriptionIdentifier: [3, 300],
        contentType: 'text',
        correlationData: Buffer.from('c'),
      },
    },
    { protocolVersion: 5 },
  );
  t.is(decode(bytes.subarray(0, bytes.length - 1), 5), null);
  t.like(decode(Buffer.concat([bytes, bytes]), 5), {
    type: 'publish',
    topic: 'a/b',
    payload: 'p',
    qos: 1,
    id: 9,
    retain: true,
    properties: { subscriptionIdentifiers: [3, 300], contentType: 'text', correlationData: Buffer.from('c') },
  });
  t.like(decode(mqttPacket.generate({ cmd: 'suback', messageId: 4, granted: [0, 128] }), 4), {
    id: 4,
    codes: [0, 128],
  });
});

test('what no broker may send is an error', (t) => {
  const wrong: [string, Buffer, Version][] = [
    ['QoS 3', packet(0x36, field('a'), u16(1)), 4],
    ['identifier 0', packet(0x32, field('a'), u16(0)), 4],
    ['DUP with QoS 0', packet(0x38, field('a')), 4],
    ['a wildcard', packet(0x30, field('a/#')), 4],
    ['surrogates', packet(0x30, field(Buffer.from([0xed, 0xa0, 0x80]))), 4],
    ['U+0000', packet(0x30, field('a\0')), 4],
    ['flags of PUBREL', packet(0x60, u16(1)), 4],
    ['bits in CONNACK', packet(0x20, [2, 0]), 4],
    ['a code of MQTT 5 in SUBACK', packet(0x90, u16(1), [0x8f]), 4],
    ['DISCONNECT to 3.1.1', packet(0xe0), 4],
    ['an unlisted code', packet(0xe0, [0x8c]), 5],
    ['a property out of place', packet(0xe0, [0x80], varint(5), [0x11, 0, 0, 0, 1]), 5],
    ['a property twice', packet(0x30, field('a'), varint(4), [0x01, 0, 0x01, 0]), 5],
    ['a long remaining length', Buffer.from([0xd0, 0x80, 0x00]), 4],
    ['CONNECT', connect({ version: 4 }), 4],
  ];
  for (const [what, bytes, version] of wrong) t.throws(() => decode(bytes, version), undefined, what);
});

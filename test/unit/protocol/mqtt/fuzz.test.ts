/** Random bytes and mutated packets: no decoder throws, and none looks outside the range it was given. */
import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { generate, type Packet } from 'mqtt-packet';
import { Ack, decodeAck } from '../../../../src/protocol/mqtt/decode-ack.js';
import { decodeConnect, peekClientId } from '../../../../src/protocol/mqtt/decode-connect.js';
import { decodeAuth, decodeDisconnect } from '../../../../src/protocol/mqtt/decode-control.js';
import { decodePublish } from '../../../../src/protocol/mqtt/decode-publish.js';
import { FRAME_OK, FrameHeader, readFrame } from '../../../../src/protocol/mqtt/frame.js';
import type { AckType, ProtocolVersion } from '../../../../src/protocol/mqtt/packet-type.js';
import { PublishView } from '../../../../src/protocol/mqtt/publish-view.js';
import { SubscribeReader, VALIDATE_MORE } from '../../../../src/protocol/mqtt/subscribe-reader.js';
import { VERSIONS } from './wire.js';

function publishOf(bytes: Buffer, frame: FrameHeader, version: ProtocolVersion): unknown {
  const view = new PublishView();
  view.nowMs = 0;
  const reason = decodePublish(bytes, frame.firstByte, frame.bodyStart, frame.bodyEnd, version, view);
  if (reason !== 0) return reason;
  const message = view.message();
  return [message, view.qos, view.packetId, view.topicAlias, view.expirySeconds];
}

function subscribeOf(bytes: Buffer, frame: FrameHeader, version: ProtocolVersion): unknown {
  const type = frame.firstByte >> 4 === 8 ? 8 : 10;
  const reader = new SubscribeReader(type, bytes, frame.bodyStart, frame.bodyEnd, version);
  let code = VALIDATE_MORE;
  while (code === VALIDATE_MORE) code = reader.validateSome(1);
  if (code !== 0) return code;
  const found: unknown[] = [reader.packetId, reader.identifier];
  while (reader.next()) found.push(reader.filter, reader.options);
  return found;
}

/** Everything the codec can say of the packet at `at`, as plain data. */
function outcome(bytes: Buffer, at: number, end: number, version: ProtocolVersion): unknown {
  const frame = new FrameHeader();
  const code = readFrame(bytes, at, end, 1 << 20, frame);
  const peek = peekClientId(bytes, at, end);
  if (code !== FRAME_OK) return [code, peek];
  const { bodyStart, bodyEnd } = frame;
  const type = frame.firstByte >> 4;
  switch (type) {
    case 1:
      return [decodeConnect(bytes, bodyStart, bodyEnd), peek];
    case 3:
      return publishOf(bytes, frame, version);
    case 4:
    case 5:
    case 6:
    case 7: {
      const ack = new Ack();
      const reason = decodeAck(bytes, type as AckType, bodyStart, bodyEnd, version, ack);
      return reason === 0 ? ack : reason;
    }
    case 8:
    case 10:
      return subscribeOf(bytes, frame, version);
    case 14:
      return decodeDisconnect(bytes, bodyStart, bodyEnd, version);
    case 15:
      return decodeAuth(bytes, bodyStart, bodyEnd);
    default:
      return code;
  }
}

/** The same bytes among different neighbours must give the same answer, and must not be changed. */
function checkBlind(bytes: Buffer, version: ProtocolVersion): void {
  const margin = 40;
  const among = [0x00, 0x61, 0xff].map((neighbour) => {
    const around = Buffer.alloc(bytes.length + 2 * margin, neighbour);
    bytes.copy(around, margin);
    const before = Buffer.from(around);
    const found = outcome(around, margin, margin + bytes.length, version);
    assert.deepEqual(around, before);
    return found;
  });
  assert.deepEqual(among[1], among[0]);
  assert.deepEqual(among[2], among[0]);
}

const userProperties = { a: ['b', 'c'], ä: 'ö' };
const seeds: readonly Packet[] = [
  {
    cmd: 'connect',
    clientId: 'client',
    protocolVersion: 5,
    protocolId: 'MQTT',
    username: 'user',
    password: Buffer.from('password'),
    will: {
      topic: 'will',
      payload: Buffer.from('gone'),
      qos: 1,
      properties: { willDelayInterval: 3, contentType: 'x', userProperties },
    },
    properties: { sessionExpiryInterval: 9, receiveMaximum: 4, authenticationMethod: 'm', userProperties },
  },
  { cmd: 'connect', clientId: 'client', protocolVersion: 3, protocolId: 'MQIsdp', keepalive: 9, clean: true },
  {
    cmd: 'publish',
    topic: 'a/b',
    payload: Buffer.from('payload'),
    qos: 1,
    dup: false,
    retain: true,
    messageId: 9,
    properties: {
      topicAlias: 3,
      contentType: 'text',
      userProperties,
      messageExpiryInterval: 99,
      correlationData: Buffer.from('c'),
      responseTopic: 'r',
    },
  },
  { cmd: 'publish', topic: 'a/b', payload: '', qos: 0, dup: false, retain: false },
  { cmd: 'puback', messageId: 4, reasonCode: 0x10, properties: { reasonString: 'why', userProperties } },
  { cmd: 'pubrel', messageId: 4, reasonCode: 0x92, properties: { reasonString: 'why' } },
  {
    cmd: 'subscribe',
    messageId: 7,
    subscriptions: [
      { topic: 'a/#', qos: 1, nl: true, rap: true, rh: 1 },
      { topic: 'ä/+', qos: 2 },
    ],
    properties: { subscriptionIdentifier: 145, userProperties },
  },
  { cmd: 'unsubscribe', messageId: 7, unsubscriptions: ['a/#', 'b'], properties: { userProperties } },
  {
    cmd: 'disconnect',
    reasonCode: 4,
    properties: { sessionExpiryInterval: 4, reasonString: 'bye', userProperties },
  },
  {
    cmd: 'auth',
    reasonCode: 0x18,
    properties: { authenticationMethod: 'm', authenticationData: Buffer.from('d'), userProperties },
  },
];

const mutations = fc.array(
  fc.record({ kind: fc.constantFrom('set', 'cut', 'insert', 'grow'), at: fc.nat(200), byte: fc.nat(255) }),
  { maxLength: 5 },
);

type Mutation = { kind: string; at: number; byte: number };

function mutate(bytes: Buffer, changes: readonly Mutation[]): Buffer {
  for (const { kind, at, byte } of changes) {
    const place = at % (bytes.length + 1);
    if (kind === 'set' && place < bytes.length) bytes[place] = byte;
    else if (kind === 'cut') bytes = bytes.subarray(0, Math.max(1, place));
    else if (kind === 'insert')
      bytes = Buffer.concat([bytes.subarray(0, place), Buffer.from([byte]), bytes.subarray(place)]);
    // A nearly right length is what finds reads behind the end.
    else if (bytes.length > 1) bytes[1] = (bytes[1]! + (byte % 5) - 2) & 0x7f;
  }
  return bytes;
}

test('mutated packets never throw, and nothing outside the packet is looked at', (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom(...seeds),
      fc.constantFrom(...VERSIONS),
      mutations,
      (seed, version, changes) => {
        const written = seed.cmd === 'auth' ? 5 : version;
        checkBlind(mutate(generate(seed, { protocolVersion: written }), changes), version);
      },
    ),
    { numRuns: 3000 },
  );
  t.pass();
});

test('random bytes never throw, and nothing outside them is looked at', (t) => {
  const random = fc.tuple(
    fc.constantFrom(0x10, 0x32, 0x30, 0x40, 0x62, 0x82, 0xa2, 0xe0, 0xf0),
    fc.uint8Array({ maxLength: 100 }),
  );
  fc.assert(
    fc.property(random, fc.constantFrom(...VERSIONS), ([first, body], version) => {
      checkBlind(Buffer.from([first, body.length, ...body]), version);
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

test('a packet cut off anywhere asks for more, and never passes for a whole one', (t) => {
  for (const seed of seeds) {
    const bytes = generate(seed, { protocolVersion: 5 });
    const frame = new FrameHeader();
    for (let end = 0; end < bytes.length; end++) t.not(readFrame(bytes, 0, end, 1 << 20, frame), FRAME_OK);
    t.is(readFrame(bytes, 0, bytes.length, 1 << 20, frame), FRAME_OK);
  }
});

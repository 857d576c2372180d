import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { generate, type IAuthPacket, type IConnackPacket, type IDisconnectPacket } from 'mqtt-packet';
import { decodeAuth, decodeDisconnect } from '../../../../src/protocol/mqtt/decode-control.js';
import {
  encodeAuth,
  encodeConnack,
  encodeDisconnect,
  encodeSuback,
  encodeUnsuback,
} from '../../../../src/protocol/mqtt/encode-control.js';
import type { ProtocolVersion } from '../../../../src/protocol/mqtt/packet-type.js';
import { frameOf, oracle, packet, properties, text, uint16 } from './wire.js';

const MAX = 268_435_460;

function disconnect(bytes: Buffer, version: ProtocolVersion = 5): ReturnType<typeof decodeDisconnect> {
  const frame = frameOf(bytes);
  return decodeDisconnect(bytes, frame.bodyStart, frame.bodyEnd, version);
}

function auth(bytes: Buffer): ReturnType<typeof decodeAuth> {
  const frame = frameOf(bytes);
  return decodeAuth(bytes, frame.bodyStart, frame.bodyEnd);
}

const reasonOf = (result: ReturnType<typeof decodeDisconnect> | ReturnType<typeof decodeAuth>): number =>
  result.ok ? 0 : result.reason;

test('DISCONNECT is decoded as mqtt-packet has written it', (t) => {
  const arbitrary = fc.record({
    reason: fc.constantFrom(
      0x00,
      0x04,
      0x80,
      0x81,
      0x82,
      0x83,
      0x90,
      0x93,
      0x94,
      0x95,
      0x96,
      0x97,
      0x98,
      0x99,
    ),
    sessionExpiryInterval: fc.nat(0xffff_ffff),
    reasonString: text(),
  });
  fc.assert(
    fc.property(arbitrary, ({ reason, ...props }) => {
      const sent: IDisconnectPacket = { cmd: 'disconnect', reasonCode: reason, properties: props };
      const result = disconnect(generate(sent, { protocolVersion: 5 }));
      assert.ok(result.ok);
      assert.deepEqual(result.packet, {
        reason,
        sessionExpirySeconds: props.sessionExpiryInterval,
        reasonString: props.reasonString,
      });
    }),
  );
  t.pass();
});

test('short forms of DISCONNECT mean 0x00 and no properties', (t) => {
  const nothing = { sessionExpirySeconds: null, reasonString: null };
  t.deepEqual(disconnect(packet(0xe0)), { ok: true, packet: { reason: 0, ...nothing } });
  t.deepEqual(disconnect(packet(0xe0, [4])), { ok: true, packet: { reason: 4, ...nothing } });
  t.deepEqual(disconnect(packet(0xe0, [4, 0])), { ok: true, packet: { reason: 4, ...nothing } });
  t.deepEqual(disconnect(packet(0xe0), 4), { ok: true, packet: { reason: 0, ...nothing } });
});

test('DISCONNECT is refused with the code of its error', (t) => {
  t.is(reasonOf(disconnect(packet(0xe0, [0]), 4)), 0x81, 'not empty in 3.1.1');
  t.is(reasonOf(disconnect(packet(0xe0, [0]), 3)), 0x81, 'not empty in 3.1');
  for (const code of [0x01, 0x02, 0x10, 0x18, 0x7f, 0x84, 0x86, 0x8a, 0x91, 0x92, 0xa3, 0xff]) {
    t.is(reasonOf(disconnect(packet(0xe0, [code]))), 0x82, `v5 [MQTT-3.14.2-1] ${code}`);
  }
  t.is(reasonOf(disconnect(packet(0xe0, [0], properties([0x1c], 'elsewhere')))), 0x82, 'server reference');
  t.is(
    reasonOf(disconnect(packet(0xe0, [0], properties([0x11, 0, 0, 0, 1, 0x11, 0, 0, 0, 1])))),
    0x82,
    'twice',
  );
  t.is(reasonOf(disconnect(packet(0xe0, [0], properties([0x21, 0, 1])))), 0x81, 'property of another packet');
  t.is(reasonOf(disconnect(packet(0xe0, [0, 9]))), 0x81, 'properties cut off');
  t.is(reasonOf(disconnect(packet(0xe0, [0, 0, 0]))), 0x81, 'bytes behind the end');
});

test('AUTH is decoded as mqtt-packet has written it', (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom(0x18, 0x19),
      text(),
      fc.uint8Array({ maxLength: 9 }),
      (reason, method, data) => {
        const sent: IAuthPacket = {
          cmd: 'auth',
          reasonCode: reason,
          properties: { authenticationMethod: method, authenticationData: Buffer.from(data) },
        };
        const result = auth(generate(sent, { protocolVersion: 5 }));
        assert.ok(result.ok);
        assert.deepEqual(result.packet, {
          reason,
          method,
          data: Buffer.from(data),
          reasonString: null,
        });
      },
    ),
  );
  t.pass();
});

test('AUTH is refused with the code of its error', (t) => {
  t.is(reasonOf(auth(packet(0xf0))), 0x82, 'v5 [MQTT-3.15.2-1] success is a server`s to send');
  t.is(reasonOf(auth(packet(0xf0, [0x00], properties([0x15], 'm')))), 0x82, 'the same at length');
  t.is(reasonOf(auth(packet(0xf0, [0x18]))), 0x82, 'no method');
  t.is(reasonOf(auth(packet(0xf0, [0x18], properties([0x15], 'm', [0x15], 'm')))), 0x82, 'method twice');
  t.is(reasonOf(auth(packet(0xf0, [0x18], properties([0x15, 0, 1, 0xff])))), 0x81, 'method not UTF-8');
  t.is(reasonOf(auth(packet(0xf0, [0x18], properties([0x15], 'm'), [0]))), 0x81, 'bytes behind the end');
});

test('[MQTT-3.2.2-4] v5 [MQTT-3.2.2-6] CONNACK of a refusal has session present 0', (t) => {
  t.deepEqual(encodeConnack({ reason: 0, sessionPresent: true }, 4, MAX), packet(0x20, [1, 0]));
  t.deepEqual(encodeConnack({ reason: 0x87, sessionPresent: true }, 4, MAX), packet(0x20, [0, 5]));
  t.deepEqual(encodeConnack({ reason: 0x87, sessionPresent: true }, 5, MAX), packet(0x20, [0, 0x87, 0]));
});

test('CONNACK of MQTT 3.1 has no session present: that byte is reserved there', (t) => {
  t.deepEqual(encodeConnack({ reason: 0, sessionPresent: true }, 3, MAX), packet(0x20, [0, 0]));
});

test('v3 [MQTT-3.2.2-6] without a fitting return code there is no CONNACK', (t) => {
  t.is(encodeConnack({ reason: 0x81, sessionPresent: false }, 4, MAX), null);
  t.is(encodeConnack({ reason: 0x90, sessionPresent: false }, 3, MAX), null);
});

test('CONNACK is encoded as mqtt-packet reads it, with every property', (t) => {
  const bytes = encodeConnack(
    {
      reason: 0,
      sessionPresent: true,
      sessionExpirySeconds: 1,
      receiveMaximum: 2,
      maximumQos: 1,
      retainAvailable: false,
      maximumPacketBytes: 3,
      assignedClientId: 'id',
      topicAliasMaximum: 4,
      wildcardSubscriptionAvailable: false,
      subscriptionIdentifiersAvailable: true,
      sharedSubscriptionAvailable: false,
      serverKeepAliveSeconds: 5,
      responseInformation: 'info',
      serverReference: null,
      authenticationMethod: 'm',
      authenticationData: Buffer.from('d'),
      reasonString: 'why',
      userProperties: [
        ['a', '1'],
        ['a', '2'],
      ],
    },
    5,
    MAX,
  );
  const found = oracle(bytes ?? Buffer.alloc(0), 5) as IConnackPacket;
  t.true(found.sessionPresent);
  t.deepEqual(
    { ...found.properties, userProperties: { ...found.properties?.userProperties } },
    {
      sessionExpiryInterval: 1,
      receiveMaximum: 2,
      maximumQoS: 1,
      retainAvailable: false,
      maximumPacketSize: 3,
      assignedClientIdentifier: 'id',
      topicAliasMaximum: 4,
      wildcardSubscriptionAvailable: false,
      subscriptionIdentifiersAvailable: true,
      sharedSubscriptionAvailable: false,
      serverKeepAlive: 5,
      responseInformation: 'info',
      authenticationMethod: 'm',
      authenticationData: Buffer.from('d'),
      reasonString: 'why',
      userProperties: { a: ['1', '2'] },
    },
  );
});

const why = { reasonString: 'why', userProperties: [['n', 'v']] } as const;
const FIT: readonly [string, number, (packetBytesMax: number) => Buffer | null][] = [
  [
    'v5 [MQTT-3.2.2-19] [MQTT-3.2.2-20] CONNACK',
    5,
    (max) => encodeConnack({ reason: 0, sessionPresent: false, ...why }, 5, max),
  ],
  [
    'v5 [MQTT-3.9.2-1] [MQTT-3.9.2-2] SUBACK',
    6,
    (max) => encodeSuback({ packetId: 1, codes: [0], ...why }, 5, max),
  ],
  [
    'v5 [MQTT-3.11.2-1] [MQTT-3.11.2-2] UNSUBACK',
    6,
    (max) => encodeUnsuback({ packetId: 1, codes: [0], ...why }, 5, max),
  ],
  [
    'v5 [MQTT-3.14.2-3] [MQTT-3.14.2-4] DISCONNECT',
    4,
    (max) => encodeDisconnect({ reason: 0x8e, ...why }, max),
  ],
  [
    'v5 [MQTT-3.15.2-2] [MQTT-3.15.2-3] AUTH',
    8,
    (max) => encodeAuth({ reason: 0x18, method: 'm', ...why }, max),
  ],
];

for (const [title, least, encode] of FIT) {
  test(`${title} leaves out user properties, then the reason string, then gives up`, (t) => {
    const sizes = new Set<number | null>();
    for (let max = least + 20; max >= least - 1; max--) {
      const bytes = encode(max);
      if (bytes !== null) t.true(bytes.length <= max);
      sizes.add(bytes?.length ?? null);
    }
    t.deepEqual([...sizes], [least + 13, least + 6, least, null]);
  });
}

test('v3 [MQTT-3.9.3-2] SUBACK has 0x80 for every failure in 3.x', (t) => {
  t.deepEqual(
    encodeSuback({ packetId: 300, codes: [0, 2, 0x8f, 0x97] }, 4, MAX),
    packet(0x90, uint16(300), [0, 2, 0x80, 0x80]),
  );
  t.deepEqual(
    encodeSuback({ packetId: 300, codes: [0, 0x8f] }, 5, MAX),
    packet(0x90, uint16(300), [0, 0, 0x8f]),
  );
});

test('UNSUBACK has codes in MQTT 5 only', (t) => {
  t.deepEqual(encodeUnsuback({ packetId: 300, codes: [0, 0x11] }, 3, MAX), packet(0xb0, uint16(300)));
  t.deepEqual(
    encodeUnsuback({ packetId: 300, codes: [0, 0x11] }, 5, MAX),
    packet(0xb0, uint16(300), [0, 0, 0x11]),
  );
});

test('a SUBACK of 100,000 codes is written', (t) => {
  const codes = new Array<number>(100_000).fill(1);
  t.is(encodeSuback({ packetId: 1, codes }, 4, MAX)?.length, 100_006);
});

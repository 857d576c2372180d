import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { generate, type IPubackPacket } from 'mqtt-packet';
import { Ack, decodeAck } from '../../../../src/protocol/mqtt/decode-ack.js';
import { decodePingreq } from '../../../../src/protocol/mqtt/decode-control.js';
import {
  ACK_BYTES_MAX,
  encodeAckWithText,
  writeAck,
  writePingresp,
} from '../../../../src/protocol/mqtt/encode-ack.js';
import type { AckType, ProtocolVersion } from '../../../../src/protocol/mqtt/packet-type.js';
import { frameOf, oracle, packet, properties, text, uint16, userProperties, VERSIONS } from './wire.js';

const NAMES = { 4: 'puback', 5: 'pubrec', 6: 'pubrel', 7: 'pubcomp' } as const;
const TYPES: readonly AckType[] = [4, 5, 6, 7];
const ALLOWED: Readonly<Record<AckType, readonly number[]>> = {
  4: [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
  5: [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
  6: [0x00, 0x92],
  7: [0x00, 0x92],
};

const firstByte = (type: AckType): number => (type << 4) | (type === 6 ? 2 : 0);

function decode(bytes: Buffer, version: ProtocolVersion, out = new Ack()): number {
  const frame = frameOf(bytes);
  return decodeAck(bytes, (frame.firstByte >> 4) as AckType, frame.bodyStart, frame.bodyEnd, version, out);
}

const acks = fc
  .record({
    version: fc.constantFrom(...VERSIONS),
    type: fc.constantFrom(...TYPES),
    packetId: fc.integer({ min: 1, max: 0xffff }),
    choice: fc.nat(8),
  })
  .map(({ version, type, packetId, choice }) => {
    const codes = ALLOWED[type];
    return { version, type, packetId, reason: codes[choice % codes.length]! };
  });

test('an acknowledgement is decoded as mqtt-packet has written it', (t) => {
  const extra = fc.option(fc.record({ reasonString: text(), userProperties: userProperties() }));
  const out = new Ack();
  fc.assert(
    fc.property(acks, extra, ({ version, type, packetId, reason }, found) => {
      const wanted = {
        cmd: NAMES[type],
        messageId: packetId,
        reasonCode: reason,
        ...(found && { properties: found }),
      };
      const bytes = generate(wanted as IPubackPacket, { protocolVersion: version });
      assert.equal(decode(bytes, version, out), 0);
      assert.equal(out.packetId, packetId);
      assert.equal(out.reason, version === 5 ? reason : 0);
    }),
  );
  t.pass();
});

test('an acknowledgement is written as mqtt-packet reads it, in 4 bytes, or 5 with a reason', (t) => {
  fc.assert(
    fc.property(acks, ({ version, type, packetId, reason }) => {
      const out = Buffer.alloc(ACK_BYTES_MAX + 2);
      const end = writeAck(out, 1, type, packetId, reason, version);
      assert.equal(end, version === 5 && reason !== 0 ? 6 : 5);
      const found = oracle(out.subarray(1, end), version) as IPubackPacket | null;
      assert.equal(found?.cmd, NAMES[type]);
      assert.equal(found?.messageId, packetId);
      assert.equal(found?.reasonCode, version === 5 ? reason : undefined);
    }),
  );
  t.pass();
});

test('v5 [MQTT-3.4.2-2] [MQTT-3.5.2-2] [MQTT-3.6.2-2] [MQTT-3.7.2-2] a reason string is left out where it does not fit', (t) => {
  for (const type of TYPES) {
    const whole = encodeAckWithText(type, 300, 0x80, 'because', 1000);
    t.deepEqual(whole, packet(firstByte(type), uint16(300), [0x80], properties([0x1f], 'because')));
    t.deepEqual(encodeAckWithText(type, 300, 0x80, 'because', whole.length), whole);
    t.deepEqual(
      encodeAckWithText(type, 300, 0x80, 'because', whole.length - 1),
      packet(firstByte(type), uint16(300), [0x80]),
    );
    t.is(encodeAckWithText(type, 300, 0x80, 'x'.repeat(70_000), 1_000_000).length, 5);
  }
});

test('v5 [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] a reason code that is not listed is a protocol error', (t) => {
  for (const type of TYPES) {
    for (let reason = 0; reason < 256; reason++) {
      const expected = ALLOWED[type].includes(reason) ? 0 : 0x82;
      t.is(decode(packet(firstByte(type), uint16(7), [reason]), 5), expected, `${NAMES[type]} ${reason}`);
    }
  }
});

test('short forms of acknowledgements mean success and no properties', (t) => {
  const out = new Ack();
  t.is(decode(packet(0x40, uint16(7)), 5, out), 0);
  t.is(out.reason, 0);
  t.is(decode(packet(0x40, uint16(7), [0x10]), 5, out), 0);
  t.is(out.reason, 0x10);
  t.is(decode(packet(0x40, uint16(7), [0x10, 0]), 5, out), 0);
});

const refused: readonly [title: string, code: number, versions: readonly ProtocolVersion[], bytes: Buffer][] =
  [
    ['packet identifier cut off', 0x81, VERSIONS, packet(0x40, [1])],
    ['empty', 0x81, VERSIONS, packet(0x40)],
    ['packet identifier 0', 0x82, VERSIONS, packet(0x40, [0, 0])],
    ['bytes behind the packet identifier', 0x81, [3, 4], packet(0x40, [0, 1, 0])],
    ['properties longer than the packet', 0x81, [5], packet(0x40, [0, 1, 0, 1])],
    ['properties shorter than the packet', 0x81, [5], packet(0x40, [0, 1, 0, 0, 0])],
    ['properties behind the property length', 0x81, [5], packet(0x40, [0, 1, 0, 0, 0x1f], 'a')],
    ['property length of more bytes than it needs', 0x81, [5], packet(0x40, [0, 1, 0, 0x80, 0])],
    ['property of another packet', 0x81, [5], packet(0x40, [0, 1, 0], properties([0x23, 0, 1]))],
    ['reason string twice', 0x82, [5], packet(0x40, [0, 1, 0], properties([0x1f], 'a', [0x1f], 'b'))],
    ['reason string cut off', 0x81, [5], packet(0x40, [0, 1, 0], properties([0x1f, 0, 2, 0x61]))],
    ['reason string not UTF-8', 0x81, [5], packet(0x40, [0, 1, 0], properties([0x1f, 0, 1, 0xff]))],
    ['user property without value', 0x81, [5], packet(0x40, [0, 1, 0], properties([0x26], 'a'))],
  ];

for (const [title, code, versions, bytes] of refused) {
  test(`acknowledgement refused with ${code.toString(16)}: ${title}`, (t) => {
    for (const version of versions) t.is(decode(bytes, version), code, `version ${version}`);
  });
}

test('PINGREQ is empty, and so is PINGRESP', (t) => {
  const frame = frameOf(packet(0xc0));
  t.is(decodePingreq(frame.bodyStart, frame.bodyEnd), 0);
  const longer = frameOf(packet(0xc0, [0]));
  t.is(decodePingreq(longer.bodyStart, longer.bodyEnd), 0x81);
  const out = Buffer.alloc(2);
  t.is(writePingresp(out, 0), 2);
  t.is(oracle(out, 4)?.cmd, 'pingresp');
});

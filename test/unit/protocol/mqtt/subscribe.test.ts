import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { generate, type ISubscribePacket, type IUnsubscribePacket } from 'mqtt-packet';
import type { ProtocolVersion } from '../../../../src/protocol/mqtt/packet-type.js';
import { SubscribeReader, VALIDATE_MORE } from '../../../../src/protocol/mqtt/subscribe-reader.js';
import { frameOf, packet, properties, text, uint16, userProperties, VERSIONS } from './wire.js';

type Item = readonly [filter: string, options: number];

function readerOf(bytes: Buffer, version: ProtocolVersion): SubscribeReader {
  const frame = frameOf(bytes);
  const type = frame.firstByte >> 4 === 8 ? 8 : 10;
  return new SubscribeReader(type, bytes, frame.bodyStart, frame.bodyEnd, version);
}

function validate(reader: SubscribeReader, slice = 1000): number {
  let code = reader.validateSome(slice);
  while (code === VALIDATE_MORE) code = reader.validateSome(slice);
  return code;
}

function items(reader: SubscribeReader): Item[] {
  const found: Item[] = [];
  while (reader.next()) found.push([reader.filter, reader.options]);
  return found;
}

// Empty filters are an error of their own in 3.x.
const filterText = (): fc.Arbitrary<string> => text().map((value) => (value === '' ? 'x' : value));

const subscriptions = fc.array(
  fc.record({
    topic: filterText(),
    qos: fc.constantFrom(0, 1, 2) as fc.Arbitrary<0 | 1 | 2>,
    nl: fc.boolean(),
    rap: fc.boolean(),
    rh: fc.constantFrom(0, 1, 2),
  }),
  { minLength: 1, maxLength: 8 },
);

test('SUBSCRIBE is read as mqtt-packet has written it, in slices of any size, whole or kept', (t) => {
  const extra = fc.record({
    version: fc.constantFrom(...VERSIONS),
    messageId: fc.integer({ min: 1, max: 0xffff }),
    subscriptionIdentifier: fc.integer({ min: 1, max: 268_435_455 }),
    userProperties: userProperties(),
    slice: fc.integer({ min: 1, max: 9 }),
    keepAfter: fc.nat(5),
  });
  fc.assert(
    fc.property(subscriptions, extra, (wanted, { version, messageId, slice, keepAfter, ...props }) => {
      const sent: ISubscribePacket = {
        cmd: 'subscribe',
        messageId,
        subscriptions: wanted,
        properties: props,
      };
      const bytes = generate(sent, { protocolVersion: version });
      const reader = readerOf(bytes, version);
      let code = VALIDATE_MORE;
      for (let step = 0; code === VALIDATE_MORE; step++) {
        if (step === keepAfter || step === keepAfter + 2) {
          reader.keep();
          bytes.fill(0xff);
        }
        code = reader.validateSome(slice);
      }
      assert.equal(code, 0);
      assert.equal(reader.packetId, messageId);
      assert.equal(reader.identifier, version === 5 ? props.subscriptionIdentifier : 0);
      assert.equal(reader.filterCount, wanted.length);
      const options = (s: (typeof wanted)[number]): number =>
        version === 5 ? s.qos | (s.nl ? 4 : 0) | (s.rap ? 8 : 0) | (s.rh << 4) : s.qos;
      const expected = wanted.map((s): Item => [s.topic, options(s)]);
      const found: Item[] = [];
      while (reader.next()) {
        found.push([reader.filter, reader.options]);
        if (found.length === keepAfter) {
          reader.keep();
          bytes.fill(0xff);
        }
      }
      assert.deepEqual(found, expected);
    }),
    { numRuns: 200 },
  );
  t.pass();
});

test('UNSUBSCRIBE is read as mqtt-packet has written it', (t) => {
  fc.assert(
    fc.property(
      fc.array(filterText(), { minLength: 1 }),
      fc.constantFrom(...VERSIONS),
      userProperties(),
      (filters, version, props) => {
        const sent: IUnsubscribePacket = {
          cmd: 'unsubscribe',
          messageId: 7,
          unsubscriptions: filters,
          properties: { userProperties: props },
        };
        const reader = readerOf(generate(sent, { protocolVersion: version }), version);
        assert.equal(validate(reader, 2), 0);
        assert.equal(reader.packetId, 7);
        assert.deepEqual(
          items(reader),
          filters.map((filter): Item => [filter, 0]),
        );
      },
    ),
  );
  t.pass();
});

test('a packet of 100,000 filters is validated in slices, and a long filter counts for many', (t) => {
  const one = packet(0x82, 'a/b', [0]).subarray(2);
  const whole = packet(0x82, uint16(1), Buffer.concat(new Array(100_000).fill(one)));
  const reader = readerOf(whole, 4);
  let slices = 1;
  while (reader.validateSome(1000) === VALIDATE_MORE) slices++;
  t.is(slices, 100);
  t.is(reader.filterCount, 100_000);
  const long = packet(0x82, uint16(1), 'x'.repeat(65_535), [0], 'y', [0]);
  const second = readerOf(long, 4);
  t.is(second.validateSome(1000), VALIDATE_MORE);
  t.is(second.validateSome(1000), 0);
});

const NONE = properties();
const refused: readonly [title: string, code: number, versions: readonly ProtocolVersion[], bytes: Buffer][] =
  [
    ['empty', 0x81, VERSIONS, packet(0x82)],
    ['v3 [MQTT-2.3.1-1] packet identifier 0', 0x82, [3, 4], packet(0x82, uint16(0), 'a', [0])],
    ['v5 [MQTT-2.2.1-3] packet identifier 0', 0x82, [5], packet(0x82, uint16(0), NONE, 'a', [0])],
    ['v3 [MQTT-3.8.3-3] no filter', 0x82, [3, 4], packet(0x82, uint16(1))],
    ['v5 [MQTT-3.8.3-2] no filter', 0x82, [5], packet(0x82, uint16(1), NONE)],
    ['v3 [MQTT-3.10.3-2] UNSUBSCRIBE without filter', 0x82, [3, 4], packet(0xa2, uint16(1))],
    ['v5 [MQTT-3.10.3-2] UNSUBSCRIBE without filter', 0x82, [5], packet(0xa2, uint16(1), NONE)],
    ['no properties', 0x81, [5], packet(0x82, uint16(1))],
    ['v3 [MQTT-4.7.3-1] empty filter', 0x82, [3, 4], packet(0x82, uint16(1), [0, 0, 0])],
    ['v3 [MQTT-4.7.3-1] empty filter of UNSUBSCRIBE', 0x82, [3, 4], packet(0xa2, uint16(1), [0, 0])],
    ['filter cut off', 0x81, [3, 4], packet(0x82, uint16(1), [0, 5, 0x61])],
    ['no options', 0x81, [3, 4], packet(0x82, uint16(1), 'a')],
    ['v3 [MQTT-3.8.3-1] filter not UTF-8', 0x81, [3, 4], packet(0x82, uint16(1), [0, 1, 0xff, 0])],
    ['v3 [MQTT-3.10.3-1] filter of UNSUBSCRIBE not UTF-8', 0x81, [3, 4], packet(0xa2, uint16(1), [0, 1, 0])],
    ['v3 [MQTT-3.8.3-4] QoS 3', 0x81, [3, 4], packet(0x82, uint16(1), 'a', [3])],
    ['v3 [MQTT-3.8.3-4] reserved bits', 0x81, [3, 4], packet(0x82, uint16(1), 'a', [4])],
    ['v5 [MQTT-3.8.3-5] reserved bits', 0x81, [5], packet(0x82, uint16(1), NONE, 'a', [0x40])],
    ['QoS 3 in MQTT 5', 0x82, [5], packet(0x82, uint16(1), NONE, 'a', [3])],
    ['retain handling 3', 0x82, [5], packet(0x82, uint16(1), NONE, 'a', [0x30])],
    [
      'v5 [MQTT-3.8.3-4] no local on a shared subscription',
      0x82,
      [5],
      packet(0x82, uint16(1), NONE, '$share/g/a', [4]),
    ],
    ['subscription identifier 0', 0x82, [5], packet(0x82, uint16(1), properties([0x0b, 0]), 'a', [0])],
    [
      'subscription identifier twice',
      0x82,
      [5],
      packet(0x82, uint16(1), properties([0x0b, 1, 0x0b, 2]), 'a', [0]),
    ],
    [
      'subscription identifier of five bytes',
      0x81,
      [5],
      packet(0x82, uint16(1), properties([0x0b, 0xff, 0xff, 0xff, 0xff, 1]), 'a', [0]),
    ],
    [
      'subscription identifier in UNSUBSCRIBE',
      0x81,
      [5],
      packet(0xa2, uint16(1), properties([0x0b, 1]), 'a'),
    ],
  ];

for (const [title, code, versions, bytes] of refused) {
  test(`SUBSCRIBE refused with ${code.toString(16)}: ${title}`, (t) => {
    for (const version of versions) t.is(validate(readerOf(bytes, version)), code, `version ${version}`);
  });
}

test('no local on a filter that only looks shared is fine', (t) => {
  t.is(validate(readerOf(packet(0x82, uint16(1), NONE, '$shar', [4], 'a/$share/g', [4]), 5)), 0);
});

import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { generate, type IPublishPacket } from 'mqtt-packet';
import { expirySecondsLeft } from '../../../../src/protocol/message.js';
import { decodePublish } from '../../../../src/protocol/mqtt/decode-publish.js';
import {
  encodePublish,
  packetIdOffset,
  publishFrameBytes,
} from '../../../../src/protocol/mqtt/encode-publish.js';
import type { ProtocolVersion } from '../../../../src/protocol/mqtt/packet-type.js';
import { PROPERTIES } from '../../../../src/protocol/mqtt/properties.js';
import type { PublishView } from '../../../../src/protocol/mqtt/publish-view.js';
import {
  blob,
  frameOf,
  oracle,
  packet,
  properties,
  text,
  topicName,
  uint16,
  userProperties,
  VERSIONS,
  viewAt,
} from './wire.js';

const NOW_MS = 1_700_000_000_000;

function decode(bytes: Buffer, version: ProtocolVersion, view: PublishView): number {
  const frame = frameOf(bytes);
  return decodePublish(bytes, frame.firstByte, frame.bodyStart, frame.bodyEnd, version, view);
}

const topicOf = (view: PublishView): string =>
  view.topicBytes.toString('utf8', view.topicStart, view.topicEnd);
const payloadOf = (view: PublishView): Buffer => view.bytes.subarray(view.payloadStart, view.payloadEnd);
const passedOn = (view: PublishView): Buffer =>
  view.propertyBytes.subarray(view.propertiesStart, view.propertiesEnd);

/** In the order in which they are written, which fc.record keeps and `mqtt-packet` follows. */
const propertyKeys = fc.shuffledSubarray([
  'payloadFormatIndicator',
  'messageExpiryInterval',
  'topicAlias',
  'contentType',
  'responseTopic',
  'correlationData',
  'userProperties',
] as const);

type Properties = NonNullable<IPublishPacket['properties']>;

const propertyValues = fc.record({
  payloadFormatIndicator: fc.boolean(),
  messageExpiryInterval: fc.nat(0xffff_ffff),
  topicAlias: fc.integer({ min: 1, max: 0xffff }),
  contentType: text(),
  responseTopic: topicName(),
  correlationData: blob(12),
  userProperties: userProperties(),
});

function pick(keys: readonly (keyof Properties)[], values: Properties): Properties {
  return Object.fromEntries(keys.map((key) => [key, values[key]]));
}

const publishes = fc
  .record({
    version: fc.constantFrom(...VERSIONS),
    qos: fc.constantFrom(0, 1, 2) as fc.Arbitrary<0 | 1 | 2>,
    retain: fc.boolean(),
    dup: fc.boolean(),
    messageId: fc.integer({ min: 1, max: 0xffff }),
    topic: topicName(),
    payload: fc.oneof(blob(40), blob(400)),
    keys: propertyKeys,
    values: propertyValues,
  })
  .map(({ version, keys, values, ...rest }) => ({
    version,
    packet: {
      cmd: 'publish',
      ...rest,
      dup: rest.dup && rest.qos > 0,
      ...(version === 5 ? { properties: pick(keys, values) } : {}),
    } satisfies IPublishPacket,
  }));

/** Property section of a PUBLISH that `mqtt-packet` has written with an empty topic and payload, QoS 0. */
function wireProperties(wanted: Properties): Buffer {
  const bytes = generate(
    { cmd: 'publish', topic: '', payload: '', qos: 0, dup: false, retain: false, properties: wanted },
    { protocolVersion: 5 },
  );
  const view = viewAt(0);
  decode(bytes, 5, view);
  return passedOn(view);
}

test('PUBLISH is decoded as mqtt-packet has written it, in every version and with every property', (t) => {
  const view = viewAt(NOW_MS);
  fc.assert(
    fc.property(publishes, ({ version, packet: wanted }) => {
      const bytes = generate(wanted, { protocolVersion: version });
      const before = Buffer.from(bytes);
      assert.equal(decode(bytes, version, view), 0);
      assert.deepEqual(bytes, before);
      assert.equal(topicOf(view), wanted.topic);
      assert.deepEqual(payloadOf(view), wanted.payload);
      assert.equal(view.qos, wanted.qos);
      assert.equal(view.retain, wanted.retain);
      assert.equal(view.dup, wanted.dup);
      assert.equal(view.packetId, wanted.qos > 0 ? wanted.messageId : 0);
      const { topicAlias, messageExpiryInterval, ...others } = wanted.properties ?? {};
      assert.equal(view.topicAlias, topicAlias ?? 0);
      assert.equal(view.expirySeconds, messageExpiryInterval ?? -1);
      assert.equal(view.receivedAtMs, NOW_MS);
      assert.equal(
        view.expiresAtMs,
        messageExpiryInterval === undefined
          ? Number.POSITIVE_INFINITY
          : NOW_MS + messageExpiryInterval * 1000,
      );
      assert.deepEqual(passedOn(view), wireProperties(others));
    }),
    { numRuns: 300 },
  );
  t.pass();
});

test('PUBLISH is encoded as mqtt-packet reads it, and exactly as long as announced', (t) => {
  const view = viewAt(NOW_MS);
  const outgoing = fc.record({
    version: fc.constantFrom(...VERSIONS),
    qos: fc.constantFrom(0, 1, 2),
    retain: fc.boolean(),
    dup: fc.boolean(),
    packetId: fc.integer({ min: 1, max: 0xffff }),
    identifiers: fc.option(
      fc.array(fc.integer({ min: 1, max: 268_435_455 }), { minLength: 2, maxLength: 4 }),
    ),
    topicAlias: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 0xffff })),
    expirySeconds: fc.oneof(fc.constant(-1), fc.nat(0xffff_ffff)),
    isStored: fc.boolean(),
  });
  fc.assert(
    fc.property(publishes, outgoing, ({ version, packet: source }, o) => {
      const bytes = generate(source, { protocolVersion: version });
      decode(bytes, version, view);
      if (o.isStored) view.load(viewAt(0).load(view.message()).message());
      const isFive = o.version === 5;
      const size = publishFrameBytes(
        view,
        o.version,
        o.qos,
        o.identifiers,
        o.topicAlias,
        true,
        o.expirySeconds,
      );
      const out = Buffer.alloc(size + 8, 0xee);
      const end = encodePublish(
        out,
        4,
        view,
        o.version,
        o.qos,
        o.retain,
        o.dup,
        o.packetId,
        o.identifiers,
        o.topicAlias,
        true,
        o.expirySeconds,
      );
      assert.equal(end, size + 4);
      assert.equal(out.readUInt32BE(0), 0xeeee_eeee);
      assert.equal(out.readUInt32BE(end), 0xeeee_eeee);
      if (o.qos > 0) assert.equal(out.readUInt16BE(packetIdOffset(out, 4)), o.packetId);
      const found = oracle(out.subarray(4, end), o.version) as IPublishPacket | null;
      assert.equal(found?.topic, source.topic);
      assert.deepEqual(Buffer.from(found?.payload ?? 'none'), source.payload);
      assert.equal(found?.qos, o.qos as 0 | 1 | 2);
      assert.equal(found?.retain, o.retain);
      assert.equal(found?.dup, o.dup);
      assert.equal(found?.messageId, o.qos > 0 ? o.packetId : undefined);
      const { topicAlias: _alias, messageExpiryInterval: _expiry, ...passed } = source.properties ?? {};
      const wanted: Properties = isFive ? { ...passed } : {};
      if (isFive && o.topicAlias > 0) wanted.topicAlias = o.topicAlias;
      if (isFive && o.expirySeconds >= 0) wanted.messageExpiryInterval = o.expirySeconds;
      if (isFive && o.identifiers !== null) wanted.subscriptionIdentifier = o.identifiers;
      assert.deepEqual(plain(found?.properties ?? {}), plain(wanted));
    }),
    { numRuns: 300 },
  );
  t.pass();
});

/** Without the null prototypes of `mqtt-packet`. */
function plain(wanted: Properties): unknown {
  const copy = { ...wanted };
  if (copy.userProperties !== undefined) copy.userProperties = { ...copy.userProperties };
  return copy;
}

test('an alias alone stands for the topic where the caller says so', (t) => {
  const view = viewAt(NOW_MS);
  decode(packet(0x30, 'a/b', [0], Buffer.from('hi')), 5, view);
  const out = Buffer.alloc(publishFrameBytes(view, 5, 0, null, 7, false, -1));
  t.is(encodePublish(out, 0, view, 5, 0, false, false, 0, null, 7, false, -1), out.length);
  t.deepEqual(out, packet(0x30, '', properties([0x23, 0, 7]), Buffer.from('hi')));
});

test('a topic that an alias stands for is stored and encoded like any other', (t) => {
  const view = viewAt(NOW_MS);
  t.is(
    decode(packet(0x32, '', uint16(9), properties([0x03], 'x', [0x23, 0, 7]), Buffer.from('hi')), 5, view),
    0,
  );
  view.useTopic(Buffer.from('..$SYS/a..'), 2, 8);
  t.true(view.isSys);
  const message = view.message();
  t.is(message.topicText(), '$SYS/a');
  t.deepEqual(message.payload(), Buffer.from('hi'));
  const out = Buffer.alloc(publishFrameBytes(view, 4, 0, null, 0, true, -1));
  encodePublish(out, 0, view, 4, 0, false, false, 0, null, 0, true, -1);
  t.deepEqual(out, packet(0x30, '$SYS/a', Buffer.from('hi')));
});

test('a topic that an alias stands for is found although its offset is that of the payload', (t) => {
  const view = viewAt(NOW_MS);
  decode(packet(0x30, '', properties([0x23, 0, 7]), Buffer.from('hi')), 5, view);
  view.useTopic(Buffer.from('.....a/b'), view.payloadStart - 3, view.payloadStart);
  const out = Buffer.alloc(publishFrameBytes(view, 4, 0, null, 0, true, -1));
  encodePublish(out, 0, view, 4, 0, false, false, 0, null, 0, true, -1);
  t.deepEqual(out, packet(0x30, 'a/b', Buffer.from('hi')));
});

test('an alias and an expiry at the ends of the properties are left out without a copy', (t) => {
  const alias = [0x23, 0, 7];
  const expiry = [0x02, 0, 0, 0, 60];
  const rest = [[0x03], 'text'] as const;
  for (const all of [
    [alias, expiry, ...rest],
    [expiry, alias, ...rest],
    [...rest, alias, expiry],
    [...rest, expiry, alias],
    [alias, ...rest, expiry],
  ]) {
    const bytes = packet(0x30, 'a', properties(...all));
    const view = viewAt(NOW_MS);
    t.is(decode(bytes, 5, view), 0);
    t.is(view.propertyBytes, bytes);
    t.deepEqual(passedOn(view), properties(...rest).subarray(1));
  }
});

test('v5 [MQTT-3.3.2-18] user properties pass unchanged and in their order, empty values and repeated names too', (t) => {
  const view = viewAt(NOW_MS);
  const first = [[0x26], 'b', '1', [0x26], 'a', ''] as const;
  const second = [[0x26], '1', '2', [0x26], 'b', '', [0x03], 'text'] as const;
  const alias = [0x23, 0, 7];
  const expiry = [0x02, 0, 0, 0, 60];
  for (const all of [
    [...first, ...second, alias, expiry],
    [alias, ...first, ...second, expiry],
    [expiry, alias, ...first, ...second],
    [...first, alias, ...second, expiry],
    [...first, alias, expiry, ...second],
    [expiry, ...first, alias, ...second],
    [...first, alias, ...second],
    [...first, expiry, ...second],
  ]) {
    t.is(decode(packet(0x30, 'a', properties(...all)), 5, view), 0);
    t.deepEqual(passedOn(view), properties(...first, ...second).subarray(1));
  }
});

const refused: readonly [title: string, code: number, version: 0 | ProtocolVersion, bytes: Buffer][] = [
  ['no topic length', 0x81, 0, packet(0x30, [0])],
  ['topic longer than the packet', 0x81, 0, packet(0x30, [0, 3, 0x61])],
  ['topic longer than the packet by one byte', 0x81, 0, packet(0x30, [0, 2, 0x61])],
  ['no room for the packet identifier', 0x81, 0, packet(0x32, 'a', [1])],
  ['v3 [MQTT-2.3.1-1] v5 [MQTT-2.2.1-3] packet identifier 0', 0x82, 0, packet(0x32, 'a', [0, 0, 0])],
  ['v5 [MQTT-3.3.1-2] DUP with QoS 0', 0x81, 5, packet(0x38, 'a', [0])],
  ['[MQTT-4.7.3-1] empty topic without alias', 0x82, 0, packet(0x30, '', [0])],
  ['no property length', 0x81, 5, packet(0x30, 'a')],
  ['property length of more bytes than it needs', 0x81, 5, packet(0x30, 'a', [0x80, 0])],
  ['properties longer than the packet', 0x81, 5, packet(0x30, 'a', [3, 0x26, 0])],
  ['property cut off', 0x81, 5, packet(0x30, 'a', properties([0x02, 0, 0, 0]))],
  ['alias cut off', 0x81, 5, packet(0x30, 'a', properties([0x23, 0]))],
  ['payload format cut off', 0x81, 5, packet(0x30, 'a', properties([0x01]))],
  ['correlation data cut off', 0x81, 5, packet(0x30, 'a', properties([0x09, 0, 2, 1]))],
  ['unknown property', 0x81, 5, packet(0x30, 'a', properties([0x7f, 0]))],
  ['payload format 2', 0x82, 5, packet(0x30, 'a', properties([0x01, 2]))],
  ['v5 [MQTT-3.3.2-8] topic alias 0', 0x94, 5, packet(0x30, 'a', properties([0x23, 0, 0]))],
  ['v5 [MQTT-3.3.4-6] subscription identifier', 0x82, 5, packet(0x30, 'a', properties([0x0b, 1]))],
  ['v5 [MQTT-3.3.2-14] wildcard in response topic', 0x82, 5, packet(0x30, 'a', properties([0x08], 'a/+'))],
  ['empty response topic', 0x82, 5, packet(0x30, 'a', properties([0x08], ''))],
  ['v5 [MQTT-3.3.2-13] response topic not UTF-8', 0x81, 5, packet(0x30, 'a', properties([0x08, 0, 1, 0xff]))],
  ['v5 [MQTT-3.3.2-19] content type not UTF-8', 0x81, 5, packet(0x30, 'a', properties([0x03, 0, 1, 0x80]))],
  [
    'v5 [MQTT-1.5.7-1] user property with U+0000',
    0x81,
    5,
    packet(0x30, 'a', properties([0x26], 'n', [0, 1, 0])),
  ],
  ['user property without value', 0x81, 5, packet(0x30, 'a', properties([0x26], 'n'))],
];

for (const [title, code, version, bytes] of refused) {
  test(`PUBLISH refused with ${code.toString(16)}: ${title}`, (t) => {
    for (const each of version === 0 ? VERSIONS : [version])
      t.is(decode(bytes, each, viewAt(0)), code, `version ${each}`);
  });
}

test('in 3.x DUP with QoS 0 is let pass and forgotten', (t) => {
  for (const version of [3, 4] as const) {
    const view = viewAt(0);
    t.is(decode(packet(0x38, 'a'), version, view), 0);
    t.false(view.dup);
  }
});

test('QoS 3 is refused by the decoder too', (t) => {
  const bytes = packet(0x36, 'a', [0, 1, 0]);
  t.is(decodePublish(bytes, 0x36, 2, bytes.length, 5, viewAt(0)), 0x81);
});

/** A property of this identifier with a valid value; null for identifiers that do not exist. */
function sample(id: number): Buffer | null {
  const row = PROPERTIES.find((each) => each.id === id);
  switch (row?.type) {
    case 'byte':
      return Buffer.from([id, 1]);
    case 'uint16':
      return Buffer.from([id, 0, 1]);
    case 'uint32':
      return Buffer.from([id, 0, 0, 0, 1]);
    case 'varint':
      return Buffer.from([id, 1]);
    case 'string':
    case 'binary':
      return Buffer.from([id, 0, 1, 0x61]);
    case 'pair':
      return Buffer.from([id, 0, 1, 0x61, 0, 1, 0x62]);
    default:
      return null;
  }
}

test('PUBLISH takes the properties that the table gives it, and each but the user property once', (t) => {
  for (let id = 0; id < 256; id++) {
    const one = sample(id);
    const row = PROPERTIES.find((each) => each.id === id);
    if (one === null || !row?.places.includes(3)) {
      t.is(decode(packet(0x30, 'a', properties(one ?? [id, 0])), 5, viewAt(0)), 0x81, `property ${id}`);
    } else if (id !== 0x0b) {
      t.is(decode(packet(0x30, 'a', properties(one)), 5, viewAt(0)), 0, `property ${id}`);
      t.is(
        decode(packet(0x30, 'a', properties(one, one)), 5, viewAt(0)),
        id === 0x26 ? 0 : 0x82,
        `twice ${id}`,
      );
    }
  }
});

test('v5 [MQTT-3.3.2-6] the expiry that is left is rounded up, and 0 only when it is over', (t) => {
  t.is(expirySecondsLeft(Number.POSITIVE_INFINITY, 5), -1);
  t.is(expirySecondsLeft(10_000, 5_000), 5);
  t.is(expirySecondsLeft(10_000, 5_001), 5);
  t.is(expirySecondsLeft(10_000, 9_999), 1);
  t.is(expirySecondsLeft(10_000, 10_000), 0);
});

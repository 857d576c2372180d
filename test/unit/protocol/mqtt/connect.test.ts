import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { generate, type IConnectPacket } from 'mqtt-packet';
import type { ConnectResult } from '../../../../src/protocol/mqtt/connect.js';
import { decodeConnect, peekClientId } from '../../../../src/protocol/mqtt/decode-connect.js';
import type { UserProperty } from '../../../../src/protocol/mqtt/properties.js';
import { decodeUserProperties } from '../../../../src/protocol/mqtt/property-reader.js';
import {
  blob,
  frameOf,
  packet,
  properties,
  text,
  topicName,
  uint16,
  userProperties,
  VERSIONS,
} from './wire.js';

function decode(bytes: Buffer): ConnectResult {
  const frame = frameOf(bytes);
  return decodeConnect(bytes, frame.bodyStart, frame.bodyEnd);
}

function reasonOf(bytes: Buffer): number {
  const result = decode(bytes);
  return result.ok ? 0 : result.reason;
}

const NAME5 = ['MQTT', [5]] as const;
const NAME4 = ['MQTT', [4]] as const;
const NAME3 = ['MQIsdp', [3]] as const;
const KEEP_ALIVE = uint16(60);

/** CONNECT of MQTT 5 with flags and properties, ClientId `c`. */
const five = (flags: number, props: Buffer, ...rest: (string | readonly number[] | Buffer)[]): Buffer =>
  packet(0x10, ...NAME5, [flags], KEEP_ALIVE, props, 'c', ...rest);
const four = (flags: number, ...payload: (string | readonly number[] | Buffer)[]): Buffer =>
  packet(0x10, ...NAME4, [flags], KEEP_ALIVE, ...payload);

const pairs = (groups: Record<string, string[]> | undefined): UserProperty[] =>
  Object.entries(groups ?? {}).flatMap(([name, values]) => values.map((value) => [name, value] as const));

const some = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });

/** `mqtt-packet` wants absent keys, not undefined ones. */
function present<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;
}

const connectProperties = fc.record({
  sessionExpiryInterval: some(fc.nat(0xffff_ffff)),
  receiveMaximum: some(fc.integer({ min: 1, max: 0xffff })),
  maximumPacketSize: some(fc.integer({ min: 1, max: 0xffff_ffff })),
  topicAliasMaximum: some(fc.nat(0xffff)),
  requestResponseInformation: some(fc.boolean()),
  requestProblemInformation: some(fc.boolean()),
  userProperties: some(userProperties()),
  authenticationMethod: some(text()),
});

const wills = fc.record({
  topic: topicName(),
  payload: blob(30),
  qos: fc.constantFrom(0, 1, 2) as fc.Arbitrary<0 | 1 | 2>,
  retain: fc.boolean(),
  properties: fc.record({
    willDelayInterval: some(fc.nat(0xffff_ffff)),
    payloadFormatIndicator: some(fc.boolean()),
    messageExpiryInterval: some(fc.nat(0xffff_ffff)),
    contentType: some(text()),
    responseTopic: some(topicName()),
    correlationData: some(blob(8)),
    userProperties: some(userProperties()),
  }),
});

const connects = fc
  .record({
    version: fc.constantFrom(...VERSIONS),
    clean: fc.boolean(),
    keepalive: fc.nat(0xffff),
    clientId: text(10).map((value) => `c${value}`),
    username: some(text()),
    password: some(blob(10)),
    will: some(wills),
    properties: connectProperties,
  })
  .map(({ version, will, properties: props, password, ...rest }): IConnectPacket => {
    const is5 = version === 5;
    return present({
      cmd: 'connect',
      ...rest,
      protocolVersion: version,
      protocolId: version === 3 ? 'MQIsdp' : 'MQTT',
      password: rest.username === undefined ? undefined : password,
      will: will && { ...will, properties: is5 ? present(will.properties) : undefined },
      properties: is5 ? present(props) : undefined,
    } as IConnectPacket);
  });

test('CONNECT is decoded as mqtt-packet has written it, in every version and with every property', (t) => {
  fc.assert(
    fc.property(connects, (wanted) => {
      const bytes = generate(wanted);
      const result = decode(bytes);
      assert.ok(result.ok);
      const { connect } = result;
      const props = wanted.properties ?? {};
      const { will, userProperties: pairBytes, ...others } = connect;
      const users = pairs(props.userProperties as Record<string, string[]> | undefined);
      assert.deepEqual(decodeUserProperties(pairBytes, 100), users);
      assert.deepEqual(others, {
        version: wanted.protocolVersion,
        bridge: false,
        cleanStart: wanted.clean,
        keepAliveSeconds: wanted.keepalive,
        clientId: wanted.clientId,
        username: wanted.username ?? null,
        password: wanted.password ?? null,
        sessionExpirySeconds:
          props.sessionExpiryInterval ?? (wanted.protocolVersion === 5 || wanted.clean ? 0 : 0xffff_ffff),
        receiveMaximum: props.receiveMaximum ?? 65_535,
        maximumPacketBytes: Math.min(props.maximumPacketSize ?? 268_435_460, 268_435_460),
        topicAliasMaximum: props.topicAliasMaximum ?? 0,
        requestResponseInformation: props.requestResponseInformation ?? false,
        requestProblemInformation: props.requestProblemInformation ?? true,
        authenticationMethod: props.authenticationMethod ?? null,
        authenticationData: null,
      });
      assert.equal(will === null, wanted.will === undefined);
      if (will !== null && wanted.will !== undefined) {
        const wp = wanted.will.properties ?? {};
        assert.equal(will.topic.toString('utf8'), wanted.will.topic);
        assert.deepEqual(will.payload, wanted.will.payload);
        assert.equal(will.qos, wanted.will.qos);
        assert.equal(will.retain, wanted.will.retain);
        assert.equal(will.delaySeconds, wp.willDelayInterval ?? 0);
        assert.equal(will.expirySeconds, wp.messageExpiryInterval ?? -1);
      }
      assert.deepEqual(peekClientId(bytes, 0, bytes.length), { clientId: wanted.clientId, mayAssign: false });
    }),
    { numRuns: 300 },
  );
  t.pass();
});

test('v5 [MQTT-3.1.3-10] properties of a will travel in wire form and order, without delay and expiry', (t) => {
  const travelling = [
    [0x26],
    'b',
    '',
    [0x26],
    'a',
    '1',
    [0x01, 1],
    [0x26],
    'b',
    '2',
    [0x03],
    'type',
  ] as const;
  const bytes = five(
    0x06,
    properties(),
    properties([0x18, 0, 0, 0, 9], ...travelling.slice(0, 6), [0x02, 0, 0, 0, 5], ...travelling.slice(6)),
    'will/topic',
    'gone',
  );
  const result = decode(bytes);
  assert.ok(result.ok);
  t.deepEqual(result.connect.will?.properties, properties(...travelling).subarray(1));
  t.is(result.connect.will?.delaySeconds, 9);
  t.is(result.connect.will?.expirySeconds, 5);
});

test('user properties of CONNECT keep their order, repeated names and empty values', (t) => {
  const result = decode(
    five(2, properties([0x26], 'b', '1', [0x26], 'a', '', [0x21, 0, 1, 0x26], 'b', '', [0x26], '1', 'x')),
  );
  assert.ok(result.ok);
  t.deepEqual(decodeUserProperties(result.connect.userProperties, 3), [
    ['b', '1'],
    ['a', ''],
    ['b', ''],
  ]);
});

test('a bridge sets the highest bit of the protocol level', (t) => {
  for (const [name, level, version] of [
    ['MQIsdp', 0x83, 3],
    ['MQTT', 0x84, 4],
  ] as const) {
    const result = decode(packet(0x10, name, [level, 2], KEEP_ALIVE, 'c'));
    assert.ok(result.ok);
    t.true(result.connect.bridge);
    t.is(result.connect.version, version);
  }
});

test('[MQTT-3.1.2-2] a level above 5 is answered as in 5, one below as in 3.1.1, [MQTT-3.1.2-1] an unknown name not at all', (t) => {
  for (const [name, level, version] of [
    ['MQTT', 3, 4],
    ['MQTT', 6, 5],
    ['MQTT', 0, 4],
    ['MQIsdp', 4, 4],
    ['MQTT', 0x86, 5],
  ] as const) {
    t.deepEqual(decode(packet(0x10, name, [level, 2], KEEP_ALIVE, 'c')), {
      ok: false,
      reason: 0x84,
      version,
    });
  }
  t.deepEqual(decode(packet(0x10, 'MQTX', [4, 2], KEEP_ALIVE, 'c')), {
    ok: false,
    reason: 0x84,
    version: null,
  });
  t.deepEqual(decode(packet(0x10, 'mqtt', [4, 2], KEEP_ALIVE, 'c')), {
    ok: false,
    reason: 0x84,
    version: null,
  });
  t.deepEqual(decode(packet(0x10, [0, 9, 1])), { ok: false, reason: 0x81, version: null });
});

test('a refusal says in which version to answer', (t) => {
  t.deepEqual(decode(packet(0x10, ...NAME3, [3], KEEP_ALIVE, 'c')), { ok: false, reason: 0x81, version: 3 });
  t.deepEqual(decode(four(3, 'c')), { ok: false, reason: 0x81, version: 4 });
  t.deepEqual(decode(five(3, properties())), { ok: false, reason: 0x81, version: 5 });
});

const will = (...parts: (string | readonly number[] | Buffer)[]): Buffer =>
  five(0x06, properties(), ...parts);

const refused: readonly [title: string, code: number, bytes: Buffer][] = [
  ['[MQTT-3.1.2-3] reserved flag', 0x81, four(0x03, 'c')],
  ['v3 [MQTT-3.1.2-13] v5 [MQTT-3.1.2-11] will QoS without will', 0x81, four(0x0a, 'c')],
  ['v3 [MQTT-3.1.2-15] v5 [MQTT-3.1.2-13] will retain without will', 0x81, four(0x22, 'c')],
  ['v3 [MQTT-3.1.2-14] v5 [MQTT-3.1.2-12] will QoS 3', 0x81, four(0x1e, 'c', 't', 'p')],
  ['v3 [MQTT-3.1.2-22] password without user name', 0x81, four(0x42, 'c', 'pw')],
  ['v3 [MQTT-3.1.2-9] will flag without will', 0x81, four(0x06, 'c')],
  ['v3 [MQTT-3.1.2-11] will without will flag', 0x81, four(0x02, 'c', 't', 'p')],
  ['v3 [MQTT-3.1.2-18] user name without flag', 0x81, four(0x02, 'c', 'u')],
  ['v3 [MQTT-3.1.2-19] user name flag without user name', 0x81, four(0x82, 'c')],
  ['v3 [MQTT-3.1.2-20] password without flag', 0x81, four(0x82, 'c', 'u', 'pw')],
  ['v3 [MQTT-3.1.2-21] password flag without password', 0x81, four(0xc2, 'c', 'u')],
  ['[MQTT-3.1.3-3] no ClientId', 0x81, four(0x02)],
  ['[MQTT-3.1.3-4] ClientId not UTF-8', 0x81, four(0x02, [0, 1, 0xc0])],
  ['v3 [MQTT-1.5.3-2] v5 [MQTT-1.5.4-2] ClientId with U+0000', 0x81, four(0x02, 'a\u0000')],
  ['v3 [MQTT-3.1.3-8] empty ClientId with clean session 0', 0x85, four(0x00, '')],
  ['MQTT 3.1: empty ClientId', 0x85, packet(0x10, ...NAME3, [2], KEEP_ALIVE, '')],
  ['v3 [MQTT-3.1.3-10] v5 [MQTT-3.1.3-11] will topic not UTF-8', 0x81, four(0x06, 'c', [0, 1, 0xff], 'p')],
  ['will topic with wildcard', 0x90, four(0x06, 'c', 'a/#', 'p')],
  ['empty will topic', 0x90, four(0x06, 'c', '', 'p')],
  ['v3 [MQTT-3.1.3-11] v5 [MQTT-3.1.3-12] user name not UTF-8', 0x81, four(0x82, 'c', [0, 1, 0xff])],
  ['cut off behind the protocol name', 0x81, packet(0x10, 'MQTT')],
  ['cut off before the flags', 0x81, packet(0x10, 'MQTT', [4])],
  ['cut off in keep alive', 0x81, packet(0x10, 'MQTT', [4, 2, 0])],
  ['no properties', 0x81, packet(0x10, ...NAME5, [2], KEEP_ALIVE)],
  ['properties longer than the packet', 0x81, packet(0x10, ...NAME5, [2], KEEP_ALIVE, [9], 'c')],
  ['property of another packet', 0x81, five(2, properties([0x23, 0, 1]))],
  ['unknown property', 0x81, five(2, properties([0x30]))],
  ['property cut off', 0x81, five(2, properties([0x11, 0, 0]))],
  ['session expiry twice', 0x82, five(2, properties([0x11, 0, 0, 0, 1, 0x11, 0, 0, 0, 1]))],
  ['receive maximum 0', 0x82, five(2, properties([0x21, 0, 0]))],
  ['maximum packet size 0', 0x82, five(2, properties([0x27, 0, 0, 0, 0]))],
  ['request response information 2', 0x82, five(2, properties([0x19, 2]))],
  ['request problem information 2', 0x82, five(2, properties([0x17, 2]))],
  ['authentication data without method', 0x82, five(2, properties([0x16], 'data'))],
  ['user property not UTF-8', 0x81, five(2, properties([0x26, 0, 1, 0xff], 'x'))],
  ['v5 [MQTT-3.1.2-9] will without properties', 0x81, will()],
  ['will delay twice', 0x82, will(properties([0x18, 0, 0, 0, 1, 0x18, 0, 0, 0, 1]), 't', 'p')],
  ['property of CONNECT in the will', 0x81, will(properties([0x21, 0, 1]), 't', 'p')],
  ['will payload format 2', 0x82, will(properties([0x01, 2]), 't', 'p')],
  ['wildcard in the response topic of the will', 0x82, will(properties([0x08], 'a/+'), 't', 'p')],
  ['bytes behind the end', 0x81, five(2, properties(), [0])],
];

for (const [title, code, bytes] of refused) {
  test(`CONNECT refused with ${code.toString(16)}: ${title}`, (t) => t.is(reasonOf(bytes), code));
}

test('v5 [MQTT-3.1.2-19] a password without user name is allowed', (t) => {
  const result = decode(five(0x42, properties(), 'pw'));
  assert.ok(result.ok);
  t.deepEqual(result.connect.password, Buffer.from('pw'));
  t.is(result.connect.username, null);
});

test('MQTT 3.1 lets a user name be missing although its flag is set', (t) => {
  const result = decode(packet(0x10, ...NAME3, [0xc2], KEEP_ALIVE, 'c'));
  assert.ok(result.ok);
  t.is(result.connect.username, null);
  t.is(result.connect.password, null);
});

test('v3 [MQTT-3.1.3-6] v5 [MQTT-3.1.3-6] an empty ClientId may be assigned in 5, and in 3.1.1 with clean session', (t) => {
  const may = (bytes: Buffer): boolean => peekClientId(bytes, 0, bytes.length).mayAssign;
  t.true(may(packet(0x10, ...NAME5, [0], KEEP_ALIVE, properties(), '')));
  t.true(may(four(2, '')));
  t.false(may(four(0, '')));
  t.false(may(packet(0x10, ...NAME3, [2], KEEP_ALIVE, '')));
  t.is(reasonOf(packet(0x10, ...NAME5, [0], KEEP_ALIVE, properties(), '')), 0);
  t.is(reasonOf(four(2, '')), 0);
});

test('a peek finds the ClientId that the decoder finds, and nothing in what is no CONNECT', (t) => {
  const props = properties([0x26], 'a', 'b', [0x11, 0, 0, 0, 1]);
  const bytes = Buffer.concat([
    Buffer.from([9]),
    packet(0x10, ...NAME5, [2], KEEP_ALIVE, props, 'me'),
    Buffer.from([9]),
  ]);
  t.is(peekClientId(bytes, 1, bytes.length).clientId, 'me');
  t.is(peekClientId(bytes, 1, bytes.length - 4).clientId, null);
  t.is(peekClientId(packet(0x30, 'a'), 0, 5).clientId, null);
  t.is(peekClientId(Buffer.alloc(0), 0, 0).clientId, null);
  t.is(peekClientId(packet(0x10, 'MQTT', [9, 2], KEEP_ALIVE, 'c'), 0, 15).clientId, null);
  t.is(peekClientId(four(2, [0, 1, 0xff]), 0, 15).clientId, null);
});

test('what a CONNECT gives out is a copy', (t) => {
  const bytes = four(0xc6, 'c', 'topic', 'payload', 'user', 'secret');
  const result = decode(bytes);
  bytes.fill(0);
  assert.ok(result.ok);
  t.is(result.connect.password?.toString(), 'secret');
  t.is(result.connect.will?.topic.toString(), 'topic');
  t.is(result.connect.will?.payload.toString(), 'payload');
});

/**
 * Malformed, oversize and out-of-order packets on a broker that others use: each ends its own connection with the right
 * code, and the others do not notice.
 */
import { rmSync } from 'node:fs';
import test from 'ava';
import type { RunningBroker } from '../../src/broker.js';
import * as packets from '../helpers/packets.js';
import { field, packet, u16, type Version } from '../helpers/wire.js';
import { RecordingLogger, startTestBroker, tempDirectory } from '../helpers/with-broker.js';
import { SeamBench } from '../seams/bench.js';
import { SeamRemote } from '../seams/remote.js';
import { Flow } from './flow.js';
import { TurnWatch } from './turn-watch.js';

const directory = tempDirectory();
const logger = new RecordingLogger();
let broker: RunningBroker;
let bench: SeamBench;
let flows: Flow[] = [];
let watch: TurnWatch;

test.before(async () => {
  broker = await startTestBroker({ logger }, directory);
  bench = new SeamBench(broker, new SeamRemote(), logger);
  flows = [
    await Flow.start(bench, { from: 0, to: 1, qos: 1 }),
    await Flow.start(bench, { from: 1, to: 1, qos: 2, version: 4 }),
  ];
  watch = new TurnWatch(broker);
});

test.after.always('none of it was noticed by others, nor held a shard for long', async (t) => {
  try {
    for (const flow of flows) {
      await flow.goesOn();
      t.deepEqual(await flow.stop(), []);
    }
  } finally {
    await watch.stop(t);
    bench.drop();
    await broker.stop();
    rmSync(directory, { recursive: true, force: true });
  }
});

type Make = (version: Version) => Uint8Array | readonly number[];

/** What a client may send instead of its CONNECT; 3.x gets no answer, and 5 only where its version is known. */
const FIRST: readonly [string, Make][] = [
  ['a length of five bytes', () => [0x10, 0xff, 0xff, 0xff, 0xff, 0x01]],
  ['a CONNECT of 256 MB', () => [0x10, 0xff, 0xff, 0xff, 0x7f]],
  ['a CONNECT with reserved bits', (version) => with0(packets.connect({ version, clientId: 'a' }), 0x11)],
  ['a packet of type 0', () => [0x00, 0x00]],
  ['a PINGREQ', () => packets.PINGREQ],
  ['a PUBLISH', (version) => packets.publish(version, { topic: 'a' })],
  ['half a CONNECT in a whole frame', () => packet(0x10, field('MQTT'), [4])],
  ['nothing in a CONNECT', () => packet(0x10)],
];

for (const [what, make] of FIRST) {
  test(`${what} instead of CONNECT: closed`, async (t) => {
    for (const version of [4, 5] as const) {
      const client = await bench.open(version);
      client.send(make(version));
      await t.notThrowsAsync(client.expectClosed());
    }
  });
}

const TEXTS: readonly [string, Buffer][] = [
  ['wrong UTF-8', Buffer.from([0x61, 0xff, 0x62])],
  ['UTF-8 that ends early', Buffer.from([0x61, 0xe2, 0x82])],
  ['overlong UTF-8', Buffer.from([0xc0, 0xaf])],
  ['a surrogate', Buffer.from([0xed, 0xa0, 0x80])],
  ['U+0000', Buffer.from([0x61, 0x00])],
];
const DUPLICATE_ALIAS = Buffer.from([0x23, 0, 1, 0x23, 0, 1]);

/** Packets of a connected client: what is wrong, the reason code of 5, the packet. */
const THEN: readonly [string, number, Make][] = [
  ['a length of five bytes', 0x81, () => [0x30, 0xff, 0xff, 0xff, 0xff, 0x01]],
  ['256 MB announced', 0x95, () => [0x30, 0xff, 0xff, 0xff, 0x7f]],
  ['packet id 0 in PUBLISH', 0x82, (v) => packets.publish(v, { topic: 'a', qos: 1, id: 0 })],
  ['packet id 0 in SUBSCRIBE', 0x82, (v) => packets.subscribe(v, 0, [['a', 0]])],
  ['packet id 0 in UNSUBSCRIBE', 0x82, (v) => packets.unsubscribe(v, 0, ['a'])],
  ['a second CONNECT', 0x82, (version) => packets.connect({ version, clientId: 'second' })],
  ['type 0', 0x81, () => [0x00, 0x00]],
  ['QoS 3', 0x81, (v) => with0(packets.publish(v, { topic: 'a', qos: 1 }), 0x36)],
  ['reserved bits in PUBACK', 0x81, () => with0(packets.ack('puback', 1), 0x41)],
  ['reserved bits in SUBSCRIBE', 0x81, (v) => with0(packets.subscribe(v, 1, [['a', 0]]), 0x80)],
  ['reserved bits in PUBREL', 0x81, () => with0(packets.ack('pubrel', 1), 0x60)],
  ['a packet that only servers send', 0x82, () => [0xd0, 0x00]],
  ['a SUBSCRIBE without filters', 0x82, (v) => packets.subscribe(v, 1, [])],
  ['a SUBSCRIBE cut short', 0x81, (v) => cut(packets.subscribe(v, 1, [['abc', 0]]), 2)],
  ['a PUBLISH whose topic is longer than it', 0x81, () => packet(0x30, u16(500), [1, 2, 3])],
  ['a SUBSCRIBE of one byte', 0x81, () => packet(0x82, [0])],
  ['a topic with wildcards', 0x90, (v) => packets.publish(v, { topic: 'a/#' })],
  ['a topic of 32,000 levels', 0x90, (v) => packets.publish(v, { topic: '/'.repeat(32_000) })],
  ['65,535 slashes', 0x90, (v) => packets.publish(v, { topic: '/'.repeat(65_535) })],
  ...TEXTS.map(
    ([what, topic]) =>
      [`${what} in a topic`, 0x81, (v) => packets.publish(v, { topic })] as [string, number, Make],
  ),
  ...TEXTS.map(
    ([what, filter]) =>
      [`${what} in a filter`, 0x81, (v) => packets.subscribe(v, 1, [[filter, 0]])] as [string, number, Make],
  ),
];

const THEN_5: readonly [string, number, Make][] = [
  ['a property twice', 0x82, () => packets.publish(5, { topic: 'a', properties: DUPLICATE_ALIAS })],
  [
    'a property of another packet',
    0x81,
    () => packets.publish(5, { topic: 'a', properties: Buffer.from([0x21, 0, 1]) }),
  ],
  ['an unknown property', 0x81, () => packets.publish(5, { topic: 'a', properties: Buffer.from([0x7f, 0]) })],
  ['properties longer than the packet', 0x81, () => packet(0x30, field('a'), [100, 0x23])],
  ['alias 0', 0x94, () => packets.publish(5, { topic: 'a', properties: { topicAlias: 0 } })],
  [
    'an alias above the maximum',
    0x94,
    () => packets.publish(5, { topic: 'a', properties: { topicAlias: 65_535 } }),
  ],
  [
    'an alias that was never set',
    0x82,
    () => packets.publish(5, { topic: '', properties: { topicAlias: 3 } }),
  ],
  ['reserved subscription options', 0x81, () => packets.subscribe(5, 1, [['a', 0xc0]])],
  ['a subscription identifier of 0', 0x82, () => packets.subscribe(5, 1, [['a', 0]], Buffer.from([0x0b, 0]))],
  ['No Local on a shared subscription', 0x82, () => packets.subscribe(5, 1, [['$share/g/a', 4]])],
  ['AUTH that nothing has begun', 0x82, () => packets.auth(0x18, { authenticationMethod: 'x' })],
];

for (const version of [3, 4, 5] as const) {
  for (const [what, code, make] of version === 5 ? [...THEN, ...THEN_5] : THEN) {
    test(`level ${version}: ${what} ends the connection`, async (t) => {
      const client = await bench.connect(0, version);
      const before = logger.lines.length;
      // What comes behind it is not looked at.
      client.send(make(version), packets.PINGREQ);
      await t.notThrowsAsync(client.expectEnd(code));
      const lines = logger.lines.slice(before).filter(({ fields }) => fields['clientId'] === client.clientId);
      t.true(
        lines.length <= 1 && lines.every(({ message }) => !message.includes('\n')),
        JSON.stringify(lines),
      );
    });
  }
}

function with0(bytes: Uint8Array, firstByte: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[0] = firstByte;
  return copy;
}

/** Takes bytes off the end and shortens the frame by as much. */
function cut(bytes: Buffer, count: number): Buffer {
  const copy = Buffer.from(bytes.subarray(0, bytes.length - count));
  copy[1]! -= count;
  return copy;
}

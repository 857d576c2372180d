/**
 * Nanoseconds per packet of our codec and of `mqtt-packet`: `node dist/perf/micro/codec.js`. Each figure is
 * the best of several rounds, over many packets with different content so that no branch is learned by heart.
 * One thread.
 */
import { generate, type IConnectPacket, type IPublishPacket, parser } from 'mqtt-packet';
import { Ack, decodeAck } from '../../src/protocol/mqtt/decode-ack.js';
import { decodeConnect } from '../../src/protocol/mqtt/decode-connect.js';
import { decodePublish } from '../../src/protocol/mqtt/decode-publish.js';
import { writeAck } from '../../src/protocol/mqtt/encode-ack.js';
import { encodePublish, publishFrameBytes } from '../../src/protocol/mqtt/encode-publish.js';
import { FrameHeader, readFrame } from '../../src/protocol/mqtt/frame.js';
import type { AckType, ProtocolVersion } from '../../src/protocol/mqtt/packet-type.js';
import { PublishView } from '../../src/protocol/mqtt/publish-view.js';

const PACKETS = 1000;
const ROUNDS = 12;
const ROUND_PACKETS = 200_000;
const SLOW_ROUND_PACKETS = 20_000;
const MAX = 268_435_460;

const frame = new FrameHeader();
const view = new PublishView();
view.nowMs = Date.now();
const out = Buffer.allocUnsafeSlow(64 << 10);
let sink = 0;

/** Runs `work` over a chunk of whole packets, which it walks as a connection does. */
function walk(chunk: Buffer, work: (chunk: Buffer) => void): void {
  for (let at = 0; at < chunk.length; at = frame.bodyEnd) {
    if (readFrame(chunk, at, chunk.length, MAX, frame) !== 0) throw new Error('not a packet');
    work(chunk);
  }
}

function bestNs(packets: number, round: () => void): string {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < ROUNDS; i++) {
    const start = process.hrtime.bigint();
    let done = 0;
    for (; done < packets; done += PACKETS) round();
    best = Math.min(best, Number(process.hrtime.bigint() - start) / done);
  }
  return best.toFixed(best < 100 ? 1 : 0).padStart(9);
}

interface Shape {
  readonly title: string;
  readonly version: ProtocolVersion;
  readonly qos: 0 | 1 | 2;
  readonly payloadBytes: number;
  readonly properties?: IPublishPacket['properties'];
}

const SHAPES: readonly Shape[] = [
  { title: '3.1.1 QoS 0, 64 bytes', version: 4, qos: 0, payloadBytes: 64 },
  { title: '3.1.1 QoS 1, 64 bytes', version: 4, qos: 1, payloadBytes: 64 },
  { title: '5 QoS 1, 64 bytes, no properties', version: 5, qos: 1, payloadBytes: 64 },
  {
    title: '5 QoS 1, 64 bytes, expiry and user property',
    version: 5,
    qos: 1,
    payloadBytes: 64,
    properties: { messageExpiryInterval: 60, userProperties: { trace: '0123456789abcdef' } },
  },
  { title: '3.1.1 QoS 0, 1 KiB', version: 4, qos: 0, payloadBytes: 1024 },
];

function publishOf(shape: Shape, i: number): IPublishPacket {
  const payload = Buffer.alloc(shape.payloadBytes, i);
  const topic = `site/${i % 50}/device/${i}/temperature`;
  return {
    cmd: 'publish',
    topic,
    payload,
    qos: shape.qos,
    dup: false,
    retain: false,
    messageId: (i % 65_535) + 1,
    ...(shape.properties === undefined ? {} : { properties: shape.properties }),
  };
}

function decodeOne(chunk: Buffer, version: ProtocolVersion): void {
  sink += decodePublish(chunk, frame.firstByte, frame.bodyStart, frame.bodyEnd, version, view);
}

function measurePublish(shape: Shape): void {
  const { version, qos } = shape;
  const options = { protocolVersion: version };
  const packets = Array.from({ length: PACKETS }, (_, i) => publishOf(shape, i));
  const frames = packets.map((packet) => generate(packet, options));
  const chunk = Buffer.concat(frames);
  const decode = bestNs(ROUND_PACKETS, () => walk(chunk, (bytes) => decodeOne(bytes, version)));
  const keep = bestNs(ROUND_PACKETS, () =>
    walk(chunk, (bytes) => {
      decodeOne(bytes, version);
      sink += view.message().topicEnd;
    }),
  );
  const through = bestNs(ROUND_PACKETS, () =>
    walk(chunk, (bytes) => {
      decodeOne(bytes, version);
      const size = publishFrameBytes(view, version, qos, null, 0, true, view.expirySeconds);
      sink +=
        size - encodePublish(out, 0, view, version, qos, false, false, 7, null, 0, true, view.expirySeconds);
    }),
  );
  const reader = parser(options);
  reader.on('packet', () => sink++);
  const theirDecode = bestNs(SLOW_ROUND_PACKETS, () => {
    for (const bytes of frames) reader.parse(bytes);
  });
  const theirEncode = bestNs(SLOW_ROUND_PACKETS, () => {
    for (const packet of packets) sink += generate(packet, options).length;
  });
  print(shape.title, decode, keep, through, theirDecode, theirEncode);
}

function print(title: string, ...cells: readonly string[]): void {
  process.stdout.write(`${title.padEnd(44)}${cells.map((cell) => cell.padStart(14)).join('')}\n`);
}

function measureAcks(): void {
  const type: AckType = 4;
  const options = { protocolVersion: 4 };
  const frames = Array.from({ length: PACKETS }, (_, i) =>
    generate({ cmd: 'puback', messageId: i + 1 }, options),
  );
  const chunk = Buffer.concat(frames);
  const ack = new Ack();
  const decode = bestNs(ROUND_PACKETS, () =>
    walk(chunk, (bytes) => {
      sink += decodeAck(bytes, type, frame.bodyStart, frame.bodyEnd, 4, ack) + ack.packetId;
    }),
  );
  const through = bestNs(ROUND_PACKETS, () =>
    walk(chunk, (bytes) => {
      sink += decodeAck(bytes, type, frame.bodyStart, frame.bodyEnd, 4, ack);
      sink += writeAck(out, 0, type, ack.packetId, 0, 4);
    }),
  );
  const reader = parser(options);
  reader.on('packet', () => sink++);
  const theirDecode = bestNs(SLOW_ROUND_PACKETS, () => {
    for (const bytes of frames) reader.parse(bytes);
  });
  const theirEncode = bestNs(SLOW_ROUND_PACKETS, () => {
    for (let i = 0; i < PACKETS; i++) sink += generate({ cmd: 'puback', messageId: i + 1 }, options).length;
  });
  print('3.1.1 PUBACK', decode, '-', through, theirDecode, theirEncode);
}

function measureConnect(version: 4 | 5): void {
  const packet: IConnectPacket = {
    cmd: 'connect',
    clientId: 'device-123456',
    protocolVersion: version,
    protocolId: 'MQTT',
    clean: true,
    keepalive: 60,
    username: 'user',
    password: Buffer.from('secret'),
    ...(version === 5 ? { properties: { sessionExpiryInterval: 100, receiveMaximum: 20 } } : {}),
  };
  const bytes = generate(packet);
  const decode = bestNs(SLOW_ROUND_PACKETS, () => {
    for (let i = 0; i < PACKETS; i++) {
      readFrame(bytes, 0, bytes.length, MAX, frame);
      sink += decodeConnect(bytes, frame.bodyStart, frame.bodyEnd).ok ? 1 : 0;
    }
  });
  const reader = parser();
  reader.on('packet', () => sink++);
  const theirDecode = bestNs(SLOW_ROUND_PACKETS, () => {
    for (let i = 0; i < PACKETS; i++) reader.parse(bytes);
  });
  print(
    `${version === 5 ? '5' : '3.1.1'} CONNECT with name and password`,
    decode,
    '-',
    '-',
    theirDecode,
    '-',
  );
}

print('ns per packet', 'decode', 'and store', 'and encode', 'theirs: decode', 'encode');
for (const shape of SHAPES) measurePublish(shape);
measureAcks();
measureConnect(4);
measureConnect(5);
if (sink === 0) throw new Error('nothing was measured');

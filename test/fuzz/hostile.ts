/** Streams that were thought of rather than found: each is named after what it tries. */
import mqttPacket from 'mqtt-packet';
import type { Stream } from './streams.js';

const CONNECT_V4 = connect(4);
const CONNECT_V5 = connect(5);
const HUGE = [0xff, 0xff, 0xff, 0x7f] as const;

export const HOSTILE: Readonly<Record<string, Stream>> = {
  'a length of five bytes': [CONNECT_V4, bytes(0x30, 0xff, ...HUGE)],
  'a CONNECT of 256 MB, of which a little comes': [bytes(0x10, ...HUGE), Buffer.alloc(100_000)],
  'a PUBLISH of 256 MB, of which a little comes': [CONNECT_V4, bytes(0x30, ...HUGE), Buffer.alloc(100_000)],
  'a topic of 65,535 slashes': [CONNECT_V5, packet(0x30, text('/'.repeat(65_535)), bytes(0))],
  'a filter of 32,000 levels': [CONNECT_V4, packet(0x82, bytes(0, 1), text('a/'.repeat(32_000)), bytes(0))],
  'a filter of 32,000 wildcards': [
    CONNECT_V4,
    packet(0x82, bytes(0, 1), text('+/'.repeat(32_000)), bytes(0)),
  ],
  '20,000 filters in one SUBSCRIBE': [CONNECT_V4, manyFilters(20_000)],
  'a property twice': [CONNECT_V5, packet(0x30, text('fuzz'), bytes(4, 0x01, 0, 0x01, 0))],
  'a property length beyond the packet': [CONNECT_V5, packet(0x30, text('fuzz'), bytes(...HUGE))],
  'packet identifier 0': [CONNECT_V4, packet(0x32, text('fuzz'), bytes(0, 0))],
  'a second CONNECT': [CONNECT_V4, CONNECT_V4],
  'reserved bits': [CONNECT_V4, bytes(0x8d, 5, 0, 1, 0, 1, 0x61)],
  'QoS 3': [CONNECT_V4, packet(0x36, text('fuzz'), bytes(0, 1))],
  'wrong UTF-8 in a topic': [CONNECT_V4, packet(0x30, bytes(0, 2, 0xc3, 0x28))],
  'U+0000 in a topic': [CONNECT_V4, packet(0x30, bytes(0, 1, 0))],
  'a surrogate in a topic': [CONNECT_V4, packet(0x30, bytes(0, 3, 0xed, 0xa0, 0x80))],
  'topic alias 65,535 without a topic': [CONNECT_V5, packet(0x30, bytes(0, 0, 3, 0x23, 0xff, 0xff))],
  '5,000 PUBRELs for nothing': [CONNECT_V4, times(5_000, bytes(0x62, 2, 0, 9))],
  '20,000 pings at once': [CONNECT_V4, times(20_000, bytes(0xc0, 0))],
  'AUTH out of nowhere': [CONNECT_V5, bytes(0xf0, 0)],
  'packets that only servers send': [CONNECT_V4, bytes(0x20, 2, 0, 0), bytes(0xd0, 0)],
  HTTP: [Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
  'a connection without a byte': [],
};

function connect(protocolVersion: 4 | 5): Buffer {
  const clientId = `hostile${protocolVersion}`;
  return mqttPacket.generate({ cmd: 'connect', protocolVersion, clientId, clean: true, keepalive: 60 });
}

function bytes(...values: readonly number[]): Buffer {
  return Buffer.from(values);
}

function times(count: number, chunk: Buffer): Buffer {
  return Buffer.concat(new Array<Buffer>(count).fill(chunk));
}

function text(value: string): Buffer {
  const encoded = Buffer.from(value);
  return Buffer.concat([bytes(encoded.length >> 8, encoded.length & 0xff), encoded]);
}

function packet(header: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const head = [header];
  let rest = body.length;
  do {
    head.push(rest > 127 ? (rest & 127) | 128 : rest);
    rest >>>= 7;
  } while (rest > 0);
  return Buffer.concat([bytes(...head), body]);
}

function manyFilters(count: number): Buffer {
  const filters = Array.from({ length: count }, (_, i) => Buffer.concat([text(`+/+/${i}/+`), bytes(0)]));
  return packet(0x82, bytes(0, 1), ...filters);
}

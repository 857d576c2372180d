/** Builds packets byte by byte for the codec's tests, and asks `mqtt-packet` for its opinion. */
import fc from 'fast-check';
import { type Packet, parser } from 'mqtt-packet';
import { FrameHeader, readFrame } from '../../../../src/protocol/mqtt/frame.js';
import { PublishView } from '../../../../src/protocol/mqtt/publish-view.js';
import { writeVarint } from '../../../../src/protocol/mqtt/varint.js';

export type Part = Uint8Array | readonly number[] | string;

export const VERSIONS = [3, 4, 5] as const;

/** Bytes as they are; a text gets its two-byte length. */
export function bytesOf(...parts: readonly Part[]): Buffer {
  return Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? field(Buffer.from(part)) : Buffer.from(part))),
  );
}

/** Bytes behind their two-byte length. */
export function field(bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

export function varint(value: number): Buffer {
  const out = Buffer.alloc(4);
  return out.subarray(0, writeVarint(out, 0, value));
}

/** Properties behind their length. */
export function properties(...parts: readonly Part[]): Buffer {
  const bytes = bytesOf(...parts);
  return Buffer.concat([varint(bytes.length), bytes]);
}

export function packet(firstByte: number, ...parts: readonly Part[]): Buffer {
  const body = bytesOf(...parts);
  return Buffer.concat([Buffer.from([firstByte]), varint(body.length), body]);
}

export function uint16(value: number): number[] {
  return [value >> 8, value & 0xff];
}

/** Reads the header of a whole packet. */
export function frameOf(bytes: Buffer, at = 0, end = bytes.length): FrameHeader & { code: number } {
  const frame = new FrameHeader();
  const code = readFrame(bytes, at, end, 268_435_460, frame);
  return Object.assign(frame, { code });
}

export function viewAt(nowMs: number): PublishView {
  const view = new PublishView();
  view.nowMs = nowMs;
  return view;
}

/** What `mqtt-packet` makes of one packet; null when it refuses it or does not find it whole. */
export function oracle(bytes: Buffer, version: number): Packet | null {
  let found: Packet | null = null;
  const reader = parser({ protocolVersion: version });
  reader.on('packet', (parsed) => {
    found = parsed;
  });
  reader.on('error', () => {
    found = null;
  });
  reader.parse(bytes);
  return found;
}

/** Text that MQTT allows: no U+0000, no lone surrogates. */
export const text = (maxLength = 12): fc.Arbitrary<string> =>
  fc.string({ unit: 'binary', maxLength }).map((value) => value.replaceAll('\u0000', 'x'));

export const topicName = (): fc.Arbitrary<string> =>
  text(20).map((value) => `t${value.replaceAll(/[+#]/g, '/')}`);

export const blob = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));

/** At least one, distinct names and no empty value: `mqtt-packet` loses or refuses what else there can be. */
export const userProperties = (): fc.Arbitrary<Record<string, string[]>> =>
  fc.dictionary(
    text(6).map((name) => `n${name}`),
    fc.array(
      text(6).map((value) => `v${value}`),
      { minLength: 2, maxLength: 3 },
    ),
    { minKeys: 1, maxKeys: 3 },
  );

import test from 'ava';
import fc from 'fast-check';
import {
  FRAME_MALFORMED,
  FRAME_NEED_MORE,
  FRAME_OK,
  FRAME_TOO_LARGE,
  FrameHeader,
  readFrame,
} from '../../../../src/protocol/mqtt/frame.js';
import { readVarint, VARINT_MAX, varintBytes, writeVarint } from '../../../../src/protocol/mqtt/varint.js';
import { packet } from './wire.js';

test('a variable byte integer comes back as it was written, in the fewest bytes', (t) => {
  const out = Buffer.alloc(4);
  fc.assert(
    fc.property(
      fc.oneof(fc.nat(VARINT_MAX), fc.constantFrom(0, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152)),
      (value) => {
        const end = writeVarint(out, 0, value);
        return (
          end === varintBytes(value) &&
          readVarint(out, 0, end) === value &&
          readVarint(out, 0, end - 1) === -1
        );
      },
    ),
  );
  t.is(writeVarint(out, 0, VARINT_MAX), 4);
});

test('v5 [MQTT-1.5.5-1] a variable byte integer of five bytes or of more bytes than it needs is malformed', (t) => {
  const frame = new FrameHeader();
  for (const length of [
    [0x80, 0x80, 0x80, 0x80, 0x01],
    [0xff, 0xff, 0xff, 0xff],
    [0x80, 0x00],
    [0x81, 0x80, 0x00],
    [0x80, 0x80, 0x80, 0x00],
  ]) {
    const bytes = Buffer.from([0x30, ...length, 0, 0]);
    t.is(readFrame(bytes, 0, bytes.length, VARINT_MAX, frame), FRAME_MALFORMED, length.join());
  }
});

test('a length cut off after any byte asks for more', (t) => {
  const frame = new FrameHeader();
  t.is(readFrame(Buffer.alloc(0), 0, 0, 100, frame), FRAME_NEED_MORE);
  for (const bytes of [[0x30], [0x30, 0x80], [0x30, 0xff, 0xff], [0x30, 0xff, 0xff, 0xff]]) {
    t.is(readFrame(Buffer.from(bytes), 0, bytes.length, VARINT_MAX, frame), FRAME_NEED_MORE);
    t.is(frame.bodyEnd, 0);
  }
});

test('a packet that is not whole tells where it will end', (t) => {
  const frame = new FrameHeader();
  const bytes = Buffer.from([0, 0, 0x30, 10, 1, 2]);
  t.is(readFrame(bytes, 2, bytes.length, 100, frame), FRAME_NEED_MORE);
  t.is(frame.bodyStart, 4);
  t.is(frame.bodyEnd, 14);
});

test('v5 [MQTT-3.2.2-15] 256 MB announced are refused before they come, and the limit counts the fixed header', (t) => {
  const frame = new FrameHeader();
  t.is(readFrame(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]), 0, 5, 1_048_576, frame), FRAME_TOO_LARGE);
  const bytes = packet(0x30, 'topic');
  t.is(readFrame(bytes, 0, bytes.length, bytes.length, frame), FRAME_OK);
  t.is(readFrame(bytes, 0, bytes.length, bytes.length - 1, frame), FRAME_TOO_LARGE);
});

test('v3 [MQTT-2.2.2-2] v5 [MQTT-2.1.3-1] reserved flags, type 0 and QoS 3 are malformed in the first byte', (t) => {
  const frame = new FrameHeader();
  const allowed = new Set([0x62, 0x82, 0xa2]);
  for (const type of [1, 2, 4, 5, 7, 9, 11, 12, 13, 14, 15]) allowed.add(type << 4);
  for (let flags = 0; flags < 16; flags++) if ((flags & 6) !== 6) allowed.add(0x30 | flags);
  for (let byte = 0; byte < 256; byte++) {
    const code = readFrame(Buffer.from([byte, 0]), 0, 2, 100, frame);
    t.is(code, allowed.has(byte) ? FRAME_OK : FRAME_MALFORMED, byte.toString(16));
  }
});

test('a frame is found at any place in a chunk', (t) => {
  const frame = new FrameHeader();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(9), (body, at) => {
      const whole = packet(0x32, body);
      const chunk = Buffer.concat([Buffer.alloc(at, 0xff), whole, Buffer.alloc(3, 0xff)]);
      return (
        readFrame(chunk, at, chunk.length, 1000, frame) === FRAME_OK &&
        chunk.subarray(frame.bodyStart, frame.bodyEnd).equals(body) &&
        frame.firstByte === 0x32
      );
    }),
  );
  t.pass();
});

import test from 'ava';
import fc from 'fast-check';
import { connectPacketBytes, LENGTH_UNKNOWN, NOT_CONNECT } from '../../../src/protocol/mqtt/connect-frame.js';

const of = (...bytes: number[]): number => connectPacketBytes(Uint8Array.from(bytes), bytes.length);

test('the length of a CONNECT is known with the last byte of its length field', (t) => {
  t.is(of(), LENGTH_UNKNOWN);
  t.is(of(0x10), LENGTH_UNKNOWN);
  t.is(of(0x10, 0), 2);
  t.is(of(0x10, 0x7f), 129);
  t.is(of(0x10, 0x80), LENGTH_UNKNOWN);
  t.is(of(0x10, 0x80, 0x01), 131);
  t.is(of(0x10, 0xff, 0xff, 0xff), LENGTH_UNKNOWN);
  t.is(of(0x10, 0xff, 0xff, 0xff, 0x7f), 268_435_460);
});

test('another packet, or a length of five bytes, is no CONNECT', (t) => {
  for (let type = 0; type < 16; type++) if (type !== 1) t.is(of(type << 4, 0), NOT_CONNECT);
  t.is(of(0x10, 0x80, 0x80, 0x80, 0x80), NOT_CONNECT);
});

test('bytes beyond the given length are not looked at', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), fc.nat(12), (bytes, cut) => {
      const length = Math.min(cut, bytes.length);
      return connectPacketBytes(bytes, length) === connectPacketBytes(bytes.slice(0, length), length);
    }),
  );
  t.pass();
});

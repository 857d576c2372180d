import test from 'ava';
import fc from 'fast-check';
import type { ListenerType } from '../../../src/config/listener-types.js';
import { HTTP_HEAD_BYTES_MAX } from '../../../src/limits.js';
import { NO_CONNECT, OPENING_INCOMPLETE, openingBytes } from '../../../src/supervisor/opening.js';

const CONNECT_BYTES_MAX = 1_000;
const look = (type: ListenerType, bytes: Buffer, newFrom = 0) =>
  openingBytes(type, bytes, newFrom, CONNECT_BYTES_MAX);
const record = (length: number, type = 0x16, major = 3): Buffer =>
  Buffer.concat([Buffer.from([type, major, 1, length >> 8, length & 0xff]), Buffer.alloc(length)]);
const request = (headBytes: number): Buffer => {
  const start = 'GET /mqtt HTTP/1.1\r\nHost: a\r\nX: ';
  return Buffer.from(`${start}${'x'.repeat(headBytes - start.length - 4)}\r\n\r\n`);
};

test('the opening of TCP and of Unix sockets is the CONNECT packet', (t) => {
  for (const type of ['tcp', 'unix'] as const) {
    t.is(look(type, Buffer.alloc(0)), OPENING_INCOMPLETE);
    t.is(look(type, Buffer.from([0x10])), OPENING_INCOMPLETE);
    t.is(look(type, Buffer.from([0x10, 2, 0])), OPENING_INCOMPLETE);
    t.is(look(type, Buffer.from([0x10, 2, 0, 0, 9])), 4);
    t.is(look(type, Buffer.from([0x20])), NO_CONNECT);
    t.is(look(type, Buffer.from([0x10, 0xe6, 0x07])), NO_CONNECT, 'too large');
  }
});

test('the opening of TLS is one whole record of a handshake', (t) => {
  for (const type of ['ssl', 'wss'] as const) {
    for (const length of [1, 517, 16_384, 18_432]) {
      t.is(look(type, Buffer.concat([record(length), Buffer.from('more')])), 5 + length);
    }
  }
});

test('what cannot be a record of a handshake is wrong from the byte on that says so', (t) => {
  t.is(look('ssl', Buffer.from([0x15])), 'tls_error', 'an alert');
  t.is(look('ssl', Buffer.from('GET / HTTP/1.1\r\n\r\n')), 'tls_error');
  t.is(look('ssl', Buffer.from([0x10, 12])), 'tls_error', 'a CONNECT');
  t.is(look('ssl', Buffer.from([0x80, 0x2e, 1, 3, 1])), 'tls_error', 'SSL 2');
  t.is(look('ssl', Buffer.from([0x16, 2])), 'tls_error');
  t.is(look('ssl', Buffer.from([0x16, 3, 1, 0])), OPENING_INCOMPLETE);
  t.is(look('ssl', Buffer.from([0x16, 3, 1, 0, 0])), 'tls_error', 'an empty record');
  t.is(look('ssl', Buffer.from([0x16, 3, 1, 0x48, 0x01])), 'tls_error', 'a record larger than there may be');
});

test('the opening of WebSocket is the head of an HTTP request', (t) => {
  t.is(look('ws', Buffer.concat([request(300), Buffer.from([0x82, 0])])), 300);
  t.is(look('ws', request(HTTP_HEAD_BYTES_MAX)), HTTP_HEAD_BYTES_MAX);
  t.is(look('ws', request(HTTP_HEAD_BYTES_MAX + 1)), 'http_head_too_large');
  t.is(look('ws', request(HTTP_HEAD_BYTES_MAX + 1).subarray(0, HTTP_HEAD_BYTES_MAX)), OPENING_INCOMPLETE);
  t.is(look('ws', Buffer.alloc(HTTP_HEAD_BYTES_MAX + 1, 'A')), 'http_head_too_large');
  for (const first of ['\r', 'g', ' ', '\0', '\x10', '\x16', '@', '[']) {
    t.is(look('ws', Buffer.from(first)), 'bad_http', first);
  }
});

test('an opening is whole with its last byte and not before, however it is cut', (t) => {
  const sample = fc.oneof(
    fc.integer({ min: 40, max: 2_000 }).map((n) => ({ type: 'ws' as const, bytes: request(n) })),
    fc.integer({ min: 1, max: 2_000 }).map((n) => ({ type: 'ssl' as const, bytes: record(n) })),
    fc.integer({ min: 0, max: 127 }).map((n) => {
      return { type: 'tcp' as const, bytes: Buffer.concat([Buffer.from([0x10, n]), Buffer.alloc(n)]) };
    }),
  );
  fc.assert(
    fc.property(sample, fc.array(fc.nat(), { maxLength: 20 }), ({ type, bytes }, cuts) => {
      const ends = [...new Set(cuts.map((cut) => cut % bytes.length))].sort((a, b) => a - b);
      let last = 0;
      for (const end of ends) {
        if (look(type, bytes.subarray(0, end), last) !== OPENING_INCOMPLETE) return false;
        last = end;
      }
      return look(type, bytes, last) === bytes.length;
    }),
  );
  t.pass();
});

test('no bytes make it throw', (t) => {
  const types = fc.constantFrom<ListenerType>('tcp', 'ssl', 'ws', 'wss', 'unix');
  const starts = fc.constantFrom('', 'GET ', '\x10', '\x16\x03', '\r\n\r\n');
  fc.assert(
    fc.property(types, starts, fc.uint8Array({ maxLength: 200 }), (type, start, noise) => {
      const found = look(type, Buffer.concat([Buffer.from(start, 'latin1'), noise]));
      return typeof found === 'string' || found <= start.length + noise.length;
    }),
  );
  t.pass();
});

import test from 'ava';
import fc from 'fast-check';
import type { ListenerType } from '../../../src/config/listener-types.js';
import { HTTP_HEAD_BYTES_MAX, TLS_HELLO_BYTES_MAX, TLS_HELLO_RECORDS_MAX } from '../../../src/limits.js';
import { NO_CONNECT, OPENING_INCOMPLETE, openingBytes } from '../../../src/supervisor/opening.js';

const CONNECT_BYTES_MAX = 1_000;
const look = (type: ListenerType, bytes: Buffer, newFrom = 0) =>
  openingBytes(type, bytes, newFrom, CONNECT_BYTES_MAX);
const record = (content: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([0x16, 3, 1, content.length >> 8, content.length & 0xff]), content]);
const hello = (bytes: number): Buffer => {
  const message = Buffer.alloc(bytes, 0xee);
  message.writeUInt32BE((1 << 24) | (bytes - 4));
  return message;
};
/** A ClientHello cut into records before these of its bytes. */
const helloRecords = (bytes: number, cuts: readonly number[] = []): Buffer => {
  const message = hello(bytes);
  const starts = [0, ...cuts];
  return Buffer.concat(starts.map((start, n) => record(message.subarray(start, starts[n + 1] ?? bytes))));
};
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

test('the opening of TLS is a whole ClientHello', (t) => {
  for (const type of ['ssl', 'wss'] as const) {
    for (const bytes of [4, 517, TLS_HELLO_BYTES_MAX]) {
      t.is(look(type, Buffer.concat([helloRecords(bytes), Buffer.from('more')])), 5 + bytes);
    }
    t.is(look(type, record(Buffer.concat([hello(300), Buffer.alloc(5)]))), 5 + 300 + 5);
  }
});

test('a ClientHello may be cut into some records, and is whole with the last of them', (t) => {
  const cut = helloRecords(600, [4, 200, 201, 599]);
  t.is(look('ssl', Buffer.concat([cut, Buffer.from('more')])), cut.length);
  for (const end of [9, cut.length - 6, cut.length - 1]) {
    t.is(look('ssl', cut.subarray(0, end)), OPENING_INCOMPLETE);
  }
  const cuts = Array.from({ length: TLS_HELLO_RECORDS_MAX }, (_, n) => 4 + n);
  t.is(look('ssl', helloRecords(600, cuts.slice(1))), 5 * TLS_HELLO_RECORDS_MAX + 600);
  t.is(look('ssl', helloRecords(600, cuts)), 'tls_error');
});

test('what no client sends as its ClientHello is wrong', (t) => {
  t.is(look('ssl', record(Buffer.of(2, 0, 0, 0))), 'tls_error', 'a ServerHello');
  t.is(look('ssl', record(hello(4).subarray(0, 3))), 'tls_error', 'its header is cut');
  t.is(look('ssl', record(hello(TLS_HELLO_BYTES_MAX + 1).subarray(0, 9))), 'tls_error', 'too large');
  t.is(look('ssl', Buffer.concat([helloRecords(600, [9]).subarray(0, 14), Buffer.of(0x17)])), 'tls_error');
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
    fc.integer({ min: 4, max: 2_000 }).map((n) => ({ type: 'ssl' as const, bytes: helloRecords(n) })),
    fc.integer({ min: 5, max: 2_000 }).map((n) => ({ type: 'ssl' as const, bytes: helloRecords(n, [4]) })),
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
  const starts = fc.constantFrom(
    '',
    'GET ',
    '\x10',
    '\x16\x03',
    '\x16\x03\x01\x00\x04\x01\x00\x00',
    '\r\n\r\n',
  );
  fc.assert(
    fc.property(types, starts, fc.uint8Array({ maxLength: 200 }), (type, start, noise) => {
      const found = look(type, Buffer.concat([Buffer.from(start, 'latin1'), noise]));
      return typeof found === 'string' || found <= start.length + noise.length;
    }),
  );
  t.pass();
});

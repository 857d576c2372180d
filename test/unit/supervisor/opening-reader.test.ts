/** Half-read connections, on sockets that are connected to nothing. */
import { Socket } from 'node:net';
import test from 'ava';
import fc from 'fast-check';
import { AccessRules } from '../../../src/base/access.js';
import type { ListenerConfig, ListenerType, TlsSettings } from '../../../src/config/listener-types.js';
import { defaultConfig } from '../../../src/config/load.js';
import {
  HALF_READ_BYTES_MAX,
  HALF_READ_CONNECTIONS_MAX,
  HALF_READ_ENDS_PER_SWEEP_MAX,
} from '../../../src/limits.js';
import { ListenerFigures } from '../../../src/supervisor/listener-figures.js';
import { OpeningReader } from '../../../src/supervisor/opening-reader.js';
import { proxyBinary, proxyLine } from '../../helpers/proxy-headers.js';

interface Passed {
  readonly head: Buffer;
  readonly openingBytes: number;
  readonly peerAddress: string;
}

function setUp(settings: Partial<ListenerConfig> = {}, connectBytesMax = 1024) {
  const passed: Passed[] = [];
  const listener = new ListenerFigures(0, { ...defaultConfig().listeners[0]!, ...settings });
  const access = new AccessRules(listener.config.access);
  const limits = { connectBytesMax, idleTimeoutMs: 1_000 };
  const reader = new OpeningReader(
    limits,
    0,
    () => false,
    (arrived, held, head, openingBytes) => {
      held.close();
      passed.push({ head: Buffer.from(head), openingBytes, peerAddress: arrived.peerAddress });
    },
  );
  const begin = (acceptedAtMs = 0): Socket => {
    const socket = new Socket();
    listener.current++;
    const peer = { peerAddress: '10.0.0.1', peerPort: 1, certificateName: null, early: null };
    reader.begin({ socket, listener, access, acceptedAtMs, ...peer });
    return socket;
  };
  return { reader, listener, passed, begin };
}

const PROXY = { timeoutMs: 300 };
const CONNECT = Buffer.from([0x10, 2, 0, 0]);

test('a CONNECT is passed on whole, however it was cut into pieces, with a PROXY header before it or without', (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom(
        null,
        proxyLine('9.8.7.6', 5),
        proxyBinary({ command: 0x20, family: 0, addresses: Buffer.alloc(300) }),
      ),
      fc.uint8Array({ minLength: 0, maxLength: 800 }),
      fc.uint8Array({ maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 30 }),
      (header, body, behind, cuts) => {
        const { passed, begin, reader } = setUp({ proxy: header === null ? null : PROXY });
        const length = body.length < 128 ? [body.length] : [(body.length & 0x7f) | 0x80, body.length >> 7];
        const packet = Buffer.from([0x10, ...length, ...body]);
        const payload = Buffer.concat([packet, behind]);
        const sent = Buffer.concat([header ?? Buffer.alloc(0), payload]);
        const socket = begin();
        for (let at = 0, i = 0; at < sent.length && passed.length === 0; i++) {
          const end = at + cuts[i % cuts.length]!;
          socket.emit('data', sent.subarray(at, end));
          at = end;
        }
        const [{ head, openingBytes, peerAddress }] = passed as [Passed];
        return (
          openingBytes === packet.length &&
          head.equals(payload.subarray(0, head.length)) &&
          peerAddress === (header?.[0] === 0x50 ? '9.8.7.6' : '10.0.0.1') &&
          reader.count === 0
        );
      },
    ),
  );
  t.pass();
});

test('what is announced too large, or is no CONNECT, is passed on as it stands', (t) => {
  const { passed, begin } = setUp({}, 100);
  begin().emit('data', Buffer.from([0x10, 99]));
  begin().emit('data', Buffer.from([0x10, 98]));
  begin().emit('data', Buffer.from([0x30]));
  t.deepEqual(
    passed.map(({ head, openingBytes }) => [head.toString('hex'), openingBytes]),
    [
      ['1063', 0],
      ['30', 0],
    ],
  );
});

test('what is no TLS, and no HTTP, ends at once', (t) => {
  const tls = setUp({ type: 'wss' });
  const web = setUp({ type: 'ws' });
  t.true(tls.begin().emit('data', CONNECT));
  web.begin().emit('data', CONNECT);
  web.begin().emit('data', Buffer.alloc(20_000, 'A'));
  t.deepEqual(tls.listener.shutdownCount(), { tls_error: 1 });
  t.deepEqual(web.listener.shutdownCount(), { bad_http: 1, http_head_too_large: 1 });
  t.is(tls.reader.count + web.reader.count + tls.passed.length + web.passed.length, 0);
});

test('a missing or wrong PROXY header ends the connection at once', (t) => {
  const { listener, begin, passed } = setUp({ proxy: PROXY });
  begin().emit('data', CONNECT);
  begin().emit('data', Buffer.from('PROXY TCP4 nobody\r\n'));
  t.deepEqual(listener.shutdownCount(), { proxy_error: 2 });
  t.is(passed.length, 0);
});

test('the rules are asked about the address that the PROXY header tells', (t) => {
  const access = [
    { allow: false, range: '9.9.0.0/16' },
    { allow: false, range: '2001:db8::/32' },
  ];
  const { listener, begin, passed } = setUp({ proxy: PROXY, access });
  for (const address of ['9.9.1.1', '9.8.1.1', '2001:db8::5', '::ffff:9.9.1.1', '2001:db9::5']) {
    begin().emit('data', Buffer.concat([proxyLine(address, 7), CONNECT]));
  }
  t.deepEqual(listener.shutdownCount(), { access_denied: 3 });
  t.deepEqual(
    passed.map(({ peerAddress }) => peerAddress),
    ['9.8.1.1', '2001:db9::5'],
  );
});

test('connections are closed when the time of their stage is over', (t) => {
  const { reader, listener, begin } = setUp();
  const sockets = [begin(0), begin(400), begin(800)];
  reader.sweep(1_400);
  t.deepEqual(
    sockets.map((socket) => socket.destroyed),
    [true, true, false],
  );
  t.deepEqual(listener.shutdownCount(), { idle_timeout: 2 });
  reader.stop();
  t.is(listener.current, 0);

  const proxied = setUp({ proxy: PROXY });
  const [silent, headed] = [proxied.begin(0), proxied.begin(0)];
  headed!.emit('data', proxyLine('1.2.3.4', 5));
  proxied.reader.sweep(300);
  t.deepEqual([silent!.destroyed, headed!.destroyed], [true, false]);
  proxied.reader.sweep(1_000);
  t.deepEqual(proxied.listener.shutdownCount(), { proxy_timeout: 1, idle_timeout: 1 });
});

test('with TLS the shorter of two times counts', (t) => {
  const tls = (handshakeTimeoutMs: number) => ({ handshakeTimeoutMs }) as TlsSettings;
  const quick = setUp({ type: 'ssl', tls: tls(200) });
  quick.begin();
  quick.reader.sweep(200);
  t.deepEqual(quick.listener.shutdownCount(), { handshake_timeout: 1 });
  const slow = setUp({ type: 'ssl', tls: tls(9_000) });
  slow.begin();
  slow.reader.sweep(999);
  t.is(slow.reader.count, 1);
  slow.reader.sweep(1_000);
  t.deepEqual(slow.listener.shutdownCount(), { handshake_timeout: 1 });
});

test('a sweep closes a limited number, the next one goes on', (t) => {
  const { reader, begin } = setUp();
  for (let n = 0; n < HALF_READ_ENDS_PER_SWEEP_MAX + 3; n++) begin();
  reader.sweep(2_000);
  t.is(reader.count, 3);
  reader.sweep(2_100);
  t.is(reader.count, 0);
});

test('above the bound in number the oldest goes', (t) => {
  const { reader, listener, begin } = setUp();
  const oldest = begin();
  for (let n = 1; n < HALF_READ_CONNECTIONS_MAX; n++) begin();
  t.false(oldest.destroyed);
  begin();
  t.true(oldest.destroyed);
  t.is(reader.count, HALF_READ_CONNECTIONS_MAX);
  t.deepEqual(listener.shutdownCount(), { connect_overflow: 1 });
});

test('above the bound in bytes the oldest goes, and its bytes are free again', (t) => {
  const mebibyte = 1 << 20;
  const { listener, begin } = setUp({}, 4 * mebibyte);
  const piece = Buffer.alloc(mebibyte, 0x80);
  Buffer.from([0x10, 0xff, 0xff, 0x7f]).copy(piece);
  const fitting = HALF_READ_BYTES_MAX / mebibyte;
  for (let n = 0; n < fitting; n++) begin().emit('data', piece);
  t.deepEqual(listener.shutdownCount(), {});
  for (let n = 0; n < 3; n++) begin().emit('data', piece);
  t.deepEqual(listener.shutdownCount(), { connect_overflow: 3 });
});

test('no bytes disturb the reader: every connection is passed on, ended or still waited for', (t) => {
  const start = fc.constantFrom(
    '',
    'PROXY TCP4 1.2.3.4 ',
    '\r\n\r\n\0\r\nQUIT\n',
    '\x16\x03',
    '\x10',
    'GET / ',
  );
  const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 400 }), { maxLength: 8 });
  const types = fc.constantFrom<ListenerType>('tcp', 'ssl', 'ws', 'wss', 'unix');
  fc.assert(
    fc.property(types, fc.boolean(), start, chunks, (type, isProxied, first, rest) => {
      const { reader, listener, passed, begin } = setUp({ type, proxy: isProxied ? PROXY : null });
      const socket = begin();
      for (const chunk of [Buffer.from(first, 'latin1'), ...rest]) socket.emit('data', Buffer.from(chunk));
      t.is(reader.count + passed.length + (listener.current === 0 ? 1 : 0), 1);
      reader.sweep(5_000);
      t.is(reader.count, 0);
    }),
    { numRuns: 500 },
  );
});

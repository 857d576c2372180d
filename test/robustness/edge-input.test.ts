/**
 * What is not what a listener speaks, at every layer of every transport: garbage in place of TLS, HTTP and PROXY
 * headers and behind them, and CONNECT packets that are none. Each ends its own connection for a reason that is
 * counted; whoever is connected over any transport notices nothing, and nothing is left.
 */
import { randomBytes } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import test from 'ava';
import { overTls } from '../helpers/carrier.js';
import { CERTS } from '../helpers/certs.js';
import { connect, publish } from '../helpers/packets.js';
import { proxyBinary, proxyLine } from '../helpers/proxy-headers.js';
import { addressOn, EDGE_TRANSPORTS, openCarrier, type Transport, trust } from '../helpers/transports.js';
import { packet } from '../helpers/wire.js';
import { until } from '../helpers/with-broker.js';
import { clientHello, tlsRecord, UPGRADE } from './attacker.js';
import { Siege } from './siege.js';

const PROXIED: readonly Transport[] = ['tcp', 'ssl', 'ws', 'wss'];

let siege: Siege;
let hello: Buffer;

test.before(async () => {
  hello = await clientHello();
  const settings: Record<string, string> = { 'mqtt.client.max_connect_size': '64KB' };
  for (const transport of PROXIED) {
    settings[`listener.${transport}.proxied`] = '127.0.0.1:0';
    settings[`listener.${transport}.proxied.proxy_protocol`] = 'on';
  }
  for (const transport of ['ssl', 'wss']) {
    settings[`listener.${transport}.proxied.certfile`] = CERTS.serverEcdsa.certfile;
    settings[`listener.${transport}.proxied.keyfile`] = CERTS.serverEcdsa.keyfile;
  }
  siege = await Siege.start(settings);
});

test.after.always('nobody has noticed any of it, and nothing is left', (t) => siege?.end(t));

/** To which transport, what, as which reason it is counted, and the bytes. */
type Attack = readonly [Transport, string, string, () => Uint8Array];

const plainConnect = (): Buffer => connect({ version: 4, clientId: siege.bench.clientId(1) });

/** A TLS record for each byte. */
const smallRecords = (bytes: Uint8Array): Buffer =>
  Buffer.concat(Array.from(bytes, (byte) => tlsRecord(0x16, Uint8Array.of(byte))));

const AT_THE_DOOR: readonly Attack[] = [
  ...(['ssl', 'wss'] as const).flatMap((transport): Attack[] => [
    [transport, 'plain HTTP', 'tls_error', () => UPGRADE],
    [transport, 'plain MQTT', 'tls_error', plainConnect],
    [transport, 'a PROXY header', 'tls_error', () => proxyLine('203.0.113.7', 815)],
    [
      transport,
      'the hello of SSL 2',
      'tls_error',
      () => Buffer.of(0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10),
    ],
    [transport, 'a record of no length', 'tls_error', () => tlsRecord(0x16, Buffer.alloc(0))],
    [transport, 'a record that is too long', 'tls_error', () => tlsRecord(0x16, Buffer.alloc(9), 0xffff)],
    [transport, 'an alert', 'tls_error', () => tlsRecord(0x15, Buffer.of(2, 40))],
    [transport, 'application data', 'tls_error', () => tlsRecord(0x17, randomBytes(500))],
    [transport, 'a record of noise', 'tls_error', () => tlsRecord(0x16, Buffer.alloc(500, 0x55))],
    [
      transport,
      'a ClientHello of 16 MB',
      'tls_error',
      () => tlsRecord(0x16, Buffer.of(1, 0xff, 0xff, 0xff, 3, 3)),
    ],
    [
      transport,
      'a ClientHello of 128 KB in small records',
      'tls_error',
      () => Buffer.concat([tlsRecord(0x16, Buffer.of(1, 2, 0, 0, 3, 3)), smallRecords(Buffer.alloc(500))]),
    ],
    [
      transport,
      'a record for each byte of a ClientHello',
      'tls_error',
      () => smallRecords(hello.subarray(5)),
    ],
    [transport, 'a ServerHello', 'tls_error', () => tlsRecord(0x16, Buffer.of(2, 0, 0, 4, 3, 3, 0, 0))],
    [
      transport,
      'a hello and noise behind it',
      'tls_error',
      () => Buffer.concat([hello, Buffer.alloc(900, 0x77)]),
    ],
    [transport, 'a hello twice', 'tls_error', () => Buffer.concat([hello, hello])],
    [
      transport,
      'a hello, and changes of ciphers without end',
      'tls_error',
      () => Buffer.concat([hello, ...new Array<Buffer>(1_000).fill(tlsRecord(0x14, Buffer.of(1)))]),
    ],
    [
      transport,
      'a hello, and empty records without end',
      'tls_error',
      () => Buffer.concat([hello, ...new Array<Buffer>(1_000).fill(tlsRecord(0x17, Buffer.alloc(0)))]),
    ],
  ]),
  ['tcp', 'TLS', 'parser_error', () => hello],
  ['tcp', 'HTTP', 'parser_error', () => UPGRADE],
  ['tcp', 'a PROXY header', 'protocol_not_connected', () => proxyLine('203.0.113.7', 815)],
  ['unix', 'TLS', 'parser_error', () => hello],
  ['unix', 'HTTP', 'parser_error', () => UPGRADE],
  ['ws', 'TLS', 'bad_http', () => hello],
  ['ws', 'plain MQTT', 'bad_http', plainConnect],
  ['ws', 'a PROXY line', 'bad_http', () => Buffer.concat([proxyLine('203.0.113.7', 815), UPGRADE])],
  ['ws', 'a binary PROXY header', 'bad_http', () => proxyBinary({ family: 0, addresses: Buffer.alloc(0) })],
];

for (const [transport, what, reason, make] of AT_THE_DOOR) {
  test.serial(`${transport}: ${what} ends the connection, as ${reason}`, async (t) => {
    const before = siege.counted(transport, reason);
    const dripping = await siege.attack(transport);
    const dripped = dripping.drip(make().subarray(0, 2_000));
    const whole = await siege.attack(transport);
    whole.send(make());
    await t.notThrowsAsync(whole.closed());
    await dripped;
    await dripping.closed();
    await until(() => siege.counted(transport, reason) === before + 2, 'both to be counted');
  });
}

const PROXY_GARBAGE: readonly (readonly [string, () => Uint8Array])[] = [
  ['no header', plainConnect],
  ['TLS without a header', () => hello],
  ['HTTP without a header', () => UPGRADE],
  ['a line that does not end', () => Buffer.from(`PROXY TCP4 ${'1'.repeat(200)}`)],
  ['a line with a name for an address', () => Buffer.from('PROXY TCP4 localhost localhost 1 2\r\n')],
  ['a line with a port that is none', () => Buffer.from('PROXY TCP4 127.0.0.1 127.0.0.1 65536 2\r\n')],
  ['a binary header of 64 KB', () => proxyBinary({ family: 0x11, addresses: Buffer.alloc(65_535) })],
  ['a binary header without its addresses', () => proxyBinary({ family: 0x11, addresses: Buffer.alloc(3) })],
  [
    'a binary header of version 3',
    () => proxyBinary({ command: 0x31, family: 0x11, addresses: Buffer.alloc(12) }),
  ],
  [
    'a header, and another one',
    () => Buffer.concat([proxyLine('203.0.113.7', 8), proxyLine('203.0.113.8', 8), Buffer.from('\r\n')]),
  ],
];

for (const [what, make] of PROXY_GARBAGE) {
  test.serial(`behind a proxy, on every transport: ${what}`, async (t) => {
    for (const transport of PROXIED) {
      const { accepted } = siege.figuresOf(transport, 'proxied');
      const whole = await siege.attack(transport, 'proxied');
      whole.send(make());
      const dripping = await siege.attack(transport, 'proxied');
      await dripping.drip(make().subarray(0, 2_000));
      await t.notThrowsAsync(Promise.all([whole.closed(), dripping.closed()]), transport);
      t.is(siege.figuresOf(transport, 'proxied').accepted, accepted + 2);
      await until(() => siege.figuresOf(transport, 'proxied').current === 0, 'both to be counted');
    }
  });
}

for (const transport of ['ssl', 'wss'] as const) {
  test.serial(`${transport}: noise below TLS ends the connection, as tls_error`, async (t) => {
    for (const shard of [0, 1]) {
      const before = siege.counted(transport, 'tls_error');
      const client = await siege.bench.connect({ transport, shard });
      client.carrier.socket.write(randomBytes(1_000));
      await t.notThrowsAsync(client.expectClosed());
      await until(() => siege.counted(transport, 'tls_error') === before + 1, 'it to be counted');
    }
  });

  test.serial(`${transport}: a client that wants to negotiate again is told no`, async (t) => {
    const before = await siege.arriving();
    for (let n = 0; n < 20; n++) {
      const carrier = await overTls(addressOn(siege.broker, transport), {
        ...trust(),
        maxVersion: 'TLSv1.2',
      });
      const closed = new Promise<void>((resolve) => {
        carrier.onClosed = resolve;
      });
      const secure = carrier.beneath as TLSSocket;
      // OpenSSL ends its own connection when it is told no.
      secure.renegotiate({}, () => t.fail('it was negotiated again'));
      await closed;
    }
    await until(async () => (await siege.arriving()) === before, 'them to be gone');
    t.pass();
  });
}

const huge = Buffer.of(0x10, 0xff, 0xff, 0xff, 0x7f);

/** What stands for the CONNECT, behind TLS and WebSocket. */
const FIRST: readonly (readonly [string, string, (shard: number) => Uint8Array])[] = [
  ['a CONNECT of 256 MB', 'invalid_mqtt_frame_len', () => huge],
  [
    'a CONNECT above max_connect_size',
    'invalid_mqtt_frame_len',
    (shard) =>
      connect({
        version: 5,
        clientId: siege.bench.clientId(shard),
        username: 'x'.repeat(65_000),
        password: 'y'.repeat(1_000),
      }),
  ],
  ['a length of five bytes', 'parser_error', () => Buffer.of(0x10, 0xff, 0xff, 0xff, 0xff, 1)],
  [
    'a CONNECT without an end',
    'protocol_bad_connect',
    (shard) => packet(0x10, connectBody(shard).subarray(0, -1)),
  ],
  [
    'a CONNECT with more behind it',
    'protocol_bad_connect',
    (shard) => packet(0x10, connectBody(shard), [1, 2, 3]),
  ],
  ['a CONNECT with reserved bits', 'parser_error', (shard) => packet(0x11, connectBody(shard))],
  ['an empty CONNECT', 'protocol_bad_connect', () => packet(0x10)],
  ['TLS', 'parser_error', () => hello],
  ['HTTP', 'parser_error', () => UPGRADE],
  ['a PUBLISH', 'protocol_not_connected', () => publish(4, { topic: 'a' })],
  ['the beginning of a PUBLISH', 'protocol_not_connected', () => Buffer.of(0x30, 0x7f)],
  ['a second CONNECT', 'protocol_bad_connect', (shard) => packet(0x10, connectBody(shard), [0x10, 0])],
  [
    'noise behind CONNECT',
    'parser_error',
    (shard) => Buffer.concat([packet(0x10, connectBody(shard)), Buffer.alloc(99)]),
  ],
];

const connectBody = (shard: number): Buffer =>
  connect({ version: 4, clientId: siege.bench.clientId(shard) }).subarray(2);

for (const [what, reason, make] of FIRST) {
  test.serial(`over TLS and WebSocket: ${what} ends the connection, as ${reason}`, async (t) => {
    for (const transport of [...EDGE_TRANSPORTS, 'tcp'] as const) {
      const before = siege.counted(transport, reason);
      for (const shard of [0, 1]) {
        for (const cut of ['whole', 'bytes'] as const) {
          const carrier = await openCarrier(siege.broker, transport, cut);
          const closed = new Promise<void>((resolve) => {
            carrier.onClosed = resolve;
          });
          const bytes = Buffer.from(make(shard));
          carrier.write(cut === 'whole' ? bytes : bytes.subarray(0, 3_000));
          await t.notThrowsAsync(closed, transport);
        }
      }
      await until(
        () => siege.counted(transport, reason) === before + 4,
        `${transport} to be counted: ${JSON.stringify(siege.figuresOf(transport).shutdownCount())}`,
      );
    }
  });
}

import test from 'ava';
import fc from 'fast-check';
import { accessRule, formatAddress, listenAddress } from '../../../src/config/listener-address.js';
import { loadConfig } from '../../../src/config/load.js';
import { INVALID } from '../../../src/config/value-types.js';
import { linesOf, listenersOf } from './listener-lines.js';

test('an address is a port, host and port, or off', (t) => {
  const { parse } = listenAddress();
  t.deepEqual(parse('1883'), { host: '0.0.0.0', port: 1883, path: null, isPortOnly: true });
  t.deepEqual(parse('127.0.0.1:0'), { host: '127.0.0.1', port: 0, path: null, isPortOnly: false });
  t.deepEqual(parse('[::]:1883'), { host: '::', port: 1883, path: null, isPortOnly: false });
  t.deepEqual(parse('::1:1883'), { host: '::1', port: 1883, path: null, isPortOnly: false });
  t.deepEqual(parse('localhost:1883'), { host: 'localhost', port: 1883, path: null, isPortOnly: false });
  t.is(parse('off'), null);
  for (const wrong of [
    '',
    'on',
    '65536',
    '1.2.3:1',
    '1.2.3.4.5:1',
    '[1.2.3.4]:1',
    'a b:1',
    ':1',
    '1883:',
    '[::1:1',
  ]) {
    t.is(parse(wrong), INVALID, wrong);
  }
});

test('an address is written so that it is read as the same address', (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat({ max: 65_535 }), (host, port) => {
      t.deepEqual(listenAddress().parse(formatAddress({ host, port, path: null })), {
        host,
        port,
        path: null,
        isPortOnly: false,
      });
    }),
    { numRuns: 200 },
  );
});

test('access rules are sorted by number and checked', (t) => {
  const prefix = 'listener.tcp.external.access';
  const [external] = listenersOf(`${prefix}.10=deny all`, `${prefix}.9=allow 192.168.0.0/24`);
  t.deepEqual(external?.access, [
    { allow: true, range: '192.168.0.0/24' },
    { allow: false, range: 'all' },
  ]);
  for (const wrong of [
    'allow',
    'permit all',
    'allow 1.2.3.4/33',
    'deny ::/129',
    'allow 1.2.3.4/8/8',
    'allow host',
  ]) {
    t.is(accessRule().parse(wrong), INVALID, wrong);
  }
});

test('a listener that is off is not opened, and its options are still checked', (t) => {
  t.deepEqual(
    listenersOf('listener.tcp.internal=off').map(({ name }) => name),
    ['external', 'external'],
  );
  t.is(linesOf('listener.tcp.internal=off', 'listener.tcp.internal.backlog=x').length, 1);
});

test('any number of listeners may be named, with EMQ’s built-in defaults', (t) => {
  const third = listenersOf('listener.tcp.lab=127.0.0.1:2000', 'listener.tcp.lab.max_clients=5').at(-1);
  t.deepEqual(third, {
    type: 'tcp',
    name: 'lab',
    host: '127.0.0.1',
    port: 2000,
    acceptors: 8,
    maxClients: 5,
    maxConnRate: 0,
    backlog: 1024,
    nodelay: true,
    mountpoint: '',
    rateLimit: null,
    access: [],
    sendTimeoutMs: 15_000,
    path: null,
    isPortOnly: false,
    recbufBytes: 0,
    sndbufBytes: 0,
    mode: 0,
    proxy: null,
    trustedProxies: [],
    tls: null,
    webSocket: null,
    certificateUsername: null,
  });
});

test('an unknown type of listener, or one without a name, is an error', (t) => {
  t.regex(linesOf('listener.udp.external=1')[0] ?? '', /tcp, ssl, ws, wss, unix, api/);
  t.is(linesOf('listener.tcp=1').length, 1);
});

test('options without an address open nothing, with a warning', (t) => {
  const result = loadConfig({ set: ['listener.tcp.lab.backlog=5'] });
  t.true(result.ok);
  t.regex(result.warnings[0]?.line ?? '', /listener\.tcp\.lab has options but no address/);
});

test('a rate limit needs a burst that is not below the rate', (t) => {
  t.is(linesOf('listener.tcp.external.rate_limit=10,100').length, 1);
  t.is(linesOf('listener.tcp.external.rate_limit=0,0').length, 1);
});

test('the number of listeners is bounded', (t) => {
  const set = Array.from({ length: 100 }, (_, index) => `listener.tcp.n${index}=0`);
  t.regex(linesOf(...set)[0] ?? '', /at most 64 listeners/);
});

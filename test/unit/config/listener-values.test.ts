import test from 'ava';
import fc from 'fast-check';
import type { ListenerOption } from '../../../src/config/listener-option.js';
import { LISTENER_OPTIONS } from '../../../src/config/listener-options.js';
import * as values from '../../../src/config/listener-values.js';
import { loadConfig } from '../../../src/config/load.js';
import { INVALID } from '../../../src/config/value-types.js';

const ALL: readonly (readonly [string, ListenerOption<unknown>])[] = Object.entries(LISTENER_OPTIONS);

test('versions of TLS are a range without a gap', (t) => {
  const { parse, format } = values.tlsVersions();
  t.deepEqual(parse('tlsv1.2,tlsv1.1,tlsv1'), { min: 'TLSv1', max: 'TLSv1.2' });
  t.deepEqual(parse('TLSv1.3 , TLSv1.2'), { min: 'TLSv1.2', max: 'TLSv1.3' });
  t.deepEqual(parse('tlsv1.3'), { min: 'TLSv1.3', max: 'TLSv1.3' });
  t.is(format({ min: 'TLSv1', max: 'TLSv1.2' }), 'tlsv1,tlsv1.1,tlsv1.2');
  for (const wrong of ['', 'tlsv1.1,tlsv1.3', 'sslv3', 'tlsv1.2,sslv3', 'tlsv1.2,', 'tlsv1.4'])
    t.is(parse(wrong), INVALID, wrong);
});

test('names of ciphers stand between commas or colons, and become what OpenSSL reads', (t) => {
  const { parse } = values.ciphers();
  t.is(parse('ECDHE-RSA-AES128-GCM-SHA256,AES128-SHA'), 'ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA');
  t.is(parse('DEFAULT:!aNULL, @SECLEVEL=0'), 'DEFAULT:!aNULL:@SECLEVEL=0');
  t.is(parse(''), null);
  for (const wrong of ['a b', ',', 'a::b', 'a;b', 'x,'.repeat(300)]) t.is(parse(wrong), INVALID, wrong);
});

test('origins are kept as browsers write them', (t) => {
  const { parse } = values.origins();
  t.deepEqual(parse('HTTPS://Shop.Example:443,http://[::1]:3000'), [
    'https://shop.example',
    'http://[::1]:3000',
  ]);
  t.deepEqual(parse('capacitor://Localhost,chrome-extension://abcd, null'), [
    'capacitor://localhost',
    'chrome-extension://abcd',
    'null',
  ]);
  t.deepEqual(parse('*'), []);
  t.deepEqual(parse(''), []);
  for (const wrong of [
    'shop.example',
    'https://',
    'https://a/b',
    'https://a/',
    'https://u@a',
    'https://*.a',
    'https://a:99999',
    'https://a,*',
    '//a',
  ])
    t.is(parse(wrong), INVALID, wrong);
});

test('names of headers are tokens, kept in lower case', (t) => {
  const { parse } = values.headerName();
  t.is(parse('X-Forwarded-For'), 'x-forwarded-for');
  t.is(parse(''), null);
  for (const wrong of ['X Y', 'x:', 'ä', 'x\n', 'a'.repeat(129)]) t.is(parse(wrong), INVALID, wrong);
});

test('names of files have no control characters, and may be missing', (t) => {
  const { parse } = values.fileName();
  t.is(parse('/etc/ssl/über cert.pem'), '/etc/ssl/über cert.pem');
  t.is(parse(''), null);
  for (const wrong of ['a\u0000b', 'a\n', 'a'.repeat(4097)]) t.is(parse(wrong), INVALID);
});

test('every default of a listener is read again from how it is written', (t) => {
  for (const [name, { type, default: text }] of ALL) {
    const value = type.parse(text);
    t.not(value, INVALID, name);
    t.deepEqual(type.parse(type.format(value)), value, name);
  }
});

test('what a listener’s option reads, it writes so that it is read as the same', (t) => {
  const words = fc.constantFrom(
    'tlsv1.2',
    'tlsv1.3',
    'https://a.example',
    '10.0.0.0/8',
    'AES128-SHA',
    '0640',
    'cn',
    'X-A',
    '/x',
    '9,3',
  );
  const text = fc.oneof(
    words,
    fc.array(words, { maxLength: 3 }).map((list) => list.join(',')),
    fc.string({ maxLength: 20 }),
  );
  fc.assert(
    fc.property(fc.constantFrom(...ALL), text, ([name, { type }], written) => {
      const value = type.parse(written);
      if (value !== INVALID) t.deepEqual(type.parse(type.format(value)), value, name);
    }),
    { numRuns: 1_000 },
  );
  t.pass();
});

test('nothing that is said about listeners makes the loader throw, or give what cannot be posted', (t) => {
  const type = fc.constantFrom('tcp', 'ssl', 'ws', 'wss', 'unix', 'api', 'udp');
  const option = fc.oneof(
    fc.constantFrom(
      '',
      '.access.1',
      '.sni.1.certfile',
      '.tcp_options.backlog',
      '.tcp_options',
      '.zone',
      '.x',
      '.',
    ),
    fc.constantFrom(...ALL).map(([name]) => `.${name}`),
    fc.constantFrom(...ALL).map(([name]) => `.${name}.1`),
  );
  const value = fc.oneof(
    fc.constantFrom('on', 'off', '0', '1', 'a.pem', 'verify_peer', 'cn', '*', '', '/a'),
    fc.string({ maxLength: 12, unit: 'binary' }),
  );
  const setting = fc.record({ type, option, value });
  fc.assert(
    fc.property(fc.array(setting, { maxLength: 12 }), (settings) => {
      const result = loadConfig({ set: settings.map((s) => `listener.${s.type}.x${s.option}=${s.value}`) });
      if (!result.ok) t.true(result.issues.length > 0);
      else t.deepEqual(structuredClone(result.config), result.config);
    }),
    { numRuns: 1_000 },
  );
});

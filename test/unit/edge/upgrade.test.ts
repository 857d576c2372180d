/** The HTTP upgrade: who gets in, what the others are told, and that every request comes to an end. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { ConfigInput } from '../../../src/config/entry.js';
import { loadConfig } from '../../../src/config/load.js';
import { HTTP_HEAD_BYTES_MAX, HTTP_HEADERS_MAX, LINK_CLOSE_TIMEOUT_MS } from '../../../src/limits.js';
import { HttpUpgrades, type Upgraded, type UpgradeFailed } from '../../../workers/edge/upgrade.js';
import { MemoryBudget } from '../../../workers/memory-budget.js';
import { InnerLink, Listener, timing } from '../../helpers/inner-link.js';
import { BINARY, frame, serverFrames } from '../../helpers/websocket-frames.js';

type Headers = Readonly<Record<string, string | null>>;

const HANDSHAKE: Headers = {
  host: 'localhost',
  upgrade: 'websocket',
  connection: 'Upgrade',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-version': '13',
  'sec-websocket-protocol': 'mqtt',
};

/** @param headers replace those of a right handshake; null: left out. */
function request(headers: Headers = {}, line = 'GET /mqtt HTTP/1.1'): string {
  const all = Object.entries({ ...HANDSHAKE, ...headers }).filter(([, value]) => value !== null);
  return [line, ...all.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n');
}

function upgrades(options: ConfigInput = {}) {
  const named = Object.entries({ bind: '127.0.0.1:0', ...options }).map(([option, value]) => [
    option === 'bind' ? 'listener.ws.external' : `listener.ws.external.${option}`,
    value,
  ]);
  const loaded = loadConfig({ values: Object.fromEntries(named) });
  if (!loaded.ok) throw new Error(loaded.issues[0]?.line);
  const { config } = loaded;
  const time = timing();
  const memory = new MemoryBudget(0);
  const listener = config.listeners.find(({ webSocket }) => webSocket !== null)!;
  return { http: new HttpUpgrades({ config, memory, ...time }, listener), time, memory };
}

/** One client of a listener with these options. */
function client(options: ConfigInput = {}) {
  const { http, time, memory } = upgrades(options);
  const inner = new InnerLink();
  const outcomes: (Upgraded | UpgradeFailed)[] = [];
  const listener = new Listener();
  const open = (head: string | Buffer) =>
    http.open(inner, Buffer.from(head), (outcome) => {
      outcomes.push(outcome);
      if (outcome.ok) outcome.link.handler = listener;
    });
  const answer = () => inner.sent.toString('latin1');
  return { inner, outcomes, listener, open, answer, time, memory };
}

async function accepted(
  t: ExecutionContext,
  head: string,
  options: ConfigInput = {},
): Promise<{ upgraded: Upgraded; answer: string }> {
  const { open, outcomes, answer } = client(options);
  open(head);
  await nextTurn();
  const [outcome] = outcomes;
  t.true(outcome?.ok === true, answer());
  t.is(outcomes.length, 1);
  return { upgraded: outcome as Upgraded, answer: answer() };
}

async function refused(
  t: ExecutionContext,
  head: string,
  status: number,
  reason = 'bad_http',
  options: ConfigInput = {},
): Promise<string> {
  const { open, outcomes, inner, answer, time } = client(options);
  open(head);
  await nextTurn();
  await nextTurn();
  t.deepEqual(outcomes, [{ ok: false, reason }], head.slice(0, 200));
  t.is(answer().split(' ', 2)[1], `${status}`, head.slice(0, 200));
  t.regex(answer(), /\r\nConnection: close\r\n/);
  t.is(inner.ended, 'end');
  t.is(time.wheel.size, 0);
  return answer();
}

test('a handshake is answered with 101, its key and the subprotocol mqtt', async (t) => {
  const { answer, upgraded } = await accepted(t, request());
  t.is(answer.split('\r\n')[0], 'HTTP/1.1 101 Switching Protocols');
  // RFC 6455, section 1.3.
  t.regex(answer, /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
  t.regex(answer, /\r\nSec-WebSocket-Protocol: mqtt\r\n/);
  t.notRegex(answer, /Extensions/);
  t.true(answer.endsWith('\r\n\r\n'));
  t.deepEqual([upgraded.peerAddress, upgraded.peerPort], [null, null]);
});

test('the path may have a query, and may be an absolute address; another one is not found', async (t) => {
  await accepted(t, request({}, 'GET /mqtt?token=/x HTTP/1.1'));
  await accepted(t, request({}, 'GET http://example.com/mqtt HTTP/1.1'));
  await accepted(t, request({}, 'GET /chat HTTP/1.1'), { mqtt_path: '/chat' });
  for (const path of [
    '/',
    '/mqtt/',
    '/mqttx',
    '//mqtt',
    '/%6dqtt',
    '/a/../mqtt',
    '/?/mqtt',
    '*',
    'http://x',
  ]) {
    const answer = await refused(t, request({}, `GET ${path} HTTP/1.1`), 404);
    t.true(answer.endsWith('\r\n\r\nNot found.'));
  }
});

test('a request that is no upgrade to WebSocket gets 400', async (t) => {
  const heads = [
    'GET /mqtt HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /mqtt HTTP/1.0\r\n\r\n',
    request({}, 'POST /mqtt HTTP/1.1'),
    request({}, 'GET /mqtt HTTP/1.0'),
    request({ upgrade: null }),
    request({ upgrade: 'h2c' }),
    request({ connection: null }),
    request({ connection: 'keep-alive' }),
    request({ 'sec-websocket-key': null }),
    request({ 'sec-websocket-key': 'short' }),
    request({ 'content-length': '5' }),
    request({ 'transfer-encoding': 'chunked' }),
    request({ expect: '100-continue', upgrade: null }),
    request({ expect: 'wonders', upgrade: null }),
  ];
  for (const head of heads) {
    const answer = await refused(t, head, 400);
    t.true(answer.endsWith('\r\n\r\nBad Request'));
  }
});

test('bytes that are no HTTP get 400', async (t) => {
  const heads = [
    '\r\n\r\n',
    'HELO\r\n\r\n',
    'GET\r\n\r\n',
    '\u0010\u0016\0\u0004MQTT\r\n\r\n',
    'GET /mqtt HTTP/9.9\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\n',
    'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n',
    request({ 'a\0b': 'x' }),
    request({ 'x-bad': 'a\u0001b' }),
    request({ ' x': 'folded' }),
    `GET /mqtt HTTP/1.1\nHost: x\n\nGET /mqtt HTTP/1.1\r\n\r\n`,
    request().replace('\r\n\r\n', `\n\n${request()}`),
  ];
  for (const head of heads) await refused(t, head, head.includes('CONNECT') ? 404 : 400);
});

test('another version of WebSocket gets 426 and is told ours', async (t) => {
  for (const version of ['8', '12', '14', '13, 8', 'x', null]) {
    const answer = await refused(t, request({ 'sec-websocket-version': version }), 426);
    t.regex(answer, /\r\nSec-WebSocket-Version: 13\r\n/);
  }
});

const protocols: readonly [Headers, string | null][] = [
  [{ 'sec-websocket-protocol': 'mqtt' }, 'mqtt'],
  [{ 'sec-websocket-protocol': 'mqttv3.1, chat, mqtt' }, 'mqtt'],
  [{ 'sec-websocket-protocol': 'chat,mqttv3.1,mqttv3.1.1' }, 'mqttv3.1'],
  [{ 'sec-websocket-protocol': 'mqttv3.1.1' }, 'mqttv3.1.1'],
  [{ 'sec-websocket-protocol': null, 'emq-websocket-protocol': 'mqtt' }, null],
  [{ 'sec-websocket-protocol': 'chat', 'emq-websocket-protocol': 'mqttv3.1' }, null],
];

for (const [headers, chosen] of protocols) {
  const offer = Object.values(headers).join(' and ');
  test(`a client that offers ${offer} gets ${chosen ?? 'no subprotocol, and in'}`, async (t) => {
    const { answer } = await accepted(t, request(headers));
    t.is(/\r\nSec-WebSocket-Protocol: (.*)\r\n/.exec(answer)?.[1] ?? null, chosen);
  });
}

test('a client without a subprotocol of MQTT gets 400, unless it needs none', async (t) => {
  const offers: Headers[] = [
    { 'sec-websocket-protocol': null },
    { 'sec-websocket-protocol': 'chat' },
    { 'sec-websocket-protocol': 'MQTT' },
    { 'sec-websocket-protocol': 'mqtt', 'emq-websocket-protocol': 'chat' },
  ];
  for (const headers of offers) {
    const answer = await refused(t, request(headers), 400, 'bad_websocket_protocol');
    t.true(answer.endsWith('\r\n\r\nBad WebSocket Protocol'));
  }
});

test('a subprotocol that is no token gets 400', async (t) => {
  for (const offer of ['mqtt mqtt', 'mqtt,,', 'mqtt, mqtt', 'mqtt;x']) {
    await refused(t, request({ 'sec-websocket-protocol': offer }), 400);
  }
});

test('where origins are listed, a browser from elsewhere gets 403, and who is no browser gets in', async (t) => {
  const allowed_origins = 'https://example.com,http://localhost:8080';
  const good = [
    null,
    'https://example.com',
    'https://EXAMPLE.com',
    'https://example.com:443',
    'http://localhost:8080',
  ];
  for (const origin of good) await accepted(t, request({ origin }), { allowed_origins });
  const bad = [
    'http://example.com',
    'https://example.com:8443',
    'https://example.com.evil.org',
    'https://evil.org/https://example.com',
    'http://localhost',
    'null',
    '',
    'https://example.com, https://example.com',
  ];
  for (const origin of bad) await refused(t, request({ origin }), 403, 'origin_refused', { allowed_origins });
  await accepted(t, request({ origin: 'https://anywhere.org' }));
});

test('a proxy tells the address and port of its client: the last that is no trusted proxy', async (t) => {
  const options = {
    proxy_address_header: 'X-Forwarded-For',
    proxy_port_header: 'X-Forwarded-Port',
    trusted_proxies: '127.0.0.1, 10.0.0.0/8',
  };
  const cases: readonly [Headers, string | null, number | null][] = [
    [{ 'x-forwarded-for': '1.2.3.4', 'x-forwarded-port': '567' }, '1.2.3.4', 567],
    [{ 'X-Forwarded-For': ' 2001:db8::1 , 10.0.0.1' }, '2001:db8::1', null],
    [{ 'x-forwarded-for': '1.2.3.4', 'x-forwarded-port': '70000' }, '1.2.3.4', null],
    [{ 'x-forwarded-for': '1.2.3.4, 5.6.7.8', 'x-forwarded-port': '1, 2' }, '5.6.7.8', 2],
    [{ 'x-forwarded-for': '1.2.3.4, 5.6.7.8, 10.0.0.2,10.0.0.1', 'x-forwarded-port': '443' }, '5.6.7.8', 443],
    [{ 'x-forwarded-for': '10.0.0.2, 10.0.0.1' }, '10.0.0.2', null],
    [{ 'x-forwarded-for': '1.2.3.4, nonsense, 10.0.0.1' }, null, null],
    [{ 'x-forwarded-for': '::FFFF:102:304, 127.0.0.1' }, '1.2.3.4', null],
    [{ 'x-forwarded-for': 'fe80::1%eth0' }, null, null],
    [{ 'x-forwarded-for': 'unknown', 'x-forwarded-port': '567' }, null, null],
    [{ 'x-forwarded-for': '1.2.3.4:567' }, null, null],
    [{}, null, null],
  ];
  for (const [headers, address, port] of cases) {
    const { upgraded } = await accepted(t, request(headers), options);
    t.deepEqual([upgraded.peerAddress, upgraded.peerPort], [address, port]);
  }
  const everybody = { ...options, trusted_proxies: '' };
  const { upgraded } = await accepted(t, request({ 'x-forwarded-for': '1.2.3.4, 5.6.7.8' }), everybody);
  t.is(upgraded.peerAddress, '1.2.3.4');
});

test('a head that is too large, or has too many headers, gets 431', async (t) => {
  await refused(t, request({ cookie: 'x'.repeat(HTTP_HEAD_BYTES_MAX) }), 431, 'http_head_too_large');
  await refused(t, `GET /${'x'.repeat(HTTP_HEAD_BYTES_MAX)}`, 431, 'http_head_too_large');
  const many = (count: number) =>
    Object.fromEntries(
      Array.from({ length: count - Object.keys(HANDSHAKE).length }, (_, i) => [`h${i}`, 'x']),
    );
  await accepted(t, request(many(HTTP_HEADERS_MAX)));
  await refused(t, request(many(HTTP_HEADERS_MAX + 1)), 431, 'http_head_too_large');
  await refused(t, request(many(1_500)), 431, 'http_head_too_large');
});

test('a head may come byte by byte, and frames right behind it', async (t) => {
  const { open, inner, outcomes, listener, memory } = client();
  const bytes = Buffer.concat([Buffer.from(request()), frame(BINARY, 'first'), frame(BINARY, 'second')]);
  open(bytes.subarray(0, 0));
  for (const byte of bytes) inner.receive(Buffer.of(byte));
  await nextTurn();
  t.true(outcomes[0]?.ok);
  t.is(String(listener.received), 'firstsecond');
  t.is(memory.totalBytes, 0);
});

test('frames that come with the head are read when the upgrade is told', async (t) => {
  const { open, inner, listener, outcomes } = client();
  open(Buffer.concat([Buffer.from(request()), frame(BINARY, 'first')]));
  t.is(String(listener.received), 'first');
  inner.receive(frame(BINARY, 'second'));
  t.is(String(listener.received), 'firstsecond');
  const { link } = outcomes[0] as Upgraded;
  const before = inner.sent.length;
  link.writeAll([Buffer.from('answer')]);
  t.deepEqual(serverFrames(inner.sent.subarray(before)), [
    { opcode: BINARY, payload: Buffer.from('answer') },
  ]);
  await nextTurn();
  t.is(inner.ended, null, 'what was needed for the upgrade leaves the link alone');
  t.false(inner.isPaused);
});

test('a link that has not taken the answer yet is not written to before it has', (t) => {
  const { open, inner, outcomes } = client();
  inner.isSlow = true;
  open(request());
  const { link } = outcomes[0] as Upgraded;
  t.false(link.writeAll([Buffer.from('data')]));
  inner.drain();
  t.true(inner.sent.toString('latin1').endsWith('\r\n\r\n\u0082\u0004data'));
});

test('a link that closes during the upgrade is a failure, told once, and gives its memory back', async (t) => {
  const { open, inner, outcomes, memory } = client();
  open('GET /mqtt HT');
  t.true(memory.totalBytes > 0);
  inner.drop();
  await nextTurn();
  t.deepEqual(outcomes, [{ ok: false, reason: 'closed' }]);
  t.is(memory.totalBytes, 0);
});

test('an upgrade that is given up ends its link and tells nothing', async (t) => {
  const { open, inner, outcomes, memory } = client();
  const attempt = open('GET /mqtt HT');
  attempt.abort();
  inner.receive(Buffer.from(request()));
  await nextTurn();
  t.is(inner.ended, 'destroy');
  t.deepEqual(outcomes, []);
  t.is(memory.totalBytes, 0);
});

test('a refused client that stays is cut off', async (t) => {
  const { open, inner, outcomes, time } = client();
  inner.isStubborn = true;
  open('GET / HTTP/1.1\r\n\r\n');
  inner.receive(Buffer.from(request()), frame(BINARY, 'x'));
  t.deepEqual(outcomes, []);
  time.advance(LINK_CLOSE_TIMEOUT_MS + 200);
  await nextTurn();
  t.deepEqual(outcomes, [{ ok: false, reason: 'bad_http' }]);
  t.is(time.wheel.size, 0);
});

const pieces = fc.array(
  fc.oneof(
    fc.constantFrom(
      ...request().split('\r\n'),
      '\r\n',
      '\r\n',
      '\n',
      ':',
      ', ',
      '\0',
      'GET',
      ' HTTP/1.1',
      'chunked',
    ),
    fc.string({ maxLength: 10, unit: 'binary' }),
  ),
  { maxLength: 30 },
);

test('any request gets an answer or waits for its end, and nothing throws', async (t) => {
  await fc.assert(
    fc.asyncProperty(pieces, fc.boolean(), async (texts, isWhole) => {
      const { open, inner, outcomes } = client();
      open(Buffer.from(texts.join('') + (isWhole ? '\r\n\r\n' : ''), 'latin1'));
      if (!isWhole) inner.drop();
      await nextTurn();
      await nextTurn();
      t.is(outcomes.length, 1);
      t.true(outcomes[0]!.ok || inner.isClosed);
    }),
    { numRuns: 300 },
  );
});

/** What programs that mean harm, or are broken, send to the API: one connection’s matter, answered in good time. */
import { Readable } from 'node:stream';
import test from 'ava';
import { endpoint } from '../../src/api/endpoint.js';
import { string } from '../../src/api/fields.js';
import { RawAnswer } from '../../src/api/raw-answer.js';
import { NOTHING } from '../../src/api/schema.js';
import { API_BODY_BYTES_MAX, API_HEADER_BYTES_MAX, API_PIPELINED_MAX } from '../../src/limits.js';
import { ADMIN, type ApiBench, OPEN_AUTH, RawConnection, startApi } from '../helpers/api-server.js';
import { until } from '../helpers/with-broker.js';

const about = 'for a test';
const answer = NOTHING;
const MIB = 1 << 20;

let release: () => void = () => undefined;
const slow = { started: 0, destroyed: 0 };

const ENDPOINTS = [
  endpoint({ method: 'GET', path: 'things', about, answer, handle: () => [1] }),
  endpoint({
    method: 'GET',
    path: 'things/{name}',
    about,
    answer,
    handle: ({ path }) => path['name']?.length,
  }),
  endpoint({
    method: 'POST',
    path: 'things',
    about,
    fields: { name: string('x') },
    answer,
    handle: ({ params }) => params.name.length,
  }),
  OPEN_AUTH,
  endpoint({ method: 'GET', path: 'large', about, answer, handle: () => 'x'.repeat(32 * MIB) }),
  endpoint({
    method: 'GET',
    path: 'slow',
    about,
    answer,
    handle: async () => {
      slow.started++;
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return 'late';
    },
  }),
  endpoint({
    method: 'GET',
    path: 'stream',
    about,
    answer,
    handle: () =>
      new RawAnswer(
        'application/x-ndjson',
        new Readable({
          read() {
            this.push(`${'x'.repeat(4_000)}\n`);
          },
          destroy(error, done) {
            slow.destroyed++;
            done(error);
          },
        }),
      ),
  }),
];

const open = (bench: ApiBench): RawConnection => new RawConnection(bench.port);
const get = (target: string, more = '', version = '1.1'): string =>
  `GET ${target} HTTP/${version}\r\nHost: x\r\n${ADMIN}${more}\r\n`;
const THINGS = get('/api/v2/things');

/** The API still answers. */
async function lives({ ask }: ApiBench): Promise<boolean> {
  return (await ask('GET things')).status === 200;
}

/** Sends bytes, and waits for the end of the connection. @returns the statuses it got before */
async function fate(bench: ApiBench, ...texts: string[]): Promise<number[]> {
  const connection = open(bench);
  for (const text of texts) connection.send(text);
  await until(() => connection.isClosed, `the end after ${texts[0]!.slice(0, 60)}`);
  return connection.statuses;
}

/** @returns the status of the first answer */
async function status(bench: ApiBench, text: string): Promise<number | undefined> {
  const connection = open(bench).send(text);
  await until(
    () => connection.statuses.length > 0 || connection.isClosed,
    `an answer to ${text.slice(0, 60)}`,
  );
  connection.destroy();
  return connection.statuses[0];
}

test('what is no HTTP gets 400 and the end of its connection', async (t) => {
  const bench = await startApi(t, ENDPOINTS);
  const texts = [
    '\0\0\0\0\r\n\r\n',
    'GET\r\n\r\n',
    'GET /api/v2/things HTTP/9.9\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    '\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00\r\n\r\n',
    'GET /api/v2/things HTTP/1.1\r\n\r\n',
    `GET /api/v2/a b HTTP/1.1\r\nHost: x\r\n${ADMIN}\r\n`,
    `GET /api/v2/a\0b HTTP/1.1\r\nHost: x\r\n${ADMIN}\r\n`,
    `GET /api/v2/things HTTP/1.1\r\nHost : x\r\n${ADMIN}\r\n`,
    `GET /api/v2/things HTTP/1.1\r\nHost: x\r\nA: b\0\r\n${ADMIN}\r\n`,
    `GET /api/v2/things HTTP/1.1\r\nHost: x\r\n folded\r\n : y\r\n${ADMIN}\r\n`,
  ];
  for (const text of texts) t.deepEqual(await fate(bench, text), [400], JSON.stringify(text.slice(0, 60)));
  t.true(await lives(bench));
  t.is(bench.log.lines.filter(({ level }) => level === 'error').length, 0);
});

test('shapes that two programs may read differently are refused, and nothing behind them is read', async (t) => {
  const bench = await startApi(t, ENDPOINTS);
  const post = (headers: string): string =>
    `POST /api/v2/things HTTP/1.1\r\nHost: x\r\n${ADMIN}${headers}\r\n0\r\n\r\n${THINGS}`;
  const shapes = [
    'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n',
    'Content-Length: 5\r\nContent-Length: 6\r\n',
    'Content-Length: 5, 5\r\n',
    'Content-Length: +5\r\n',
    'Content-Length: -1\r\n',
    'Content-Length: 0x5\r\n',
    'Content-Length: 99999999999999999999999\r\n',
    'Transfer-Encoding: xchunked\r\n',
    'Transfer-Encoding: chunked, identity\r\n',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n',
  ];
  for (const headers of shapes) {
    const statuses = await fate(bench, post(headers));
    t.deepEqual(statuses, [400], headers);
  }
  t.true(await lives(bench));
});

test('chunks that are none end the connection', async (t) => {
  const bench = await startApi(t, ENDPOINTS);
  const start = `POST /api/v2/things HTTP/1.1\r\nHost: x\r\n${ADMIN}Transfer-Encoding: chunked\r\n\r\n`;
  for (const chunk of ['zz\r\n', '-1\r\n', 'ffffffffffffffffff\r\n', '1;a\r\nxy\r\n'])
    t.deepEqual(await fate(bench, start, chunk), [400], chunk);
  const connection = open(bench).send(start);
  for (const part of ['9\r\n{"name":"\r\n', '1\r\na\r\n', '2\r\n"}\r\n', '0\r\n\r\n']) connection.send(part);
  await until(() => connection.text.endsWith('{"code":0,"result":1}'));
  connection.destroy();
  t.true(await lives(bench));
});

test('a body above 1 MiB gets 413 and the end of its connection, however it is announced', async (t) => {
  const bench = await startApi(t, ENDPOINTS);
  const head = `POST /api/v2/things HTTP/1.1\r\nHost: x\r\n${ADMIN}`;
  const large = 'x'.repeat(10 * MIB);
  t.deepEqual(await fate(bench, `${head}Content-Length: ${large.length}\r\n\r\n`, large), [413]);
  t.deepEqual(
    await fate(
      bench,
      `${head}Transfer-Encoding: chunked\r\n\r\n`,
      `${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`,
    ),
    [413],
  );
  const { status: refused, headers } = await bench.ask('POST things', { body: large });
  t.is(refused, 413);
  t.is(headers['connection'], 'close');
  const name = 'x'.repeat(API_BODY_BYTES_MAX - 11);
  t.is((await bench.ask('POST things', { body: { name } })).text, `{"code":0,"result":${name.length}}`);
  t.is((await bench.ask('POST things', { body: { name: `${name}x` } })).status, 413);
  t.is((await bench.ask('POST auth', { body: large, user: null })).status, 413);
});

test('a body that nobody wants is read past, and the connection goes on; not for ever', async (t) => {
  const bench = await startApi(t, ENDPOINTS);
  const head = (authorization: string): string =>
    `POST /api/v2/nowhere HTTP/1.1\r\nHost: x\r\n${authorization}Content-Length: 100000\r\n\r\n`;
  const body = 'x'.repeat(100_000);
  const connection = open(bench).send(head(ADMIN) + body + head('') + body + THINGS);
  await until(() => connection.statuses.length === 3);
  t.deepEqual(connection.statuses, [404, 401, 200]);
  connection.send(get('/api/v2/things', 'Content-Length: 5\r\n')).send('abcde').send(THINGS);
  await until(() => connection.statuses.length === 5);
  connection.destroy();
  const endless = `POST /api/v2/nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n`;
  t.deepEqual(await fate(bench, endless, 'x'.repeat(17 * MIB)), [401]);
  t.deepEqual(await fate(bench, endless, 'x'), [401], 'one that stops sending');
  t.true(await lives(bench));
});

test('a client that asks first whether to send its body is told, or told why not', async (t) => {
  const bench = await startApi(t, ENDPOINTS);
  const head = (length: number): string =>
    `POST /api/v2/things HTTP/1.1\r\nHost: x\r\n${ADMIN}Expect: 100-continue\r\nContent-Length: ${length}\r\n\r\n`;
  const connection = open(bench).send(head(12));
  await until(() => connection.statuses[0] === 100);
  connection.send('{"name":"a"}');
  await until(() => connection.text.endsWith('{"code":0,"result":1}'));
  connection.destroy();
  t.deepEqual(await fate(bench, head(2 * MIB)), [413]);
  t.deepEqual(await fate(bench, head(2 * MIB).replace(ADMIN, '')), [401]);
});

test('targets of every form: absolute, with a fragment, with bytes that are no ASCII, with rubbish', async (t) => {
  const bench = await startApi(t, ENDPOINTS);
  const cases: readonly (readonly [string, number])[] = [
    ['http://elsewhere:1/api/v2/things', 200],
    ['HTTPS://elsewhere/api/v2/things?a=b', 200],
    ['http://elsewhere', 200],
    ['http://elsewhere?a', 200],
    ['/api/v2/things#fragment', 200],
    ['/api/v2/things/\xfc\xa0', 400],
    ['/api/v2/things/%', 200],
    [`/api/v2/things/${'%00'.repeat(1_000)}`, 200],
    [`/api/v2/things/${'/'.repeat(30_000)}`, 200],
    [`/api/v2/things?${'a=b&'.repeat(10_000)}`, 200],
    [`/${'a/'.repeat(20_000)}`, 404],
    ['/api/v2/../v2/things', 404],
    ['/api/v2/%2e%2e/things', 404],
    ['//api/v2/things', 404],
    ['/\\api\\v2\\things', 404],
    ['ftp://x/api/v2/things', 404],
    ['api/v2/things', 400],
    ['?', 400],
  ];
  for (const [target, expected] of cases)
    t.is(await status(bench, get(target)), expected, target.slice(0, 60));
  t.is(await status(bench, `OPTIONS * HTTP/1.1\r\nHost: x\r\n${ADMIN}\r\n`), 404);
  t.is(await status(bench, 'GET /api/v2/things HTTP/1.0\r\n\r\n'), 401);
  t.deepEqual(await fate(bench, get('/api/v2/things', '', '1.0')), [200]);
});

test('headers above their bound get 431', async (t) => {
  const bench = await startApi(t, ENDPOINTS);
  t.deepEqual(await fate(bench, get('/', `A: ${'x'.repeat(API_HEADER_BYTES_MAX)}\r\n`)), [431]);
  t.deepEqual(await fate(bench, get(`/${'x'.repeat(API_HEADER_BYTES_MAX)}`)), [431]);
  t.is(await status(bench, get('/api/v2/things', 'A: b\r\n'.repeat(1_500))), 200);
  t.true(await lives(bench));
});

test('upgrades and tunnels are not to be had', async (t) => {
  const bench = await startApi(t, ENDPOINTS);
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n';
  t.is(await status(bench, get('/api/v2/things', upgrade)), 200);
  t.is(
    await status(bench, get('/api/v2/things', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n')),
    200,
  );
  t.deepEqual(await fate(bench, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), [400]);
  t.deepEqual(await fate(bench, 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n'), []);
  t.is(await status(bench, `TRACE /api/v2/things HTTP/1.1\r\nHost: x\r\n${ADMIN}\r\n`), 404);
});

test.serial(
  'requests in one go are answered in order; too many without waiting end the connection',
  async (t) => {
    const bench = await startApi(t, ENDPOINTS);
    const connection = open(bench).send(THINGS + get('/api/v2/nowhere') + get('/api/v2/things/abc'));
    await until(() => connection.statuses.length === 3);
    t.deepEqual(connection.statuses, [200, 404, 200]);
    connection.destroy();
    const before = slow.started;
    await fate(bench, get('/api/v2/slow') + THINGS.repeat(5_000));
    release();
    t.true(slow.started <= before + 1);
    t.is(bench.server.listeners[0]!.figures.shutdownCount()['pipelined'], 1);
    const few = open(bench).send(THINGS.repeat(API_PIPELINED_MAX));
    await until(() => few.statuses.length === API_PIPELINED_MAX);
    few.destroy();
    t.true(await lives(bench));
  },
);

test.serial(
  'a client that goes in the middle of a body, or before its answer, leaves nothing behind',
  async (t) => {
    const bench = await startApi(t, ENDPOINTS);
    const head = `POST /api/v2/things HTTP/1.1\r\nHost: x\r\n${ADMIN}Content-Length: 100\r\n\r\n{`;
    for (let round = 0; round < 20; round++) {
      const connection = open(bench).send(head);
      const other = open(bench).send(get('/api/v2/slow'));
      const before = slow.started;
      await until(() => slow.started > before);
      connection.destroy();
      other.destroy();
      release();
    }
    const { figures } = bench.server.listeners[0]!;
    await until(() => figures.current === 0, 'no connection');
    t.deepEqual(
      bench.log.lines.filter(({ level }) => level === 'error'),
      [],
    );
    t.true(await lives(bench));
  },
);

test('a stream ends when its reader goes', async (t) => {
  const bench = await startApi(t, ENDPOINTS);
  const connection = open(bench).send(get('/api/v2/stream'));
  await until(() => connection.text.length > 100_000);
  const before = slow.destroyed;
  connection.destroy();
  await until(() => slow.destroyed > before);
  t.true(await lives(bench));
});

test.serial('answers behind others are forgotten with their connection, whatever they are', async (t) => {
  const bench = await startApi(t, ENDPOINTS);
  const [started, destroyed] = [slow.started, slow.destroyed];
  const connection = open(bench).send(get('/api/v2/slow') + get('/api/v2/stream').repeat(5));
  await until(() => slow.started > started);
  connection.destroy();
  await until(() => slow.destroyed === destroyed + 5, 'the end of the streams');
  release();
  t.true(await lives(bench));
});

test('a reader that takes nothing is closed after send_timeout', async (t) => {
  const bench = await startApi(t, ENDPOINTS, ['send_timeout=300ms']);
  const connection = open(bench).stall().send(get('/api/v2/large'));
  await until(() => bench.server.listeners[0]!.figures.current === 1);
  await until(() => bench.server.listeners[0]!.figures.current === 0, 'the end of the stalled reader');
  connection.destroy();
  t.true(await lives(bench));
});

test('headers and bodies that drip are broken off with 408', async (t) => {
  const deadlines = { headersMs: 1_000, requestMs: 2_000, checkMs: 100 };
  const bench = await startApi(t, ENDPOINTS, [], null, deadlines);
  const silent = open(bench);
  const half = open(bench).send('GET /api/v2/things HT');
  const dripping = open(bench).send(`GET /api/v2/things HTTP/1.1\r\n`);
  const drip = setInterval(() => dripping.send('A: b\r\n'), 100);
  const body = open(bench).send(
    `POST /api/v2/things HTTP/1.1\r\nHost: x\r\n${ADMIN}Content-Length: 100000\r\n\r\n{`,
  );
  const bodyDrip = setInterval(() => body.send(' '), 100);
  const all = [silent, half, dripping];
  await until(() => all.every(({ isClosed }) => isClosed), 'the end of slow headers');
  for (const { statuses } of all) t.deepEqual(statuses, [408]);
  await until(() => body.isClosed, 'the end of a slow body');
  clearInterval(drip);
  clearInterval(bodyDrip);
  t.deepEqual(body.statuses, [408]);
  t.true(await lives(bench));
});

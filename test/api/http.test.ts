/** What EMQ's reference says of every request, whatever it asks: who may, which path, which status, which form. */
import test from 'ava';
import { endpoint } from '../../src/api/endpoint.js';
import { integer, optional, string } from '../../src/api/fields.js';
import { RawAnswer } from '../../src/api/raw-answer.js';
import { NOTHING } from '../../src/api/schema.js';
import { BrokerError } from '../../src/base/errors.js';
import { NODE_NAME, OPEN_AUTH, startApi } from '../helpers/api-server.js';
import { until } from '../helpers/with-broker.js';

const about = 'for a test';
const answer = NOTHING;
const ENDPOINTS = [
  endpoint({ method: 'GET', path: 'things', about, answer, isExact: true, handle: () => [1] }),
  endpoint({ method: 'GET', path: 'things/{name}', about, answer, handle: ({ path }) => path['name'] }),
  endpoint({ method: 'GET', path: 'nodes/{node}/things', about, answer, handle: () => 'all' }),
  endpoint({ method: 'GET', path: 'nodes/{node}/things/{name}', about, answer, handle: ({ path }) => path }),
  endpoint({
    method: 'POST',
    path: 'things',
    about,
    fields: { name: string('x'), size: optional(integer('x', 0, 9), 3) },
    answer,
    handle: ({ params }) => params,
  }),
  endpoint({ method: 'PUT', path: 'any', about, takesAnyBody: true, answer, handle: ({ body }) => body }),
  OPEN_AUTH,
  endpoint({
    method: 'GET',
    path: '/figures',
    about,
    answer,
    handle: () => new RawAnswer('text/plain; version=1', 'a 1\n'),
  }),
  endpoint({
    method: 'DELETE',
    path: 'fault',
    about,
    answer,
    handle: () => {
      throw new Error('secret-of-the-inside');
    },
  }),
  endpoint({
    method: 'GET',
    path: 'shard',
    about,
    answer,
    handle: () => {
      throw new BrokerError('SHARD_UNAVAILABLE', 'shard 1 is silent');
    },
  }),
];

test('nobody is asked for a name at /status, / and POST auth', async (t) => {
  const { ask } = await startApi(t, ENDPOINTS);
  const user = null;
  const status = await ask('GET /status', { user });
  t.is(status.status, 200);
  t.is(status.headers['content-type'], 'text/plain');
  t.is(status.text, `Node ${NODE_NAME} is started\nemqttd is running`);
  const paths = await ask('GET /', { user });
  t.is(paths.headers['content-type'], 'application/json');
  t.deepEqual(paths.json, {
    paths: [
      'api/v2/things',
      'api/v2/things/{name}',
      'api/v2/nodes/{node}/things',
      'api/v2/nodes/{node}/things/{name}',
      'api/v2/any',
      'api/v2/auth',
      '/figures',
      'api/v2/fault',
      'api/v2/shard',
    ],
  });
  for (const path of ['/status', '/']) {
    const head = await ask(`HEAD ${path}`, { user });
    t.deepEqual([head.status, head.text], [200, '']);
    t.is((await ask(`POST ${path}`, { user })).status, 401);
  }
  t.is((await ask('POST auth', { user })).text, '{"code":0,"result":[]}');
  t.is((await ask('GET auth', { user })).status, 401);
  t.is((await ask('POST auth/', { user })).status, 401);
});

test('/healthz says that the process lives, /readyz whether every shard takes clients', async (t) => {
  const bench = await startApi(t, ENDPOINTS);
  const user = null;
  t.deepEqual((await bench.ask('GET /healthz', { user })).text, 'ok\n');
  t.deepEqual((await bench.ask('GET /readyz', { user })).status, 200);
  bench.isReady = false;
  t.deepEqual((await bench.ask('GET /readyz', { user })).status, 503);
  t.deepEqual((await bench.ask('HEAD /readyz', { user })).status, 503);
  t.deepEqual((await bench.ask('GET /healthz', { user })).status, 200);
});

test('without the right name and password there is 401, EMQ’s header and no body, on unknown paths too', async (t) => {
  const { ask } = await startApi(t, ENDPOINTS);
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
  const wrong = [
    {},
    { Authorization: basic('admin:wrong') },
    { Authorization: basic('nobody:public') },
    { Authorization: basic('admin') },
    { Authorization: basic('') },
    { Authorization: basic(':') },
    { Authorization: 'Basic' },
    { Authorization: 'Basic !!!' },
    { Authorization: `Bearer ${Buffer.from('admin:public').toString('base64')}` },
    { Authorization: '\t' },
  ];
  for (const headers of wrong) {
    for (const what of [
      'GET things',
      'GET nowhere',
      'OPTIONS things',
      'HEAD things',
      'DELETE /other',
      'POST things',
    ]) {
      const { status, text, headers: got } = await ask(what, { user: null, headers });
      t.deepEqual([status, text], [401, ''], what);
      t.is(got['www-authenticate'], 'Basic Realm="emqx control center"');
      t.is(got['content-type'], undefined);
      t.is(got['content-length'], what.startsWith('HEAD') ? got['content-length'] : '0');
    }
  }
});

test('a password may have colons, and more than ASCII', async (t) => {
  const { ask, users } = await startApi(t, ENDPOINTS);
  users.change('a:b:ü');
  t.is((await ask('GET things', { user: 'admin:a:b:ü' })).status, 200);
  t.is((await ask('GET things', { user: 'admin:a' })).status, 401);
});

test('with them, an unknown path or method is 404, text/plain and empty', async (t) => {
  const { ask } = await startApi(t, ENDPOINTS);
  const unknown = [
    'GET nowhere',
    'GET /',
    'PUT things',
    'DELETE things/a',
    'OPTIONS things',
    'PATCH things',
    'HEAD things/a',
    'GET /api/v2',
    'GET /api/v2/',
    'GET /api/v2//things',
    'GET /api/v1/things',
    'GET /API/v2/things',
    'GET //api/v2/things',
    'GET things/',
    'POST auth/',
    'HEAD /figures',
  ].filter((what) => what !== 'GET /');
  for (const what of unknown) {
    const { status, text, headers } = await ask(what);
    t.deepEqual([status, text], [404, ''], what);
    t.is(headers['content-type'], 'text/plain', what);
    t.is(headers['access-control-allow-origin'], undefined);
    t.is(headers['allow'], undefined);
  }
});

test('a slash at the end is ignored but where EMQ takes none; `node/` is `nodes/`', async (t) => {
  const { ask } = await startApi(t, ENDPOINTS);
  for (const what of [`nodes/${NODE_NAME}/things`, `nodes/${NODE_NAME}/things/`, `node/${NODE_NAME}/things/`])
    t.deepEqual((await ask(`GET ${what}`)).json, { code: 0, result: 'all' }, what);
  t.deepEqual((await ask('GET things/a/')).json, { code: 0, result: 'a' });
  t.is((await ask('GET things/')).status, 404);
});

test('what a path names is decoded like a form: + is a blank, and slashes may stand in it', async (t) => {
  const { ask } = await startApi(t, ENDPOINTS);
  const said = async (text: string): Promise<unknown> =>
    ((await ask(`GET things/${text}`)).json as { result?: unknown }).result;
  t.is(await said('/World'), '/World');
  t.is(await said('a+b'), 'a b');
  t.is(await said('a%2Bb'), 'a+b');
  t.is(await said('a/%23'), 'a/#');
  t.is(await said('a%2F'), 'a/');
  t.is(await said('%E4%B8%AD'), '中');
  t.is(await said('a?b=c'), 'a');
  t.is(await said('%00'), '\0');
  for (const text of ['%', '%zz', '%E4', '%C0%80'])
    t.is((await ask(`GET things/${text}`)).text, '{"code":108,"message":"params type error"}', text);
});

test('JSON is said to be exactly that, in ASCII', async (t) => {
  const { ask } = await startApi(t, ENDPOINTS);
  const { headers, text } = await ask('GET things/%E4%B8%AD%F0%9F%98%80%7F%22');
  t.is(headers['content-type'], 'application/json');
  t.is(text, '{"code":0,"result":"\\u4e2d\\ud83d\\ude00\\u007f\\""}');
  t.is(headers['content-length'], String(text.length));
  t.is(headers['etag'], undefined);
});

test('an endpoint may stand anywhere and answer something else than JSON', async (t) => {
  const { ask } = await startApi(t, ENDPOINTS);
  const { headers, text } = await ask('GET /figures');
  t.is(headers['content-type'], 'text/plain; version=1');
  t.is(text, 'a 1\n');
  t.is((await ask('GET /figures', { user: null })).status, 401);
});

test('107 comes before 108, and 109 before both', async (t) => {
  const { ask } = await startApi(t, ENDPOINTS);
  const post = async (body: unknown): Promise<string> => (await ask('POST things', { body })).text;
  const missing = '{"code":107,"message":"params error"}';
  const wrong = '{"code":108,"message":"params type error"}';
  t.is(await post(undefined), missing);
  t.is(await post({ size: 'x' }), missing);
  t.is(await post({ name: null }), wrong);
  t.is(await post({ name: 1 }), wrong);
  t.is(await post({ name: 'a', size: 10 }), wrong);
  t.is(await post({ name: 'a', size: 1.5 }), wrong);
  t.is(await post('{"name":"a","size":1e400}'), wrong);
  t.is(await post({ name: 'a' }), '{"code":0,"result":{"name":"a","size":3}}');
  t.is(await post('{"name":"a","name":"b"}'), '{"code":0,"result":{"name":"b","size":3}}');
  t.is(
    (await ask('POST things', { body: '{"name":"a"}', headers: { 'Content-Type': 'text/plain' } })).status,
    200,
  );
});

test('what is no JSON object is 109', async (t) => {
  const { ask } = await startApi(t, ENDPOINTS);
  const deep = (open: string, close: string): string => open.repeat(150_000) + close.repeat(150_000);
  const bodies = ['{', '[]', '[{"name":"a"}]', '1', 'null', '"x"', ' ', '{"name":"a",}', '\0', '{"a":1}x'];
  const bad = [
    ...bodies,
    deep('[', ']'),
    '['.repeat(1 << 20),
    `{"name":${deep('[', ']')}}`,
    `${'{"a":'.repeat(150_000)}1${'}'.repeat(150_000)}`,
  ];
  for (const body of bad)
    t.is(
      (await ask('POST things', { body })).text,
      '{"code":109,"message":"Body not json"}',
      body.slice(0, 20),
    );
});

test('members of a body that are named like parts of objects are just members', async (t) => {
  const { ask } = await startApi(t, ENDPOINTS);
  const body = '{"__proto__":{"name":"x"},"constructor":"y","hasOwnProperty":1}';
  t.is((await ask('PUT any', { body })).text, `{"code":0,"result":${body}}`);
  t.is(
    (await ask('POST things', { body: '{"__proto__":{"name":"x"}}' })).text,
    '{"code":107,"message":"params error"}',
  );
  t.is(Object.getOwnPropertyDescriptor(Object.prototype, 'name'), undefined);
});

test('a fault inside is 102 without a word, and in the log with the request’s identifier', async (t) => {
  const { ask, log } = await startApi(t, ENDPOINTS);
  const { status, text, headers } = await ask('DELETE fault', { headers: { 'X-Request-Id': 'my-id-1' } });
  t.is(status, 200);
  t.is(text, '{"code":102}');
  t.is(headers['x-request-id'], 'my-id-1');
  const line = log.lines.find(({ level }) => level === 'error');
  t.regex(line?.message ?? '', /secret-of-the-inside/);
  t.is(line?.fields['id'], 'my-id-1');
});

test('a shard that does not answer, and another node, are 101', async (t) => {
  const { ask } = await startApi(t, ENDPOINTS);
  t.is((await ask('GET shard')).text, '{"code":101,"message":"nodedown"}');
  t.is((await ask('GET nodes/other@1/things')).text, '{"code":101,"message":"nodedown"}');
});

test('each request has an identifier: its own, where that is sane, or a new one', async (t) => {
  const { ask } = await startApi(t, ENDPOINTS);
  const idFor = async (id: string): Promise<unknown> =>
    (await ask('GET things', { headers: { 'X-Request-Id': id } })).headers['x-request-id'];
  t.is(await idFor('abc-DEF_1.2:3/4'), 'abc-DEF_1.2:3/4');
  for (const id of ['', 'a b', 'a"b', 'x'.repeat(129), '<script>'])
    t.regex(String(await idFor(id)), /^[0-9a-f-]{36}$/);
  t.truthy((await ask('GET things', { user: null })).headers['x-request-id']);
});

test('the log has a line per request: who, what, how long; never a secret', async (t) => {
  const { ask, log } = await startApi(t, ENDPOINTS);
  await ask('GET things/a?token=verysecret');
  await ask('POST things', { body: { name: 'verysecret' } });
  await ask('POST things', { body: { name: 1 } });
  await ask('GET things', { user: 'admin:verysecret' });
  await ask(`GET things/${'x'.repeat(5_000)}`);
  await until(() => log.lines.length === 5);
  t.deepEqual(
    log.lines.map(({ level, message, fields }) => [
      level,
      message.slice(0, 40),
      fields['status'],
      fields['code'],
      fields['user'],
    ]),
    [
      ['debug', 'api: GET /api/v2/things/a', 200, 0, 'admin'],
      ['info', 'api: POST /api/v2/things', 200, 0, 'admin'],
      ['info', 'api: POST /api/v2/things', 200, 108, 'admin'],
      ['info', 'api: GET /api/v2/things', 401, null, null],
      ['debug', `api: GET /api/v2/things/${'x'.repeat(16)}`, 200, 0, 'admin'],
    ],
  );
  for (const { fields } of log.lines) {
    t.is(typeof fields['durationMs'], 'number');
    t.is(fields['address'], '127.0.0.1');
    t.is(typeof fields['id'], 'string');
  }
  t.false(JSON.stringify(log.lines).includes('verysecret'));
  t.true(log.lines[4]!.message.length < 300);
});

test('guessing passwords does not fill the log, nor keep changes out of it', async (t) => {
  const { ask, log } = await startApi(t, ENDPOINTS);
  for (let round = 0; round < 10; round++)
    await Promise.all(Array.from({ length: 40 }, () => ask('GET things', { user: null })));
  await ask('POST things', { body: { name: 'a' } });
  await until(() => log.lines.some(({ message }) => message === 'api: POST /api/v2/things'));
  t.true(log.lines.length < 395, String(log.lines.length));
});

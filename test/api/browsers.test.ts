/** What pages of other origins can have a browser do to the API: nothing. */
import test from 'ava';
import { endpoint } from '../../src/api/endpoint.js';
import { NOTHING } from '../../src/api/schema.js';
import { startApi } from '../helpers/api-server.js';

const about = 'for a test';
const ENDPOINTS = [
  endpoint({ method: 'GET', path: 'things', about, answer: NOTHING, handle: () => [1] }),
  endpoint({ method: 'POST', path: 'things', about, answer: NOTHING, handle: () => undefined }),
  endpoint({ method: 'POST', path: 'auth', about, isOpen: true, answer: NOTHING, handle: () => undefined }),
];

test('a page of another origin changes nothing, though the browser knows name and password', async (t) => {
  const { ask, port, users } = await startApi(t, ENDPOINTS);
  const foreign = [
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site', Origin: `http://127.0.0.1:${port}` },
    { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' },
    { Origin: 'http://evil.example' },
    { Origin: 'null' },
    { Origin: `http://127.0.0.1:${port + 1}` },
    { Origin: `http://127.0.0.1:${port}.evil.example` },
    { Origin: `file://127.0.0.1:${port}` },
  ];
  for (const headers of foreign) {
    for (const what of ['POST things', 'POST auth', 'DELETE things']) {
      const body = '{"a":1}';
      const answer = await ask(what, { body, headers: { 'Content-Type': 'text/plain', ...headers } });
      t.is(answer.status, 403, `${what} ${JSON.stringify(headers)}`);
    }
  }
  t.is(users.verified, 0);
});

test('the API’s own pages, programs and proxies are let in', async (t) => {
  const { ask, port } = await startApi(t, ENDPOINTS);
  const own = [
    {},
    { 'Sec-Fetch-Site': 'none' },
    { 'Sec-Fetch-Site': 'same-origin', Origin: 'https://behind.a.proxy.example' },
    { Origin: `http://127.0.0.1:${port}` },
    { Origin: 'https://MQTT.example', Host: 'mqtt.example' },
  ];
  for (const headers of own) {
    t.is((await ask('POST things', { headers })).status, 200, JSON.stringify(headers));
    t.is((await ask('GET things', { headers })).status, 200, JSON.stringify(headers));
  }
});

test('a page of another origin reads nothing, not even blindly; a link may be followed', async (t) => {
  const { ask } = await startApi(t, ENDPOINTS);
  const site = { 'Sec-Fetch-Site': 'cross-site' };
  t.is((await ask('GET things', { headers: { ...site, 'Sec-Fetch-Mode': 'no-cors' } })).status, 403);
  t.is((await ask('GET things', { headers: { ...site, 'Sec-Fetch-Mode': 'navigate' } })).status, 200);
  t.is((await ask('GET /healthz', { headers: site, user: null })).status, 200);
});

test('the password that everybody knows opens nothing to a page that gives its own name this address', async (t) => {
  const { ask, users } = await startApi(t, ENDPOINTS);
  users.publicUsers = ['admin'];
  for (const Host of [
    'evil.example',
    'evil.example:8080',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
  ]) {
    const { status, text } = await ask('GET things', { headers: { Host } });
    t.is(status, 403, Host);
    t.regex(text, /set another/);
  }
  for (const Host of ['localhost', 'LOCALHOST:8080', '127.0.0.1:8080', '[::1]:8080', '192.0.2.1', '[::1]'])
    t.is((await ask('GET things', { headers: { Host } })).status, 200, Host);
  t.is((await ask('GET things', { headers: { Host: 'evil.example' }, user: 'admin:wrong' })).status, 401);
  users.publicUsers = [];
  t.is((await ask('GET things', { headers: { Host: 'mqtt.example' } })).status, 200);
});

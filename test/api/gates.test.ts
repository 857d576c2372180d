/** Who comes in, and how often that is asked. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { endpoint } from '../../src/api/endpoint.js';
import { NOTHING } from '../../src/api/schema.js';
import { BrokerError } from '../../src/base/errors.js';
import { startApi } from '../helpers/api-server.js';
import { until } from '../helpers/with-broker.js';

const ENDPOINTS = [
  endpoint({ method: 'GET', path: 'things', about: 'for a test', answer: NOTHING, handle: () => [1] }),
];

test('whoever was right is not verified again for a minute', async (t) => {
  const { ask, users, clock } = await startApi(t, ENDPOINTS);
  for (let round = 0; round < 5; round++) t.is((await ask('GET things')).status, 200);
  t.is(users.verified, 1);
  clock.turn(61_000);
  t.is((await ask('GET things')).status, 200);
  t.is(users.verified, 2);
});

test('a wrong password is asked about even while the right one is remembered', async (t) => {
  const { ask, users } = await startApi(t, ENDPOINTS);
  t.is((await ask('GET things')).status, 200);
  t.is((await ask('GET things', { user: 'admin:wrong' })).status, 401);
  t.is((await ask('GET things', { user: 'admin:' })).status, 401);
  t.is((await ask('GET things', { user: ':public' })).status, 401);
  t.is(users.verified, 4);
  t.is((await ask('GET things')).status, 200);
  t.is(users.verified, 4);
});

test('an empty password that is right opens nothing to others', async (t) => {
  const { ask, users } = await startApi(t, ENDPOINTS);
  users.change('');
  t.is((await ask('GET things', { user: 'admin:' })).status, 200);
  t.is((await ask('GET things', { user: 'admin:other' })).status, 401);
});

test('a changed password counts from the next request on', async (t) => {
  const { ask, users } = await startApi(t, ENDPOINTS);
  t.is((await ask('GET things')).status, 200);
  users.change('new');
  t.is((await ask('GET things')).status, 401);
  t.is((await ask('GET things', { user: 'admin:new' })).status, 200);
});

test('what was verified before a change of the password does not outlive it', async (t) => {
  const { ask, users } = await startApi(t, ENDPOINTS);
  let open = (): void => undefined;
  users.gate = new Promise((resolve) => {
    open = resolve;
  });
  const old = ask('GET things');
  await until(() => users.verified === 1);
  users.change('new');
  open();
  await old;
  t.is((await ask('GET things')).status, 401);
});

test('requests that come together with the same credentials are verified once', async (t) => {
  const { ask, users } = await startApi(t, ENDPOINTS);
  let open = (): void => undefined;
  users.gate = new Promise((resolve) => {
    open = resolve;
  });
  const asked = Array.from({ length: 20 }, () => ask('GET things'));
  await until(() => users.verified === 1);
  await sleep(50);
  open();
  t.true((await Promise.all(asked)).every(({ status }) => status === 200));
  t.true(users.verified < 3, String(users.verified));
});

test('whoever tries too often waits for the 401, but not so many that nobody else gets in', async (t) => {
  const { ask, users } = await startApi(t, ENDPOINTS, ['max_clients=100']);
  t.is((await ask('GET things')).status, 200);
  users.verdict = 'slow_down';
  const startedMs = performance.now();
  const tried = await Promise.all(
    Array.from({ length: 40 }, async (_, at) => {
      const { status } = await ask('GET things', { user: `admin:guess${at}` });
      return [status, performance.now() - startedMs] as const;
    }),
  );
  t.true(tried.every(([status]) => status === 401));
  t.is(tried.filter(([, ms]) => ms >= 990).length, 16);
  t.is((await ask('GET things')).status, 200);
});

test('when users cannot be asked there is 401', async (t) => {
  const { ask, users } = await startApi(t, ENDPOINTS);
  users.gate = Promise.reject(new BrokerError('REQUEST_FAILED', 'too many'));
  t.is((await ask('GET things')).status, 401);
});

/** Who comes in, and how often that is asked. */
import test from 'ava';
import { endpoint } from '../../src/api/endpoint.js';
import { NOTHING } from '../../src/api/schema.js';
import { API_SLOWED_MAX } from '../../src/limits.js';
import { ADMIN, RawConnection, startApi } from '../helpers/api-server.js';
import { until } from '../helpers/with-broker.js';

const ENDPOINTS = [
  endpoint({ method: 'GET', path: 'things', about: 'for a test', answer: NOTHING, handle: () => [1] }),
];

test.serial('whoever was right is not verified again for a minute', async (t) => {
  const { ask, users, clock } = await startApi(t, ENDPOINTS);
  for (let round = 0; round < 5; round++) t.is((await ask('GET things')).status, 200);
  t.is(users.verified, 1);
  clock.turn(61_000);
  t.is((await ask('GET things')).status, 200);
  t.is(users.verified, 2);
});

test.serial('a wrong password is asked about even while the right one is remembered', async (t) => {
  const { ask, users } = await startApi(t, ENDPOINTS);
  t.is((await ask('GET things')).status, 200);
  t.is((await ask('GET things', { user: 'admin:wrong' })).status, 401);
  t.is((await ask('GET things', { user: 'admin:' })).status, 401);
  t.is((await ask('GET things', { user: ':public' })).status, 401);
  t.is(users.verified, 4);
  t.is((await ask('GET things')).status, 200);
  t.is(users.verified, 4);
});

test.serial('an empty password that is right opens nothing to others', async (t) => {
  const { ask, users } = await startApi(t, ENDPOINTS);
  users.change('');
  t.is((await ask('GET things', { user: 'admin:' })).status, 200);
  t.is((await ask('GET things', { user: 'admin:other' })).status, 401);
});

test.serial('a changed password counts from the next request on', async (t) => {
  const { ask, users } = await startApi(t, ENDPOINTS);
  t.is((await ask('GET things')).status, 200);
  users.change('new');
  t.is((await ask('GET things')).status, 401);
  t.is((await ask('GET things', { user: 'admin:new' })).status, 200);
});

test.serial('what was verified before a change of the password does not outlive it', async (t) => {
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

test.serial('who comes from another address is verified there', async (t) => {
  const { ask, port, users } = await startApi(t, ENDPOINTS);
  t.is((await ask('GET things')).status, 200);
  t.is((await ask('GET things')).status, 200);
  t.is(users.verified, 1);
  users.verdict = 'slow_down';
  const elsewhere = new RawConnection(port, '127.0.0.2').send(
    `GET /api/v2/things HTTP/1.1\r\nHost: x\r\n${ADMIN}\r\n`,
  );
  await until(() => elsewhere.statuses.length === 1);
  elsewhere.destroy();
  t.deepEqual(elsewhere.statuses, [401], 'the right password does not show who guesses it');
  t.is((await ask('GET things')).status, 200);
});

test.serial(
  'whoever tries too often waits for the 401, but not so many that nobody else gets in',
  async (t) => {
    const { ask, users } = await startApi(t, ENDPOINTS, ['max_clients=100']);
    t.is((await ask('GET things')).status, 200);
    users.verdict = 'slow_down';
    const round = async (): Promise<number> => {
      const startedMs = performance.now();
      const tried = await Promise.all(
        Array.from({ length: 40 }, async (_, at) => {
          const { status } = await ask('GET things', { user: `admin:guess${at}` });
          return [status, performance.now() - startedMs] as const;
        }),
      );
      t.true(tried.every(([status]) => status === 401));
      const slowed = tried.filter(([, ms]) => ms >= 990).length;
      t.true(slowed >= API_SLOWED_MAX);
      return slowed;
    };
    // On a busy machine others take long, too.
    await until(async () => (await round()) === API_SLOWED_MAX, 'a round in which no more than those wait');
    users.verdict = null;
    t.is((await ask('GET things')).status, 200);
  },
);

test.serial('whoever is slowed finds no gate open at the same address', async (t) => {
  const { ask, users } = await startApi(t, ENDPOINTS);
  t.is((await ask('GET things')).status, 200);
  users.verdict = 'slow_down';
  t.is((await ask('GET things')).status, 200, 'nobody has guessed yet');
  t.is((await ask('GET things', { user: 'admin:guess' })).status, 401);
  t.is((await ask('GET things')).status, 401);
});

test.serial('when it cannot be said who somebody is, nobody comes in', async (t) => {
  const { ask, users, log } = await startApi(t, ENDPOINTS);
  users.gate = Promise.reject(new Error('no thread'));
  t.is((await ask('GET things')).text, '{"code":102}');
  t.is(log.lines.filter(({ level }) => level === 'error').length, 1);
});

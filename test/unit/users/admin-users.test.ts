/** Whether somebody is who he says: what it costs, who is slowed, what changes at the same time do. */
import test from 'ava';
import { SystemClock } from '../../../src/base/clock.js';
import {
  API_LOGIN_ADDRESS_FAILURES,
  API_LOGIN_TRUST_MISSES,
  API_LOGIN_TRUST_MS,
  USER_PASSWORD_BYTES_MAX,
  USERS_MAX,
} from '../../../src/limits.js';
import { hashPassword } from '../../../src/passwords/hash.js';
import { HashPool, type HashThreads } from '../../../src/passwords/hash-pool.js';
import type { HashTask } from '../../../src/passwords/hash-thread.js';
import { AdminUsers, USER_PASSWORD_FORMAT } from '../../../src/users/admin-users.js';
import { UserStore } from '../../../src/users/user-store.js';
import { MemoryDocument } from '../../helpers/documents.js';

const QUICK = 'scrypt,16,1,1,32';
const HERE = '10.0.0.1';

/** Hashes at once, and keeps what it was asked. */
class CountingThreads implements HashThreads {
  readonly count = 2;
  readonly tasks: HashTask[] = [];
  /** What a hash waits for. */
  hold: Promise<unknown> = Promise.resolve();

  async run(task: HashTask): Promise<string | null> {
    this.tasks.push(task);
    await this.hold;
    return hashPassword(task.password, task.format, task.salt);
  }
}

async function stage() {
  const clock = new SystemClock();
  const threads = new CountingThreads();
  const store = new UserStore(new MemoryDocument());
  const users = new AdminUsers(store, new HashPool(threads, clock), clock, QUICK);
  await users.setPassword('admin', 'secret', 'administrator');
  threads.tasks.length = 0;
  const guess = async (times: number, address = HERE): Promise<string[]> => {
    const answers: string[] = [];
    for (let n = 0; n < times; n++) answers.push(await users.verify('admin', `guess ${n}`, address));
    return answers;
  };
  return { clock, threads, store, users, guess };
}

test('passwords are hashed by scrypt with 32 MiB and more than the usual work', (t) => {
  t.is(USER_PASSWORD_FORMAT, 'scrypt,32768,8,3,32');
});

test('a user that nobody is costs the same hash as one that is, and is told apart', async (t) => {
  const { users, threads } = await stage();
  t.is(await users.verify('admin', 'wrong', HERE), 'wrong');
  t.is(await users.verify('nobody', 'wrong', HERE), 'unknown');
  t.is(await users.verify('__proto__', 'wrong', HERE), 'unknown');
  t.deepEqual(
    threads.tasks.map(({ format, password, salt }) => [format.text, password.length, salt.length]),
    [
      [QUICK, 5, 32],
      [QUICK, 5, 32],
      [QUICK, 5, 32],
    ],
  );
});

test('a password that is too long costs no more than a short one, and is wrong', async (t) => {
  const { users, threads } = await stage();
  t.is(await users.verify('admin', 'x'.repeat(USER_PASSWORD_BYTES_MAX + 1), HERE), 'wrong');
  t.is(await users.verify('admin', '', HERE), 'wrong');
  t.deepEqual(
    threads.tasks.map(({ password }) => password.length),
    [0, 0],
  );
});

test('brute force: so many guesses are looked at, however many come at once, and later one in a while', async (t) => {
  const { users, threads, clock } = await stage();
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, (_, n) => users.verify('admin', `guess ${n}`, HERE)),
  );
  t.is(answers.filter((answer) => answer === 'wrong').length, API_LOGIN_ADDRESS_FAILURES);
  t.is(answers.filter((answer) => answer === 'slow_down').length, 1_000 - API_LOGIN_ADDRESS_FAILURES);
  t.is(threads.tasks.length, API_LOGIN_ADDRESS_FAILURES);
  t.is(await users.verify('admin', 'secret', HERE), 'slow_down');
  t.is(await users.verify('admin', 'secret', '10.0.0.2'), 'ok');
  clock.advance(15_000);
  t.is(await users.verify('nobody', 'secret', HERE), 'unknown');
  t.is(await users.verify('admin', 'again', HERE), 'slow_down');
});

test('who has shown the right password is not slowed by others that guess from the same address', async (t) => {
  const { users, guess, clock } = await stage();
  t.is(await users.verify('admin', 'secret', HERE), 'ok');
  t.is((await guess(30)).at(-1), 'slow_down');
  t.is(await users.verify('admin', 'secret', HERE), 'ok');
  t.is(await users.verify('admin', 'Secret', HERE), 'slow_down');
  clock.advance(API_LOGIN_TRUST_MS + 1);
  t.is((await guess(API_LOGIN_ADDRESS_FAILURES + 1)).at(-1), 'slow_down');
  t.is(await users.verify('admin', 'secret', HERE), 'slow_down');
});

test('who is slowed elsewhere cannot tell the right password from others', async (t) => {
  const { users, guess } = await stage();
  t.is(await users.verify('admin', 'secret', HERE), 'ok');
  t.is((await guess(API_LOGIN_ADDRESS_FAILURES + 1, '10.0.0.2')).at(-1), 'slow_down');
  t.is(await users.verify('admin', 'secret', '10.0.0.2'), 'slow_down');
  t.is(await users.verify('admin', 'secret', HERE), 'ok');
});

test('who is slowed at the same address has so many guesses, and then the right one is slowed too', async (t) => {
  const { users, guess, clock } = await stage();
  t.is(await users.verify('admin', 'secret', HERE), 'ok');
  t.is((await guess(API_LOGIN_TRUST_MISSES - 1)).at(-1), 'slow_down');
  t.is(await users.verify('admin', 'secret', HERE), 'ok');
  t.is(await users.verify('admin', 'one more', HERE), 'slow_down');
  t.is(await users.verify('admin', 'secret', HERE), 'slow_down');
  clock.advance(11_000);
  t.is(await users.verify('admin', 'secret', HERE), 'ok');
});

test('a program that still has the old password holds up nobody at its address', async (t) => {
  const { users } = await stage();
  t.is(await users.verify('admin', 'secret', HERE), 'ok');
  for (let n = 0; n < API_LOGIN_TRUST_MISSES * 2; n++) await users.verify('admin', 'old', HERE);
  t.is(await users.verify('admin', 'secret', HERE), 'ok');
});

test('while somebody logs in, whoever is slowed at the same address does not share the answer', async (t) => {
  const { users, guess, clock, threads } = await stage();
  t.is(await users.verify('admin', 'secret', HERE), 'ok');
  clock.advance(API_LOGIN_TRUST_MS + 1);
  await guess(API_LOGIN_ADDRESS_FAILURES - 1);
  let go = (): void => undefined;
  threads.hold = new Promise<void>((resolve) => {
    go = resolve;
  });
  const right = users.verify('admin', 'secret', HERE);
  t.is(await users.verify('admin', 'secret', HERE), 'slow_down');
  go();
  t.is(await right, 'ok');
});

test('change_pwd is guarded by the same count, and a change ends what was trusted', async (t) => {
  const { users, guess } = await stage();
  t.is(await users.verify('admin', 'secret', HERE), 'ok');
  t.is(await users.changePassword('admin', 'secret', 'other', HERE), null);
  t.is((await guess(API_LOGIN_ADDRESS_FAILURES)).at(-1), 'wrong');
  t.is(await users.changePassword('admin', 'guess', 'mine', HERE), 'slow_down');
  t.is(await users.verify('admin', 'secret', HERE), 'slow_down');
  t.is(await users.verify('admin', 'other', '10.0.0.2'), 'ok');
});

test('those that say the same at the same time share one hash', async (t) => {
  const { users, threads } = await stage();
  const answers = await Promise.all(Array.from({ length: 100 }, () => users.verify('admin', 'secret', HERE)));
  t.deepEqual(answers, Array(100).fill('ok'));
  t.is(threads.tasks.length, 1);
});

test('of two changes of one password at the same time one is made', async (t) => {
  const { users } = await stage();
  const both = await Promise.all([
    users.changePassword('admin', 'secret', 'one', HERE),
    users.changePassword('admin', 'secret', 'two', HERE),
  ]);
  t.deepEqual([...both].sort(), [null, 'wrong'].sort());
  t.is(await users.verify('admin', both[0] === null ? 'one' : 'two', HERE), 'ok');
});

test('a password that changes while it is looked at is not trusted afterwards', async (t) => {
  const { users, threads } = await stage();
  let go = (): void => undefined;
  threads.hold = new Promise<void>((resolve) => {
    go = resolve;
  });
  const first = users.verify('admin', 'secret', HERE);
  threads.hold = Promise.resolve();
  await users.setPassword('admin', 'other', '');
  go();
  t.is(await first, 'ok');
  t.is(await users.verify('admin', 'secret', HERE), 'wrong');
});

test('when hashes cannot be made nothing is counted against anybody', async (t) => {
  const { users, threads } = await stage();
  threads.hold = Promise.reject(new Error('no memory'));
  for (let n = 0; n < API_LOGIN_ADDRESS_FAILURES * 2; n++) {
    await t.throwsAsync(users.verify('admin', 'secret', HERE));
  }
  threads.hold = Promise.resolve();
  t.is(await users.verify('admin', 'secret', HERE), 'ok');
});

test('whoever has kept something of a user is told of each change, when it is in force', async (t) => {
  const { users } = await stage();
  const told: [string, string | undefined][] = [];
  users.onChanged((name) => told.push([name, users.find(name)?.tags]));
  await users.add('ann', 'pw', 'a');
  await users.setTags('ann', 'b');
  await users.remove('ann');
  t.is(await users.remove('ann'), 'unknown');
  t.is(await users.remove('admin'), 'last');
  t.deepEqual(told, [
    ['ann', 'a'],
    ['ann', 'b'],
    ['ann', undefined],
  ]);
});

test('the password that everybody knows is known as such, until it is changed', async (t) => {
  const { users } = await stage();
  await users.setPassword('admin', 'public', '');
  t.deepEqual(users.withPublicPassword(), ['admin']);
  await users.setTags('admin', 'x');
  t.deepEqual(users.withPublicPassword(), ['admin']);
  t.is(await users.changePassword('admin', 'public', 'private', HERE), null);
  t.deepEqual(users.withPublicPassword(), []);
});

test('there are so many users and no more; a stopped store changes nothing', async (t) => {
  const { users, store } = await stage();
  const password = store.get('admin')!.password;
  await store.change('all', (all) => {
    for (let n = all.size; n < USERS_MAX; n++) all.set(`u${n}`, { tags: '', password, isPublic: false });
    return null;
  });
  t.is(await users.add('one', 'more', ''), 'full');
  await store.stop();
  await t.throwsAsync(users.setTags('admin', 'x'), { message: /stops/ });
  t.is(users.find('admin')?.tags, 'administrator');
});

/** Users of the API, over HTTP: every answer whole, every code. */
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { API_LOGIN_ADDRESS_FAILURES, USER_NAME_BYTES_MAX } from '../../src/limits.js';
import { type AskApi, asking, withApi } from '../helpers/api.js';
import { storedText } from '../helpers/documents.js';
import { ON_ONE_SHARD, startTestBroker, tempDirectory } from '../helpers/with-broker.js';

const DONE = '{"code":0,"result":[]}';
const NO_USER = '{"code":105,"message":"User not found"}';
const MISSING = '{"code":107,"message":"params error"}';
const WRONG_TYPE = '{"code":108,"message":"params type error"}';
const TEST_USER = { username: 'test_user', password: 'password', tags: 'user' };
const ADMIN = { username: 'admin', tags: 'administrator' };

const said = async (ask: AskApi, what: string, body?: unknown): Promise<string> => {
  const { status, text } = await ask(what, body === undefined ? {} : { body });
  return `${status === 200 ? '' : `${status} `}${text}`;
};

const auth = (ask: AskApi, username: string, password: string): Promise<string> =>
  said(ask, 'POST auth', { username, password });

test.serial(
  'GET users lists names and tags, by name; GET users/{u} is one of them, or nothing',
  withApi({ config: ON_ONE_SHARD }, async (ask, _broker, t) => {
    t.is(await said(ask, 'GET users'), JSON.stringify({ code: 0, result: [ADMIN] }));
    t.is(await said(ask, 'POST users', TEST_USER), DONE);
    t.is(await said(ask, 'POST users', { ...TEST_USER, username: 'Zoe', tags: '' }), DONE);
    t.is(
      await said(ask, 'GET users'),
      '{"code":0,"result":[{"username":"Zoe","tags":""},{"username":"admin","tags":"administrator"},' +
        '{"username":"test_user","tags":"user"}]}',
    );
    t.is(
      await said(ask, 'GET users/test_user'),
      '{"code":0,"result":{"username":"test_user","tags":"user"}}',
    );
    t.is(await said(ask, 'GET users/nobody'), DONE);
    t.is(await said(ask, 'GET users/__proto__'), DONE);
  }),
);

test.serial(
  'POST users: 113 for a name that is there, 104 for an empty name or password, 107, 108, 109',
  withApi({ config: ON_ONE_SHARD }, async (ask, _broker, t) => {
    t.is(await said(ask, 'POST users', TEST_USER), DONE);
    t.is(
      await said(ask, 'POST users', { ...TEST_USER, password: 'other' }),
      '{"code":113,"message":"User already exist"}',
    );
    t.is(await auth(ask, 'test_user', 'password'), DONE);
    for (const empty of [{ username: '' }, { password: '' }]) {
      t.is(
        await said(ask, 'POST users', { ...TEST_USER, ...empty }),
        '{"code":104,"message":"Username or password is empty"}',
      );
    }
    for (const key of ['username', 'password', 'tags']) {
      const { [key as 'tags']: _, ...rest } = TEST_USER;
      t.is(await said(ask, 'POST users', rest), MISSING, key);
      t.is(await said(ask, 'POST users', { ...TEST_USER, [key]: 1 }), WRONG_TYPE, key);
      t.is(await said(ask, 'POST users', { ...TEST_USER, [key]: null }), WRONG_TYPE, key);
    }
    t.is(await said(ask, 'POST users', '[1]'), '{"code":109,"message":"Body not json"}');
  }),
);

test.serial(
  'PUT users/{u} changes tags only, also those of admin; 105, 107, 108',
  withApi({ config: ON_ONE_SHARD }, async (ask, _broker, t) => {
    t.is(await said(ask, 'PUT users/admin', { tags: 'root', password: 'ignored' }), DONE);
    t.is(await said(ask, 'GET users/admin'), '{"code":0,"result":{"username":"admin","tags":"root"}}');
    t.is(await auth(ask, 'admin', 'public'), DONE);
    t.is(await said(ask, 'PUT users/nobody', { tags: '' }), NO_USER);
    t.is(await said(ask, 'PUT users/admin', {}), MISSING);
    t.is(await said(ask, 'PUT users/admin', { tags: 1 }), WRONG_TYPE);
    t.is(await said(ask, 'PUT users/admin', { tags: 'x'.repeat(2_000) }), WRONG_TYPE);
  }),
);

test.serial(
  'DELETE users/{u} removes; never admin (106); 105 for nobody',
  withApi({ config: ON_ONE_SHARD }, async (ask, _broker, t) => {
    t.is(await said(ask, 'POST users', TEST_USER), DONE);
    t.is(await said(ask, 'DELETE users/test_user'), DONE);
    t.is(await said(ask, 'DELETE users/test_user'), NO_USER);
    t.is(await auth(ask, 'test_user', 'password'), '{"code":103,"message":"User not found"}');
    t.is(await said(ask, 'DELETE users/admin'), '{"code":106,"message":"admin cannot be deleted"}');
    t.is(await said(ask, 'GET users'), JSON.stringify({ code: 0, result: [ADMIN] }));
  }),
);

test.serial(
  'the last user cannot be removed, whatever the name',
  withApi({ config: { 'dashboard.default_user.login': 'root' } }, async (_ask, broker, t) => {
    const ask: AskApi = (what, options = {}) =>
      asking(broker.apiPort)(what, { user: 'root:public', ...options });
    t.is(await said(ask, 'DELETE users/root'), '{"code":102,"message":"The last user cannot be deleted"}');
    t.is(await said(ask, 'DELETE users/admin'), '{"code":106,"message":"admin cannot be deleted"}');
    t.is(await auth(ask, 'root', 'public'), DONE);
  }),
);

test.serial(
  'POST auth needs no user; 103 says which of both is wrong, 104, 107, 108',
  withApi({ config: ON_ONE_SHARD }, async (ask, _broker, t) => {
    const nobody: AskApi = (what, options = {}) => ask(what, { ...options, user: null });
    t.is(await auth(nobody, 'admin', 'public'), DONE);
    t.is(await auth(nobody, 'admin', 'publiC'), '{"code":103,"message":"Password error"}');
    t.is(await auth(nobody, 'Admin', 'public'), '{"code":103,"message":"User not found"}');
    t.is(await auth(nobody, '', 'public'), '{"code":104,"message":"Username or password is empty"}');
    t.is(await auth(nobody, 'admin', ''), '{"code":104,"message":"Username or password is empty"}');
    t.is(await said(nobody, 'POST auth', { username: 'admin' }), MISSING);
    t.is(await said(nobody, 'POST auth', { username: 'admin', password: true }), WRONG_TYPE);
  }),
);

test.serial(
  'PUT change_pwd/{u} changes the password for who knows the old one; 105, 114, 104, 107, 108',
  withApi({ config: ON_ONE_SHARD }, async (ask, broker, t) => {
    t.is(await said(ask, 'POST users', TEST_USER), DONE);
    const change = (user: string, old_pwd: unknown, new_pwd: unknown): Promise<string> =>
      said(ask, `PUT change_pwd/${user}`, { new_pwd, old_pwd });
    t.is(await change('test_user', 'wrong', 'newpassword'), '{"code":114,"message":"OldPassword error"}');
    t.is(await change('test_user', '', 'newpassword'), '{"code":114,"message":"OldPassword error"}');
    t.is(await change('test_user', 'password', 'newpassword'), DONE);
    t.is(await auth(ask, 'test_user', 'newpassword'), DONE);
    t.is(await auth(ask, 'test_user', 'password'), '{"code":103,"message":"Password error"}');
    t.is(await change('nobody', 'password', 'newpassword'), NO_USER);
    t.is(
      await change('test_user', 'newpassword', ''),
      '{"code":104,"message":"Username or password is empty"}',
    );
    t.is(await said(ask, 'PUT change_pwd/test_user', { old_pwd: 'newpassword' }), MISSING);
    t.is(await change('test_user', 'newpassword', 1), WRONG_TYPE);
    t.is(await change('test_user', 'newpassword', 'x'.repeat(2_000)), WRONG_TYPE);
    t.is(await change('admin', 'public', 'private'), DONE);
    const admin = (password: string): Promise<string> => auth(asking(broker.apiPort), 'admin', password);
    t.is(await admin('private'), DONE);
  }),
);

test.serial(
  'whoever is no user, or no longer one, or has an old password, gets 401',
  withApi({ config: ON_ONE_SHARD }, async (ask, _broker, t) => {
    const statusFor = async (user: string | null): Promise<number> =>
      (await ask('GET users', { user })).status;
    t.is(await statusFor(null), 401);
    t.is(await statusFor('admin:wrong'), 401);
    t.is(await statusFor('nobody:public'), 401);
    t.is(await said(ask, 'POST users', TEST_USER), DONE);
    t.is(await statusFor('test_user:password'), 200);
    t.is(await said(ask, 'PUT change_pwd/test_user', { old_pwd: 'password', new_pwd: 'a:b' }), DONE);
    t.is(await statusFor('test_user:password'), 401);
    t.is(await statusFor('test_user:a:b'), 200);
    t.is(await said(ask, 'DELETE users/test_user'), DONE);
    t.is(await statusFor('test_user:a:b'), 401);
    t.is((await ask('POST auth/', { user: null, body: TEST_USER })).status, 401);
  }),
);

test.serial(
  'names may have slashes, blanks and any letters; none is taken for something else',
  withApi({ config: ON_ONE_SHARD }, async (ask, _broker, t) => {
    const names = [
      '__proto__',
      'constructor',
      'a/b',
      '/',
      'a b',
      'a+b',
      'Ünïcødé 🦊',
      '%2F',
      '..',
      'x'.repeat(256),
    ];
    for (const username of names) {
      const at = `users/${encodeURIComponent(username)}`;
      t.is(await said(ask, 'POST users', { ...TEST_USER, username }), DONE, username);
      t.deepEqual((await ask(`GET ${at}`)).json, { code: 0, result: { username, tags: 'user' } });
      t.is(await auth(ask, username, 'password'), DONE);
      t.is(await said(ask, `PUT ${at}`, { tags: 'x' }), DONE);
      t.is(await said(ask, `DELETE ${at}`), DONE);
      t.deepEqual((await ask(`GET ${at}`)).json, { code: 0, result: [] });
    }
  }),
);

test.serial(
  'names and passwords that cannot be are refused, and asking for them harms nobody',
  withApi({ config: ON_ONE_SHARD }, async (ask, _broker, t) => {
    const long = 'x'.repeat(10_000);
    const names = ['a:b', 'a\nb', '\0', '\ud800', 'x'.repeat(USER_NAME_BYTES_MAX + 1), long];
    for (const username of names) {
      t.is(await said(ask, 'POST users', { ...TEST_USER, username }), WRONG_TYPE, username.slice(0, 10));
    }
    for (const password of [long, 'a\0', '\ud800']) {
      t.is(await said(ask, 'POST users', { ...TEST_USER, password }), WRONG_TYPE);
    }
    t.is(await auth(ask, long, long), '{"code":103,"message":"User not found"}');
    t.is(await auth(ask, 'admin', `public${long}`), '{"code":103,"message":"Password error"}');
    t.is(await auth(ask, 'admin', 'public\0'), '{"code":103,"message":"Password error"}');
    t.is(await said(ask, 'GET users'), JSON.stringify({ code: 0, result: [ADMIN] }));
  }),
);

test.serial(
  'of many who add the same name at once one succeeds; different ones all do',
  withApi({ config: ON_ONE_SHARD }, async (ask, _broker, t) => {
    const same = await Promise.all(
      Array.from({ length: 20 }, (_, n) => said(ask, 'POST users', { ...TEST_USER, password: `p${n}` })),
    );
    t.is(same.filter((text) => text === DONE).length, 1);
    t.is(same.filter((text) => text.startsWith('{"code":113')).length, 19);
    t.is(await auth(ask, 'test_user', `p${same.indexOf(DONE)}`), DONE);
    const others = await Promise.all(
      Array.from({ length: 20 }, (_, n) => said(ask, 'POST users', { ...TEST_USER, username: `u${n}` })),
    );
    t.deepEqual(others, Array(20).fill(DONE));
    t.is(((await ask('GET users')).json as { result: unknown[] }).result.length, 22);
  }),
);

test.serial(
  'who guesses is slowed, in POST auth and change_pwd together',
  withApi({ config: ON_ONE_SHARD }, async (ask, _broker, t) => {
    // Who has the right password is let in by it, so the others' guesses do not touch these requests.
    t.is((await ask('GET users')).status, 200);
    const answers: string[] = [];
    for (let n = 0; n < API_LOGIN_ADDRESS_FAILURES; n++) answers.push(await auth(ask, 'admin', `guess ${n}`));
    t.deepEqual([...new Set(answers)], ['{"code":103,"message":"Password error"}']);
    t.is(
      await auth(ask, 'admin', 'one more'),
      '{"code":103,"message":"Too many failed attempts, try again later"}',
    );
    t.is(
      await said(ask, 'PUT change_pwd/admin', { old_pwd: 'guess', new_pwd: 'x' }),
      '{"code":114,"message":"Too many failed attempts, try again later"}',
    );
  }),
);

test.serial(
  'users and a changed password survive a restart; admin does not become public again',
  async (t) => {
    const directory = tempDirectory();
    const config = { ...ON_ONE_SHARD, 'listener.api.mgmt': '127.0.0.1:0' };
    const first = await startTestBroker({ config }, directory);
    const ask = asking(first.apiPort);
    t.is(await said(ask, 'POST users', TEST_USER), DONE);
    t.is(await said(ask, 'PUT change_pwd/admin', { old_pwd: 'public', new_pwd: 'private' }), DONE);
    await first.stop();
    const stored = await storedText(directory, 'users');
    t.notRegex(stored ?? '', /private|"password"/);
    const second = await startTestBroker({ config }, directory);
    const again: AskApi = (what, options = {}) =>
      asking(second.apiPort)(what, { user: 'admin:private', ...options });
    t.is(await auth(again, 'admin', 'private'), DONE);
    t.is(await auth(again, 'admin', 'public'), '{"code":103,"message":"Password error"}');
    t.is(await auth(again, 'test_user', 'password'), DONE);
    await second.stop();
  },
);

test.serial('a change that cannot be written is answered with 102, and not made', async (t) => {
  const directory = tempDirectory();
  const config = { ...ON_ONE_SHARD, 'listener.api.mgmt': '127.0.0.1:0' };
  await (await startTestBroker({ config }, directory)).stop();
  // The file of an earlier version, which can be read, and never be taken in.
  writeFileSync(join(directory, 'users.json'), (await storedText(directory, 'users'))!);
  const inTheWay = join(directory, 'users.json.imported');
  mkdirSync(inTheWay);
  const broker = await startTestBroker({ config }, directory);
  const ask = asking(broker.apiPort);
  const unwritten = /^\{"code":102,"message":"\S+users\.json cannot be written: EISDIR: /;
  t.regex(await said(ask, 'POST users', TEST_USER), unwritten);
  t.regex(await said(ask, 'PUT users/admin', { tags: 'root' }), unwritten);
  t.is(await said(ask, 'GET users'), JSON.stringify({ code: 0, result: [ADMIN] }));
  rmdirSync(inTheWay);
  t.is(await said(ask, 'POST users', TEST_USER), DONE);
  await broker.stop();
});

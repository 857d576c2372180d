/** Which users there are when the API opens, and when it does not open. */
import { join } from 'node:path';
import test from 'ava';
import { isLoopback } from '../../src/base/access.js';
import type { BrokerError } from '../../src/base/errors.js';
import type { RunningBroker } from '../../src/broker.js';
import { asking } from '../helpers/api.js';
import { storedText, storeText } from '../helpers/documents.js';
import { ON_ONE_SHARD, RecordingLogger, startTestBroker, tempDirectory } from '../helpers/with-broker.js';

const LOCAL = { ...ON_ONE_SHARD, 'listener.api.mgmt': '127.0.0.1:0' };
const OPEN = { ...ON_ONE_SHARD, 'listener.api.mgmt': '0.0.0.0:0' };
const SECRET = 'correct horse battery staple';

const statusFor = async (broker: RunningBroker, user: string): Promise<number> =>
  (await asking(broker.apiPort)('GET users', { user })).status;

test('the broker does not open the API to other machines with the first password, and says how to change it', async (t) => {
  const directory = tempDirectory();
  const error = await t.throwsAsync<BrokerError>(startTestBroker({ config: OPEN }, directory));
  t.is(error.code, 'PASSWORD_PUBLIC');
  t.is(
    error.message,
    'listener.api.mgmt would listen on 0.0.0.0:0, and its user admin has the password "public", which everybody ' +
      'knows; start with SHARDMQ_ADMIN_PASSWORD=... in the environment, or run: shardmq users passwd admin --data ' +
      `${directory}, or let it listen on this machine only: listener.api.mgmt = 127.0.0.1:0`,
  );
  t.is(await storedText(directory, 'users'), null);
});

test('nor when it was stored long ago, or is another user’s; any other password will do', async (t) => {
  const directory = tempDirectory();
  const first = await startTestBroker({ config: LOCAL }, directory);
  const ask = asking(first.apiPort);
  const ann = { username: 'ann', password: 'public', tags: '' };
  await ask('POST users', { body: ann });
  await ask('PUT change_pwd/admin', { body: { old_pwd: 'public', new_pwd: 'private' } });
  await first.stop();
  const error = await t.throwsAsync<BrokerError>(startTestBroker({ config: OPEN }, directory));
  t.regex(error.message, /its user ann has the password "public".*users passwd ann --data/);
  t.notRegex(error.message, /SHARDMQ_ADMIN_PASSWORD/);
  const second = await startTestBroker({ config: LOCAL }, directory);
  await asking(second.apiPort)('DELETE users/ann', { user: 'admin:private' });
  await second.stop();
  const third = await startTestBroker({ config: OPEN }, directory);
  t.is(await statusFor(third, 'admin:private'), 200);
  await third.stop();
});

test('a password of one’s own in dashboard.default_user opens it', async (t) => {
  const config = {
    ...OPEN,
    'dashboard.default_user.login': 'root',
    'dashboard.default_user.password': SECRET,
  };
  const broker = await startTestBroker({ config }, tempDirectory());
  t.is(await statusFor(broker, `root:${SECRET}`), 200);
  t.is(await statusFor(broker, 'admin:public'), 401);
  await broker.stop();
});

test('SHARDMQ_ADMIN_PASSWORD is admin’s password from each start on, and is written down nowhere', async (t) => {
  const directory = tempDirectory();
  const logger = new RecordingLogger();
  const start = (password: string): Promise<RunningBroker> =>
    startTestBroker({ config: OPEN, env: { SHARDMQ_ADMIN_PASSWORD: password }, logger }, directory);
  const first = await start(SECRET);
  t.is(await statusFor(first, `admin:${SECRET}`), 200);
  t.is(await statusFor(first, 'admin:public'), 401);
  await first.stop();
  const stored = await storedText(directory, 'users');
  t.true(stored?.includes('admin'));
  t.false(stored?.includes(SECRET));
  const second = await start(SECRET);
  await second.stop();
  t.is(await storedText(directory, 'users'), stored, 'the same again changes nothing');
  const third = await start('another');
  t.is(await statusFor(third, 'admin:another'), 200);
  await third.stop();
  t.false(logger.lines.some((line) => JSON.stringify(line).includes(SECRET)));
  t.false(logger.lines.some(({ message }) => message.includes('SHARDMQ_ADMIN_PASSWORD')));
});

test.serial('it is taken out of the environment of the process, also when it is of no use', async (t) => {
  process.env['SHARDMQ_ADMIN_PASSWORD'] = '';
  const options = { config: LOCAL, env: process.env };
  const error = await t.throwsAsync<BrokerError>(startTestBroker(options, tempDirectory()));
  t.is(error.code, 'CONFIG_INVALID');
  t.is(error.message, 'environment SHARDMQ_ADMIN_PASSWORD: the password is empty');
  t.false('SHARDMQ_ADMIN_PASSWORD' in process.env);
});

test('without a listener of the API nobody is made; users that are damaged stop the start all the same', async (t) => {
  const directory = tempDirectory();
  const broker = await startTestBroker({}, directory);
  await broker.stop();
  t.is(await storedText(directory, 'users'), null);
  await storeText(directory, 'users', '{"formatVersion":1,"users":[{}]}');
  const error = await t.throwsAsync<BrokerError>(startTestBroker({}, directory));
  t.is(error.code, 'DATA_DIR_FAILED');
  const place = `users in ${join(directory, 'main')}`;
  t.true(
    error.message.startsWith(`${place} is damaged (user 1: something is missing); restore a backup, or put`),
  );
});

test('only addresses of this machine count as such', (t) => {
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', 'localhost']) {
    t.true(isLoopback(host), host);
  }
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.example.org', 'localhost.example.org', '::2', '']) {
    t.false(isLoopback(host), host);
  }
});

/** What main keeps, over deaths, full disks, damage, and from version to version: never open because it is lost. */
import { existsSync, mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { BrokerError } from '../../src/base/errors.js';
import { USER_TAGS_BYTES_MAX, USERS_MAX } from '../../src/limits.js';
import { Environment } from '../../src/storage/environment.js';
import { framed } from '../../src/storage/framing.js';
import { MAIN_TABLES, MainStore } from '../../src/storage/main-store.js';
import { runCli } from '../cli/run-cli.js';
import { type AskApi, asking } from '../helpers/api.js';
import { storedText, storeText } from '../helpers/documents.js';
import { needs } from '../helpers/needs.js';
import { RecordingLogger, startTestBroker, tempDirectory, until } from '../helpers/with-broker.js';
import { type BrokerRun, portOf, startCliBroker } from './ledger/broker-process.js';
import { MOUNT, SmallDisc } from './ledger/small-disc.js';
import { STRACE, Strace } from './ledger/strace.js';

const API = { 'listener.api.mgmt': '127.0.0.1:0' };
const DONE = '{"code":0,"result":[]}';
const KEY = 'mqtt.session.max_inflight';
const PLUGIN = 'emq_auth_username';
const ANN = { username: 'ann', password: 'lighthouse', tags: 'operator' };

interface Running {
  readonly run: BrokerRun;
  readonly ask: AskApi;
  readonly node: string;
}

async function start(t: ExecutionContext, dataDir: string): Promise<Running> {
  const set = ['listener.api.mgmt=127.0.0.1:0'];
  const run = startCliBroker({ dataDir, level: 'process', shards: 1, set });
  t.teardown(() => run.end('SIGKILL'));
  await run.ready;
  const ask = asking(portOf(run.said(), 'api.mgmt'));
  const nodes = (await ask('GET management/nodes')).json as { result: { name: string }[] };
  return { run, ask, node: nodes.result[0]!.name };
}

const settingOf = async (ask: AskApi): Promise<unknown> => {
  const { json } = await ask('GET configs');
  const rows = (json as { result: Record<string, { key: string; value: unknown }[]> }).result;
  return Object.values(rows)
    .flat()
    .find(({ key }) => key === KEY)?.value;
};

const mayLogIn = async (ask: AskApi, { username, password } = ANN): Promise<boolean> =>
  (await ask('POST auth', { body: { username, password } })).text === DONE;

test.serial('what the API has answered is there after the broker is killed at that moment', async (t) => {
  t.timeout(120_000);
  const dataDir = tempDirectory();
  const changes: readonly ((running: Running) => Promise<string>)[] = [
    async ({ ask }) => (await ask('POST users', { body: ANN })).text,
    async ({ ask, node }) =>
      (
        await ask(`PUT configs/${KEY}`.replace(/.*/, `PUT nodes/${node}/configs/emqttd`), {
          body: { key: KEY, value: '9' },
        })
      ).text,
    async ({ ask, node }) =>
      (
        await ask(`PUT nodes/${node}/plugin_configs/${PLUGIN}`, {
          body: { 'auth.user.1.username': 'ben', 'auth.user.1.password': 'secret' },
        })
      ).text,
    async ({ ask }) => (await ask('DELETE users/ann')).text,
  ];
  const has = async ({ ask, node }: Running): Promise<unknown[]> => {
    const plugin = await ask(`GET nodes/${node}/plugin_configs/${PLUGIN}`);
    return [await mayLogIn(ask), await settingOf(ask), plugin.text.includes('"ben"')];
  };
  const expected = [
    [true, '32', false],
    [true, '9', false],
    [true, '9', true],
    [false, '9', true],
  ];
  let running = await start(t, dataDir);
  for (const [at, change] of changes.entries()) {
    t.is(await change(running), DONE);
    await running.run.end('SIGKILL');
    running = await start(t, dataDir);
    t.deepEqual(await has(running), expected[at]);
  }
  await running.run.end('SIGKILL');
});

needs(MOUNT)(
  'with the disk full a change is refused and not made, and goes when there is room again',
  async (t) => {
    const disc = new SmallDisc(32 << 20);
    const broker = await startTestBroker({ config: API }, disc.path);
    t.teardown(async () => {
      await broker.stop();
      disc.unmount();
    });
    const ask = asking(broker.apiPort);
    const change = (value: string) =>
      ask(`PUT nodes/${broker.name}/configs/emqttd`, { body: { key: KEY, value } });
    t.is((await change('10')).text, DONE);
    disc.fill();
    // What is not larger than what it takes the place of needs no room.
    for (let i = 11; i < 20; i++) t.is((await change(String(i))).text, DONE);
    let refused = '';
    let last = ANN;
    for (let i = 0; refused === '' && i < USERS_MAX - 1; i++) {
      last = { ...ANN, username: `user ${i}`, tags: 'x'.repeat(USER_TAGS_BYTES_MAX) };
      const { text } = await ask('POST users', { body: last });
      if (text !== DONE) refused = text;
    }
    t.regex(refused, /^\{"code":102,"message":".*(space|ENOSPC)/i);
    t.false(await mayLogIn(ask, last));
    t.false((await storedText(disc.path, 'users'))!.includes(`"${last.username}"`));
    t.is((await ask('POST users', { body: last })).text, refused, 'once more');
    disc.free();
    t.is((await ask('POST users', { body: last })).text, DONE);
    t.true(await mayLogIn(ask, last));
    t.is((await change('7')).text, DONE);
    await broker.bans.add({ kind: 'clientid', value: 'c' });
    await until(async () => (await storedText(disc.path, 'bans'))?.includes('"c"') === true, 'the ban');
  },
);

needs(MOUNT)(
  'a disk that is full at the first start leaves nothing that a later start takes for damage',
  async (t) => {
    const disc = new SmallDisc(4 << 20);
    t.teardown(() => disc.unmount());
    disc.fill();
    await t.throwsAsync(startTestBroker({ config: API }, disc.path));
    disc.free();
    const logger = new RecordingLogger();
    const broker = await startTestBroker(
      { config: { ...API, 'mqtt.persistence.level': 'memory' }, logger },
      disc.path,
    );
    t.is((await asking(broker.apiPort)('GET users')).status, 200);
    t.deepEqual(
      logger.lines.filter(({ level }) => level === 'error'),
      [],
    );
    await broker.stop();
  },
);

test.serial(
  'what an earlier version has kept in files is taken in at the first start, and each is logged',
  async (t) => {
    // Made by this version, and put where the one before had it.
    const made = tempDirectory();
    const first = await startTestBroker({ config: API }, made);
    const ask = asking(first.apiPort);
    await ask('POST users', { body: ANN });
    await ask(`PUT nodes/${first.name}/configs/emqttd`, { body: { key: KEY, value: '9' } });
    await ask(`PUT nodes/${first.name}/plugin_configs/${PLUGIN}`, {
      body: { 'auth.user.1.username': 'ben', 'auth.user.1.password': 'x' },
    });
    await first.bans.add({ kind: 'clientid', value: 'c' });
    await first.stop();
    const directory = tempDirectory();
    const files = ['users', 'settings', 'bans', `plugins/${PLUGIN}`];
    mkdirSync(join(directory, 'plugins'));
    writeFileSync(join(directory, 'loaded_plugins'), `${PLUGIN}.\n`);
    for (const name of files) writeFileSync(join(directory, `${name}.json`), (await storedText(made, name))!);
    for (const isFirst of [true, false]) {
      const logger = new RecordingLogger();
      const broker = await startTestBroker({ config: API, logger }, directory);
      t.true(await mayLogIn(asking(broker.apiPort)));
      t.is(broker.config[KEY], 9);
      t.deepEqual(
        broker.bans.list().map(({ value }) => value),
        ['c'],
      );
      for (const name of files) {
        const line = new RegExp(
          `${name}\\.json of an earlier version is taken into .*main; it is now .*json\\.imported$`,
        );
        t.is(logger.has('info', line), isFirst, name);
        t.false(existsSync(join(directory, `${name}.json`)));
        t.not(await storedText(directory, name), null);
      }
      await broker.stop();
    }
  },
);

test.serial('what a later version has written is refused with a line', async (t) => {
  for (const name of ['users', 'settings', 'bans']) {
    const directory = tempDirectory();
    await storeText(directory, name, '{}');
    const environment = new Environment(join(directory, 'main'), MAIN_TABLES);
    const key = Buffer.from(name);
    await environment.writeSafely([{ table: 'documents', key, value: framed(key, Buffer.from('x'), 2) }]);
    await environment.close();
    const { code, stderr } = await runCli('start', '--data', directory);
    t.not(code, 0);
    t.regex(stderr, new RegExp(`${name} in .*main.*a later version has written it; restore a backup`));
    t.is(stderr.trim().split('\n').length, 1, stderr);
  }
});

test.serial(
  'of a damaged environment the rest is kept; what is lost is told, and nobody gets in by it',
  async (t) => {
    const directory = tempDirectory();
    const first = await startTestBroker({ config: API }, directory);
    await asking(first.apiPort)('POST users', { body: ANN });
    await first.stop();
    truncateSync(join(directory, 'main', 'data.mdb'), 3 * 4_096);
    for (let attempt = 0; attempt < 2; attempt++) {
      const logger = new RecordingLogger();
      const error = await t.throwsAsync<BrokerError>(startTestBroker({ config: API, logger }, directory));
      t.regex(
        error.message,
        /main.*lost with a damaged file; restore a backup, or put a good \w+\.json into/,
      );
      if (attempt === 0) t.true(logger.has('error', /main: the store .*; it is now main\.bad; .* lost: /));
    }
    t.true(readdirSync(directory).includes('main.bad'));
    const offline = await runCli('users', 'list', '--offline', '--data', directory);
    t.not(offline.code, 0);
    t.notRegex(offline.stdout, /admin/);
  },
);

needs(STRACE)(
  'a change that was refused because it could not be synced is not found by the next start',
  async (t) => {
    const directory = tempDirectory();
    const store = await MainStore.open(directory, new RecordingLogger());
    const users = store.document('users', 'users.json');
    await users.write('old');
    const failing = 'fdatasync,fsync:error=EIO';
    const data = join(directory, 'main', 'data.mdb');
    const strace = await Strace.attach(process.pid, join(tempDirectory(), 'strace'), failing, [data]);
    await t.throwsAsync(users.write('new'), { message: /EIO|i\/o error/i });
    await t.throwsAsync(store.document('bans', 'bans.json').write('first'));
    await strace.detach();
    t.is(users.read(3)?.toString(), 'old');
    await store.close();
    const again = await MainStore.open(directory, new RecordingLogger());
    t.is(again.document('users', 'users.json').read(3)?.toString(), 'old');
    t.is(again.document('bans', 'bans.json').read(3), null);
    await again.document('users', 'users.json').write('new');
    t.is(again.get('users')?.toString(), 'new');
    await again.close();
  },
);

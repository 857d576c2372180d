import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { breakShard, tempDirectory, until } from '../helpers/with-broker.js';
import { activeIn, ask, brokerWith, clientOf, PROBE } from './asking.js';

const DEFAULTS = 'emq_recon.\nemq_modules.\nemq_retainer.\n';
const loaded = (directory: string): string => readFileSync(join(directory, 'loaded_plugins'), 'utf8');

test.serial(
  'a broker that has never run starts the defaults, remembers them, then users’ plugins',
  async (t) => {
    const scene = await brokerWith(t);
    t.deepEqual(activeIn(scene), ['emq_modules', 'emq_recon', 'emq_retainer', 'probe']);
    t.is(loaded(scene.directory), DEFAULTS);
    const names = scene.broker.plugins.list().map(({ name }) => name);
    t.deepEqual(names, [...names].sort());
    t.like(
      scene.broker.plugins.list().find(({ name }) => name === 'probe'),
      { version: '9.9.9', description: 'Does what a test wants' },
    );
  },
);

test.serial('start and stop have EMQ’s results, and are remembered in the order of starting', async (t) => {
  const scene = await brokerWith(t, { plugins: [] });
  const { plugins } = scene.broker;
  t.like(await plugins.start('emq_modules'), { ok: false, why: 'already_started' });
  t.like(await plugins.stop('emq_plugin_template'), { ok: false, why: 'not_started' });
  t.like(await plugins.start('emq_nothing'), { ok: false, why: 'not_found' });
  t.like(await plugins.stop('emq_nothing'), { ok: false, why: 'not_found' });
  t.deepEqual(await plugins.start('emq_plugin_template'), { ok: true });
  t.is(loaded(scene.directory), `${DEFAULTS}emq_plugin_template.\n`);
  t.deepEqual(await plugins.stop('emq_recon'), { ok: true });
  t.deepEqual(await plugins.start('emq_recon'), { ok: true });
  t.is(loaded(scene.directory), 'emq_modules.\nemq_retainer.\nemq_plugin_template.\nemq_recon.\n');
  await scene.broker.stop();
  t.is(
    loaded(scene.directory),
    'emq_modules.\nemq_retainer.\nemq_plugin_template.\nemq_recon.\n',
    'a stop changes nothing',
  );
  t.like(await plugins.start('emq_recon'), { ok: false, why: 'failed' });
  const again = await brokerWith(t, { plugins: [] }, scene.directory);
  t.deepEqual(activeIn(again), ['emq_modules', 'emq_plugin_template', 'emq_recon', 'emq_retainer']);
});

test.serial('every shard runs its part, with the values and the state of the main part', async (t) => {
  const config = { 'probe.word': 'hello', 'probe.entry.1.name': 'one', 'probe.entry.2.name': 'two' };
  const scene = await brokerWith(t, { config });
  for (const shard of [0, 1]) {
    const client = await clientOf(t, scene, shard);
    t.is(await ask(client, 'shard'), String(shard));
    t.is(await ask(client, 'word'), 'hello');
    t.deepEqual(JSON.parse(await ask(client, 'state')), {
      entries: [
        ['probe.entry.1.name', 'one'],
        ['probe.entry.2.name', 'two'],
      ],
    });
    t.deepEqual(JSON.parse(await ask(client, 'greeting')), { greeting: 'hello' });
    t.is(await ask(client, 'ping'), 'pong');
  }
});

test.serial('a shard that restarts runs what the others run, in their order', async (t) => {
  const scene = await brokerWith(t, { config: { 'probe.word': 'hello' } });
  await scene.broker.plugins.start('emq_plugin_template');
  await breakShard(scene.broker, 1, 'throw');
  await until(() => scene.logger.has('info', /shard 1 is back/), 'the shard');
  const client = await clientOf(t, scene, 1);
  t.is(await ask(client, 'word'), 'hello');
  t.is(await ask(client, 'ping'), 'pong');
});

for (const [key, value, why] of [
  ['probe.main', 'throws', /the main part does not want to/],
  ['probe.shard', 'throws', /the shard part does not want to/],
  ['probe.shard', 'one-throws', /the shard part does not want to/],
  ['probe.shard', 'wrong-hook', /there is no hook client.autenticate/],
  ['probe.shard', 'wrong-limits', /its retained has to have four limits/],
  ['probe.shard', 'ends', /shard \d/],
] as const) {
  test.serial(
    `${key} ${value}: it runs nowhere, the log and the outcome say why, and the broker runs`,
    async (t) => {
      const directory = tempDirectory();
      const scene = await brokerWith(t, { config: { [key]: value } }, directory);
      t.false(activeIn(scene).includes('probe'));
      t.true(scene.logger.has('error', why));
      const client = await clientOf(t, scene, 0);
      await client.publishAsync('probe/ask/word', '', { qos: 1 });
      await until(async () => {
        const outcome = await scene.broker.plugins.start('probe');
        return !outcome.ok && outcome.why === 'failed' && why.test(outcome.message);
      }, 'the outcome');
      t.is(loaded(directory), DEFAULTS, 'it is not remembered');
      t.deepEqual(await scene.broker.plugins.configure('probe', { 'probe.word': 'better' }), { ok: true });
      t.deepEqual(await scene.broker.plugins.start('probe'), { ok: true });
      await until(() => !scene.logger.has('error', /shard 1 has/) || scene.logger.has('info', /back/));
      t.is(await ask(await clientOf(t, scene, 1), 'word'), 'better');
    },
  );
}

test.serial('a name that nobody knows in loaded_plugins is logged, and the rest of it starts', async (t) => {
  const directory = tempDirectory();
  writeFileSync(join(directory, 'loaded_plugins'), "emq_dashboard.\n% a comment\n'emq_recon'.\n\nprobe.\n");
  const scene = await brokerWith(t, {}, directory);
  t.deepEqual(activeIn(scene), ['emq_recon', 'probe']);
  t.true(
    scene.logger.has(
      'error',
      /loaded_plugins: there is no plugin emq_dashboard; shardmq plugins unload emq_dashboard/,
    ),
  );
});

test.serial('loaded_plugins that cannot be read stops the start: it may name a guard', async (t) => {
  for (const [text, message] of [
    ['emq_recon.\nemq_auth_user', /loaded_plugins: line 2: expected a name and a full stop/],
    ['x'.repeat(70_000), /loaded_plugins: cannot be read: longer than 65536 bytes/],
  ] as const) {
    const directory = tempDirectory();
    writeFileSync(join(directory, 'loaded_plugins'), text);
    const error = await t.throwsAsync(brokerWith(t, {}, directory));
    t.like(error, { code: 'DATA_DIR_FAILED' });
    t.regex(error!.message, message);
    t.is(loaded(directory), text);
  }
});

test.serial('what cannot be remembered is not done', async (t) => {
  const directory = tempDirectory();
  const file = join(directory, 'loaded_plugins');
  const scene = await brokerWith(t, { plugins: [], config: { 'mqtt.plugins.loaded_file': file } }, directory);
  writeFileSync(file, 'damaged');
  t.like(await scene.broker.plugins.start('emq_plugin_template'), { ok: false, why: 'failed' });
  t.like(await scene.broker.plugins.stop('emq_recon'), { ok: false, why: 'failed' });
  t.deepEqual(activeIn(scene), ['emq_modules', 'emq_recon', 'emq_retainer']);
});

test.serial('a plugin that will not stop is stopped, and the log says that it did not like to', async (t) => {
  const scene = await brokerWith(t, {
    config: { 'probe.main': 'stop-throws', 'probe.shard': 'stop-throws' },
  });
  t.deepEqual(await scene.broker.plugins.stop('probe'), { ok: true });
  t.true(scene.logger.has('error', /^probe: it did not stop in order: it will not stop/));
  await until(() => scene.logger.has('error', /^probe: its part in this shard did not stop in order/));
  t.false(existsSync(join(scene.directory, 'nothing')));
  t.deepEqual(await scene.broker.plugins.start('probe'), { ok: true });
});

test.serial('operations that come at once are done one after the other', async (t) => {
  const scene = await brokerWith(t);
  const { plugins } = scene.broker;
  const outcomes = await Promise.all([
    plugins.stop('probe'),
    plugins.start('probe'),
    plugins.start('probe'),
    plugins.stop('probe'),
    plugins.stop('probe'),
  ]);
  t.deepEqual(
    outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.why)),
    ['ok', 'ok', 'already_started', 'ok', 'not_started'],
  );
  const many = await Promise.all(Array.from({ length: 100 }, () => plugins.stop('probe')));
  const refused = many.filter((outcome) => !outcome.ok && /too many operations/.test(outcome.message));
  t.true(refused.length > 0);
});

test.serial('modules that are no plugins stop the start with a sentence', async (t) => {
  const missing = new URL('./probe/missing.js', import.meta.url);
  const error = await t.throwsAsync(brokerWith(t, { plugins: [missing, PROBE, PROBE] }));
  t.like(error, { code: 'CONFIG_INVALID' });
  const { issues } = error as unknown as { issues: string[] };
  t.is(issues.length, 2);
  t.regex(issues[0]!, /^plugins: file:.*missing\.js: cannot be loaded: there is no file \S*missing\.js$/);
  t.regex(issues[1]!, /^plugins: file:.*plugin\.js: there is already a plugin named probe/);
});

test.serial(
  'a module that is no JavaScript, and one without default export, are told what to do',
  async (t) => {
    const directory = tempDirectory();
    const wrong = join(directory, 'wrong.mjs');
    writeFileSync(wrong, "export default {\n  name: 'x' 'y',\n};\n");
    const bare = join(directory, 'bare.mjs');
    writeFileSync(bare, "export const name = 'bare';\n");
    const error = await t.throwsAsync(brokerWith(t, { plugins: [wrong, bare] }));
    const { issues } = error as unknown as { issues: string[] };
    t.regex(
      issues[0]!,
      /^plugins: \S*wrong\.mjs: cannot be loaded: Unexpected string; node --check FILE shows where$/,
    );
    t.regex(issues[1]!, /bare\.mjs: cannot be loaded: it has no default export, which would be the plugin$/);
  },
);

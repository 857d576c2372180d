import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { runCli } from '../cli/run-cli.js';
import { storedText, storeText } from '../helpers/documents.js';
import { tempDirectory } from '../helpers/with-broker.js';
import { ask, brokerWith, clientOf, PROBE, type Scene } from './asking.js';

async function wordOf(t: ExecutionContext, scene: Scene): Promise<string> {
  return ask(await clientOf(t, scene, 1), 'word');
}

function etcWith(text: string): string {
  const directory = tempDirectory();
  writeFileSync(join(directory, 'probe.conf'), text);
  return directory;
}

test.serial(
  'a plugin’s own file gives way to the broker’s configuration, and both to what is set at run time',
  async (t) => {
    const etc = etcWith('## ours\nprobe.word = from file\nprobe.entry.a\\.b.name = one = 1 # all of it\n');
    const config = { 'mqtt.plugins.etc_dir': etc };
    const scene = await brokerWith(t, { config });
    t.is(await wordOf(t, scene), 'from file');
    t.deepEqual(JSON.parse(await ask(await clientOf(t, scene), 'state')), {
      entries: [['probe.entry.a\\.b.name', 'one = 1 # all of it']],
    });
    await scene.broker.stop();
    const set = ['probe.word=from command line'];
    const second = await brokerWith(t, { config, set }, scene.directory);
    t.is(await wordOf(t, second), 'from command line');
    t.deepEqual(await second.broker.plugins.configure('probe', { 'probe.word': 'set at run time' }), {
      ok: true,
    });
    t.is(await wordOf(t, second), 'set at run time');
    await second.broker.stop();
    const third = await brokerWith(t, { config, set }, scene.directory);
    t.is(await wordOf(t, third), 'set at run time');
    t.deepEqual(JSON.parse(await ask(await clientOf(t, third), 'state')), { entries: [] }, 'it replaces all');
    t.true(third.logger.has('info', /plugin probe has the configuration that was set at run time/));
  },
);

test.serial('keys may come as YAML, from the environment and from a program; the last wins', async (t) => {
  const file = join(tempDirectory(), 'broker.yaml');
  writeFileSync(file, 'probe:\n  word: yaml\n  entry:\n    - name: first\n    - name: second\n');
  const scene = await brokerWith(t, {
    configFile: file,
    config: { probe: { word: 'program' } },
    env: { SHARDMQ_PROBE__WORD: 'environment' },
  });
  t.is(await wordOf(t, scene), 'environment');
  const { entries } = JSON.parse(await ask(await clientOf(t, scene), 'state')) as { entries: unknown };
  t.deepEqual(entries, [
    ['probe.entry.1.name', 'first'],
    ['probe.entry.2.name', 'second'],
  ]);
});

test.serial(
  'mistakes in keys of plugins stop the start, users’ plugins too, and no secret is shown',
  async (t) => {
    const config = {
      'module.presence.qos': '3',
      'probe.secret': '77',
      'probe.wrod': 'x',
      'probe.entry.$id.name': 'x',
    };
    const error = await t.throwsAsync(brokerWith(t, { config }));
    t.deepEqual((error as unknown as { issues: string[] }).issues, [
      'config option: module.presence.qos = "3": expected an integer, 0 to 2',
    ]);
    const { 'module.presence.qos': _, ...rest } = config;
    const later = await t.throwsAsync(brokerWith(t, { config: rest }));
    t.deepEqual((later as unknown as { issues: string[] }).issues, [
      'config option: probe.secret = "***": expected an integer, at most 10',
    ]);
    const last = await t.throwsAsync(
      brokerWith(t, { config: { 'probe.wrod': 'x', 'probe.entry.$id.name': 'x' } }),
    );
    t.deepEqual((last as unknown as { issues: string[] }).issues, [
      'config option: probe.wrod = "***": expected a key that exists; did you mean probe.word?',
      'config option: probe.entry.$id.name = "***": expected a key that exists; did you mean probe.entry.$id.name?',
    ]);
  },
);

test.serial('a plugin whose own file is wrong does not start, and the log names the line', async (t) => {
  const etc = etcWith('probe.word = fine\nprobe.secret = 99\nprobe.other = 1\n');
  const scene = await brokerWith(t, { config: { 'mqtt.plugins.etc_dir': etc } });
  t.like(
    scene.broker.plugins.list().find(({ name }) => name === 'probe'),
    { active: false },
  );
  t.true(
    scene.logger.has('error', /probe\.conf:2: probe\.secret = "\*\*\*": expected an integer, at most 10/),
  );
  t.true(scene.logger.has('error', /probe\.conf:3: probe\.other = "\*\*\*": expected a key of probe/));
  t.is(scene.broker.plugins.config('probe')!.find(({ key }) => key === 'probe.secret')!.value, '99');
});

test.serial(
  'what the plugin’s own check says is wrong stops its start, and a new configuration',
  async (t) => {
    const scene = await brokerWith(t, { config: { 'probe.word': 'bad' } });
    t.true(scene.logger.has('error', /plugin probe did not start: probe\.word is bad/));
    t.like(await scene.broker.plugins.configure('probe', { 'probe.word': 'bad' }), {
      why: 'invalid',
      message: 'probe.word is bad',
    });
  },
);

test.serial(
  'settings are listed: first what is not set, then what is, each with what it is about',
  async (t) => {
    const config = { 'probe.secret': '7', 'probe.entry.x.name': 'an x' };
    const { broker } = await brokerWith(t, { config });
    const rows = broker.plugins.config('probe')!;
    t.deepEqual(
      rows.map(({ key, value, isSet }) => [key, value, isSet]),
      [
        ['probe.word', '', false],
        ['probe.entry.$id.name', '', false],
        ['probe.main', '', false],
        ['probe.shard', '', false],
        ['probe.secret', '7', true],
        ['probe.entry.x.name', 'an x', true],
      ],
    );
    t.deepEqual(
      rows.filter(({ isSecret }) => isSecret).map(({ key }) => key),
      ['probe.secret'],
    );
  },
);

test.serial(
  'what is set at run time is kept for its owner only; a damaged document is not passed over',
  async (t) => {
    const scene = await brokerWith(t);
    const { directory } = scene;
    await scene.broker.plugins.configure('probe', { 'probe.secret': '5' });
    const stored = await storedText(directory, 'plugins/probe');
    t.deepEqual(JSON.parse(stored!), { formatVersion: 1, values: { 'probe.secret': '5' } });
    t.is(statSync(join(directory, 'main')).mode & 0o777, 0o700);
    await scene.broker.stop();
    for (const text of ['{', '{"formatVersion":2}', '{"formatVersion":1,"values":{"probe.secret":5}}']) {
      await storeText(directory, 'plugins/probe', text);
      const again = await brokerWith(t, {}, directory);
      t.true(again.logger.has('error', /plugin probe did not start: .*plugins\/probe in /), text);
      t.is(again.broker.plugins.config('probe'), null);
      t.true((await again.broker.plugins.configure('probe', {})).ok, 'it can be replaced');
      t.true((await again.broker.plugins.start('probe')).ok);
      await again.broker.stop();
    }
  },
);

test.serial('a file that EMQ has for a plugin is read as it is', async (t) => {
  const directory = tempDirectory();
  const text = [
    '##--------------------------------------------------------------------',
    'module.presence = on',
    'module.presence.qos = 1',
    'module.subscription = on',
    'module.subscription.1.topic = $client/%c',
    'module.subscription.1.qos = 1',
    'module.rewrite = on',
    'module.rewrite.rule.1 = x/# ^x/y/(.+)$ z/y/$1',
  ].join('\n');
  writeFileSync(join(directory, 'emq_modules.conf'), text);
  const { broker } = await brokerWith(t, { plugins: [PROBE], config: { 'mqtt.plugins.etc_dir': directory } });
  t.true(broker.plugins.list().find(({ name }) => name === 'emq_modules')!.active);
  t.is(broker.plugins.config('emq_modules')!.filter(({ isSet }) => isSet).length, 7);
});

test.serial(
  '`plugins` lists modules by path, alone or as a list; shardmq check-config knows their keys',
  async (t) => {
    const path = fileURLToPath(PROBE);
    const file = join(tempDirectory(), 'broker.yaml');
    writeFileSync(file, `plugins:\n  - ${path}\nprobe.word: listed\n`);
    const scene = await brokerWith(t, { plugins: [], configFile: file });
    t.is(await wordOf(t, scene), 'listed');
    const single = await brokerWith(t, { plugins: [], set: [`plugins=${path}`, 'probe.word=alone'] });
    t.is(await wordOf(t, single), 'alone');
    t.like(await runCli('check-config', file), { code: 0 });
    writeFileSync(file, `plugins: ${path}\nprobe.secret: 11\n`);
    const wrong = await runCli('check-config', file);
    t.is(wrong.code, 3);
    t.regex(wrong.stderr, /broker\.yaml:2: probe\.secret = "\*\*\*": expected an integer, at most 10/);
    const empty = await t.throwsAsync(brokerWith(t, { plugins: [], config: { plugins: '' } }));
    t.regex(empty!.message, /plugins = "": expected the path of a module/);
  },
);

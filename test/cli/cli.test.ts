/** The command line as a user sees it: what it prints, and how it ends. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { type ActionSpec, COMMON_OPTIONS, REMOTE_COMMANDS } from '../../src/cli/remote/command-table.js';
import { CliProcess, runCli, temporaryDir } from './run-cli.js';

const packageJson = new URL('../../../package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(packageJson, 'utf8')) as { version: string };

test('version prints the version of package.json', async (t) => {
  t.deepEqual(await runCli('version'), { code: 0, stdout: `shardmq ${version}\n`, stderr: '' });
  t.deepEqual(await runCli('--version'), { code: 0, stdout: `shardmq ${version}\n`, stderr: '' });
});

test('version works where Node.js cannot load modules synchronously', async (t) => {
  const cli = new CliProcess(['version'], {}, ['--no-experimental-require-module']);
  t.like(await cli.ended(), { code: 0, stdout: `shardmq ${version}\n` });
});

test('help names every option, command and exit code', async (t) => {
  const { code, stdout } = await runCli('help');
  t.is(code, 0);
  for (const word of [
    '--config',
    '--set',
    '--shards',
    '--data',
    '--log-level',
    'check-config',
    'plugins',
    '--plugin',
  ]) {
    t.true(stdout.includes(word), word);
  }
  for (const [number, meaning] of EXIT_CODES) t.regex(stdout, new RegExp(`^ *${number}  ${meaning}$`, 'm'));
});

test('an unknown option or command says what exists, and ends with 2', async (t) => {
  const option = await runCli('start', '--shard', '2');
  t.is(option.code, 2);
  t.is(
    option.stderr,
    'shardmq: there is no option --shard; there are --config, --set, --plugin, --shards, --data, --log-level; try shardmq help\n',
  );
  const command = await runCli('strat');
  t.is(command.code, 2);
  t.is(command.stderr, 'shardmq: there is no command strat; did you mean start? try shardmq help\n');
  const other = await runCli('xyzzy');
  t.is(other.code, 2);
  t.regex(
    other.stderr,
    /there is no command xyzzy; there are start, check-config, backup, restore, version, help, status, clients, /,
  );
});

test('an option without its value, and arguments too many, end with 2', async (t) => {
  t.like(await runCli('start', '--config'), {
    code: 2,
    stderr: 'shardmq: --config needs a value; try shardmq help\n',
  });
  t.is((await runCli('version', 'x')).code, 2);
  t.is((await runCli('check-config')).code, 2);
  t.is((await runCli('check-config', '--set', 'a=b')).code, 2);
});

test('check-config tells every error with its line, and ends with 3', async (t) => {
  const file = join(temporaryDir(t), 'broker.yaml');
  writeFileSync(file, 'mqtt:\n  max_packet_size: huge\nnode.cookie: x\nmqtt.max_inflight: 3\n');
  t.deepEqual(await runCli('check-config', file), {
    code: 3,
    stdout: '',
    stderr:
      `warning: ${file}:3: node.cookie: no effect: clustering is not built yet\n` +
      `error: ${file}:2: mqtt.max_packet_size = "huge": expected a size in bytes or with KB, MB or GB, 64 to 256MB\n` +
      `error: ${file}:4: mqtt.max_inflight = "***": expected a key that exists; did you mean mqtt.session.max_inflight?\n`,
  });
});

test('check-config of a good file ends with 0', async (t) => {
  const file = join(temporaryDir(t), 'broker.yaml');
  writeFileSync(file, 'mqtt.max_packet_size: 2MB\n');
  t.deepEqual(await runCli('check-config', file), {
    code: 0,
    stdout: `${file}: no errors, 0 warnings\n`,
    stderr: '',
  });
});

test('start with a wrong configuration names it on one line each, and ends with 3', async (t) => {
  const environment = { SHARDMQ_MQTT__MAX_CLIENTID_LEN: 'long' };
  const cli = new CliProcess(['--shards', 'many', '--config', '/does/not/exist'], environment);
  t.deepEqual(await cli.ended(), {
    code: 3,
    stdout: '',
    stderr:
      "shardmq: /does/not/exist: cannot be read: ENOENT: no such file or directory, stat '/does/not/exist'\n" +
      'shardmq: environment SHARDMQ_MQTT__MAX_CLIENTID_LEN: mqtt.max_clientid_len = "long": expected an integer, 1 to 65535\n' +
      'shardmq: command line: node.shards = "many": expected an integer, 0 to 32\n',
  });
});

test('docs/cli.md has every command, with each of its actions, and every option', (t) => {
  const page = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8');
  for (const [name, { actions }] of Object.entries(REMOTE_COMMANDS)) {
    for (const [action, spec] of Object.entries<ActionSpec>(actions)) {
      const words = action === '' || action === 'list' ? name : `${name} ${action}`;
      t.regex(page, new RegExp(`shardmq ${words}\\b`), words);
      for (const option of Object.keys(spec.options ?? {})) t.true(page.includes(option), option);
    }
  }
  for (const option of Object.keys(COMMON_OPTIONS)) t.true(page.includes(option), option);
});

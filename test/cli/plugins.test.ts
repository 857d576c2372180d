import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { runCli, temporaryDir } from './run-cli.js';

const PROBE = fileURLToPath(new URL('../plugins/probe/plugin.js', import.meta.url));

test('plugins lists what there is, and what starts with the broker', async (t) => {
  const data = temporaryDir(t);
  const { code, stdout } = await runCli('plugins', '--data', data, '--plugin', PROBE);
  t.is(code, 0);
  t.regex(stdout, /^emq_auth_username\tfalse\tAuthentication with Username\/Password$/m);
  t.regex(stdout, /^emq_recon\ttrue\tRecon Plugin$/m);
  t.regex(stdout, /^probe\ttrue\tDoes what a test wants$/m);
});

test('plugins load and unload say what starts with the broker from now on', async (t) => {
  const data = temporaryDir(t);
  const file = join(data, 'loaded_plugins');
  t.like(await runCli('plugins', 'load', 'emq_auth_username', '--data', data), {
    code: 0,
    stdout: 'emq_auth_username starts with the broker\n',
  });
  t.is(readFileSync(file, 'utf8'), 'emq_recon.\nemq_modules.\nemq_retainer.\nemq_auth_username.\n');
  t.is((await runCli('plugins', 'unload', 'emq_recon', '--data', data)).code, 0);
  t.is(readFileSync(file, 'utf8'), 'emq_modules.\nemq_retainer.\nemq_auth_username.\n');
  t.like(await runCli('plugins', 'unload', 'emq_recon', '--data', data), {
    code: 1,
    stderr: 'shardmq: emq_recon is not among the plugins that start with the broker\n',
  });
  t.like(await runCli('plugins', 'load', 'emq_nothing', '--data', data), {
    code: 1,
    stderr: 'shardmq: there is no plugin emq_nothing; shardmq plugins shows which there are\n',
  });
  t.like(await runCli('plugins', 'load', 'emq_auth_usrname', '--data', data), {
    code: 1,
    stderr: 'shardmq: there is no plugin emq_auth_usrname; did you mean emq_auth_username?\n',
  });
  writeFileSync(file, 'damaged');
  t.like(await runCli('plugins', '--data', data), { code: 1 });
  t.is(readFileSync(file, 'utf8'), 'damaged');
});

test('plugins with other words, and with a wrong configuration, end with 2 and 3', async (t) => {
  for (const words of [['load'], ['list', 'x'], ['load', 'a', 'b'], ['start', 'a']]) {
    t.is((await runCli('plugins', ...words)).code, 2, words.join(' '));
  }
  t.is((await runCli('plugins', '--set', 'nothing.such=1')).code, 3);
});

/** check-config says what a start would say of the files that it reads, and changes nothing. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { CERTS } from '../helpers/certs.js';
import { type Ended, runCli, temporaryDir } from './run-cli.js';

/** A configuration file beside its data, `data`, and other files by their names. */
function stage(t: ExecutionContext, config: string, files: Readonly<Record<string, string>> = {}) {
  const directory = temporaryDir(t);
  mkdirSync(join(directory, 'data', 'plugins'), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const file = join(directory, 'broker.yaml');
  writeFileSync(file, `node.data_dir: ${directory}/data\n${config.replaceAll('HERE', directory)}`);
  const check = async (): Promise<Ended> => {
    const { code, stdout, stderr } = await runCli('check-config', file);
    return { code, stdout, stderr: stderr.replaceAll(directory, 'HERE') };
  };
  return { directory, check };
}

test('all that is wrong is said at once, a line each, and ends with 3', async (t) => {
  const config = [
    'mqtt.acl_file: HERE/acl.conf',
    'mqtt.plugins.etc_dir: HERE/none',
    `listener.ssl.external: 127.0.0.1:0\nlistener.ssl.external.certfile: HERE/none.pem`,
    `listener.ssl.external.keyfile: ${CERTS.serverEcdsa.keyfile}`,
    'auth.user.1.username: ann\n',
  ];
  const { check } = stage(t, config.join('\n'), {
    'acl.conf': '{allow, all, pubsub, ["dev-%c"]}.\n{deny, al}.',
    'data/bans.json': '{',
    'data/loaded_plugins': 'emq_auth_username.\nemq_none.\n',
  });
  const { code, stdout, stderr } = await check();
  t.is(code, 3);
  t.is(stdout, '');
  const lines = stderr.trimEnd().split('\n');
  t.is(lines.length, 6);
  t.is(lines[0], 'warning: mqtt.plugins.etc_dir: HERE/none is not there');
  t.regex(lines[1]!, /^error: listener\.ssl\.external\.certfile: .*none\.pem/);
  t.regex(lines[2]!, /^error: mqtt\.acl_file: HERE\/acl\.conf:2:8: expected all/);
  t.regex(lines[3]!, /^error: HERE\/data\/bans\.json is damaged/);
  t.regex(lines[4]!, /^error: emq_auth_username: auth\.user\.1\.username: .*password/);
  t.regex(lines[5]!, /^error: HERE\/data\/loaded_plugins: there is no plugin emq_none; /);
});

test('mistakes in the own file of a plugin, and in what was set at run time, are named without secrets', async (t) => {
  const own = stage(t, 'mqtt.plugins.etc_dir: HERE', {
    'emq_modules.conf': 'module.presence = on\nmodule.presence.qos = 3\n',
  });
  t.regex(
    (await own.check()).stderr,
    /^error: emq_modules: HERE\/emq_modules\.conf:2: module\.presence\.qos = /,
  );
  const set = stage(t, '', {
    'data/plugins/emq_modules.json': '{"formatVersion":1,"values":',
    'data/plugins/emq_auth_username.json':
      '{"formatVersion":1,"values":{"auth.user.1.password":"hunter2","auth.user.password_hash":"md4"}}',
    'data/loaded_plugins': 'emq_modules.\nemq_auth_username.\n',
  });
  const { stderr } = await set.check();
  t.regex(stderr, /^error: emq_modules: HERE\/data\/plugins\/emq_modules\.json is damaged/);
  t.regex(stderr, /^error: emq_auth_username: auth\.user\.password_hash/m);
  t.false(stderr.includes('hunter2'));
});

test('which plugins start cannot be read: it is said, and ends with 3', async (t) => {
  const { check } = stage(t, '', { 'data/loaded_plugins': 'emq_modules\n' });
  t.deepEqual(await check(), {
    code: 3,
    stdout: '',
    stderr: 'error: HERE/data/loaded_plugins: line 1: expected a name and a full stop\n',
  });
});

test('what is no mistake is a warning, and is counted', async (t) => {
  const config = 'mqtt.acl_file: HERE/acl.conf\nauth.user.1.username: ann\nauth.user.1.password: x\n';
  const { check } = stage(t, config, { 'acl.conf': '{allow, all, pubsub, ["dev-%c"]}.' });
  const { code, stdout, stderr } = await check();
  t.is(code, 0);
  t.regex(stdout, /no errors, 2 warnings\n$/);
  t.regex(stderr, /^warning: HERE\/acl\.conf:1:23: %c and %u stand for something only as a whole level/);
  t.regex(stderr, /^warning: keys of emq_auth_username are set, and it does not run/m);
});

test('a user’s plugin looks at its own files; nothing is started, and nothing written', async (t) => {
  const plugin = `export default {
    name: 'mine',
    description: 'Reads a file',
    checkFiles: async (dataDir) => { throw new Error('nothing good in ' + dataDir); },
    start() { throw new Error('started'); },
  };`;
  const { directory, check } = stage(t, 'plugins: HERE/mine.mjs\n', { 'mine.mjs': plugin });
  t.deepEqual(await check(), {
    code: 3,
    stdout: '',
    stderr: 'error: mine: nothing good in HERE/data/plugins/mine\n',
  });
  t.deepEqual(readdirSync(join(directory, 'data'), { recursive: true }), ['plugins']);
});

test('what was changed while the broker ran, and wins over the file, is named; what of it is wrong is an error', async (t) => {
  const settings = (value: string): string =>
    JSON.stringify({ formatVersion: 1, values: { 'mqtt.receive_maximum': value } });
  const config = 'mqtt.receive_maximum: 20\n';
  const good = stage(t, config, { 'data/settings.json': settings('30') });
  const { code, stdout } = await good.check();
  t.is(code, 0);
  const [kept, last] = stdout.replaceAll(good.directory, 'HERE').trimEnd().split('\n');
  t.is(kept, 'HERE/data/settings.json: mqtt.receive_maximum = 30: set while the broker ran, and wins');
  t.is(last, 'HERE/broker.yaml: no errors, 0 warnings');
  const wrong = await stage(t, config, { 'data/settings.json': settings('0') }).check();
  t.is(wrong.code, 3);
  t.regex(
    wrong.stderr,
    /^error: HERE\/data\/settings\.json: mqtt\.receive_maximum = "0": expected an integer/,
  );
});

test('an API that other machines reach with the first password is a warning, for the start may be told another one', async (t) => {
  const open = await stage(t, 'listener.api.mgmt: 0.0.0.0:8080\n').check();
  t.is(open.code, 0);
  t.regex(open.stderr, /^warning: a start is refused: listener\.api\.mgmt would listen on 0\.0\.0\.0:8080/);
  const named = { 'data/users.json': '{}' };
  const damaged = await stage(t, 'listener.api.mgmt: off\n', named).check();
  t.is(damaged.code, 3);
  t.regex(damaged.stderr, /^error: HERE\/data\/users\.json has formatVersion undefined/);
});

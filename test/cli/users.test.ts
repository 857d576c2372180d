/** `shardmq users` while no broker runs, and what a start says about the first password. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { runCli, startCli, temporaryDir } from './run-cli.js';

const CLI = fileURLToPath(new URL('../../src/cli.cjs', import.meta.url));
const OPEN = ['--set', 'listener.api.mgmt=0.0.0.0:0', '--set', 'listener.tcp.external=127.0.0.1:0'];
const OTHERS = ['--set', 'listener.tcp.internal=off', '--set', 'listener.ws.external=off', '--shards', '1'];

/** With something on standard input. */
async function users(input: string, ...args: string[]): Promise<{ code: number; out: string }> {
  const child = spawn(process.execPath, [CLI, 'users', ...args], { env: { PATH: process.env['PATH'] } });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number];
  return { code, out };
}

test('users come, get passwords and go; what cannot be is said, with exit code 1', async (t) => {
  const data = temporaryDir(t);
  const at = ['--data', data];
  const none = { code: 1, out: 'shardmq: there is no user bob\n' };
  t.deepEqual(await users('x\n', 'passwd', 'bob', ...at), none);
  t.deepEqual(await users('pw\n', 'passwd', 'admin', ...at), { code: 0, out: 'admin has a new password\n' });
  t.deepEqual(await users('', 'list', ...at), { code: 0, out: 'admin\tadministrator\n' });
  t.deepEqual(await users('', 'passwd', 'admin', ...at), {
    code: 2,
    out: 'shardmq: there is no password in the first line of standard input, nor a terminal to ask on; --new-password-file FILE may have it\n',
  });
  const only = 'shardmq: admin is the only user: nobody could use the API\n';
  t.deepEqual(await users('', 'del', 'admin', ...at), { code: 1, out: only });
  t.deepEqual(await users('pw', 'add', 'bob', ...at), { code: 0, out: 'bob may use the API\n' });
  t.is((await users('pw', 'add', 'bob', ...at)).code, 1);
  t.is((await users('pw', 'add', 'a:b', ...at)).code, 1);
  t.deepEqual(await users('', 'del', 'bob', ...at), { code: 0, out: 'bob may no longer use the API\n' });
  t.deepEqual(await users('', 'del', 'bob', ...at), none);
  for (const words of [['add'], ['list', 'x'], ['passwd', 'a', 'b'], ['nothing']]) {
    t.is((await users('', ...words, ...at)).code, 2, words.join(' '));
  }
});

test('a start that would open the API with the first password ends with 3 and says what to do; doing it works', async (t) => {
  const data = temporaryDir(t);
  const refused = await runCli('start', '--data', data, ...OPEN, ...OTHERS);
  t.is(refused.code, 3);
  t.true(refused.stderr.includes(`run: shardmq users passwd admin --data ${data}`), refused.stderr);
  t.is((await users('secret\n', 'passwd', 'admin', '--data', data)).code, 0);
  // The last --data counts.
  const cli = await startCli(t, {}, ...OPEN, '--data', data);
  const busy = await users('other\n', 'passwd', 'admin', '--data', data);
  t.is(busy.code, 1);
  t.true(busy.out.includes('in use by a broker that runs'), busy.out);
  cli.signal('SIGTERM');
  t.is((await cli.ended()).code, 0);
});

test('so does SHARDMQ_ADMIN_PASSWORD, of which nothing is said', async (t) => {
  const cli = await startCli(t, { SHARDMQ_ADMIN_PASSWORD: 'very secret' }, ...OPEN);
  cli.signal('SIGTERM');
  const { code, stdout, stderr } = await cli.ended();
  t.is(code, 0);
  t.notRegex(stdout + stderr, /very secret|ADMIN_PASSWORD/);
});

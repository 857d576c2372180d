/** On a terminal: tables that fit, and passwords that are asked for and not shown. `script` makes the terminal. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { client } from '../api/lists.js';
import { withApi } from '../helpers/api.js';
import { temporaryDir } from './run-cli.js';

const CLI = fileURLToPath(new URL('../../src/cli.cjs', import.meta.url));

/** That of util-linux; the one of macOS takes other words. */
const hasScript = spawnSync('script', ['--version']).stdout?.toString().includes('util-linux') === true;
const onTerminal = hasScript ? test : test.skip;

interface Typed {
  readonly code: number;
  /** All that the terminal has shown, with its line ends as `\n`. */
  readonly shown: string;
}

/** @param typed what is typed each time that the screen shows such a question */
async function atTerminal(
  command: string,
  env: NodeJS.ProcessEnv,
  typed: readonly (readonly [question: string, answer: string])[] = [],
): Promise<Typed> {
  const line = `stty cols 60; exec '${process.execPath}' '${CLI}' ${command}`;
  const child = spawn('script', ['-qec', line, '/dev/null'], { env: { PATH: process.env['PATH'], ...env } });
  let shown = '';
  const open = [...typed];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text.replaceAll('\r\n', '\n');
    if (open[0] !== undefined && shown.endsWith(open[0][0])) child.stdin.write(open.shift()![1]);
  });
  const [code] = (await once(child, 'close')) as [number];
  return { code, shown };
}

onTerminal(
  'a table has a heading and fits',
  withApi({}, async (_ask, broker, t) => {
    await client(broker, `a-client-with-${'very-'.repeat(10)}long-name`);
    const env = { SHARDMQ_API_URL: `http://127.0.0.1:${broker.apiPort}`, SHARDMQ_API_PASSWORD: 'public' };
    const { code, shown } = await atTerminal('sessions', env);
    t.is(code, 0);
    t.regex(shown, /^CLIENT +CLEAN +FILTERS +/);
    t.regex(shown, /\na-client-\S*… +true +0 +/);
    for (const line of shown.split('\n')) t.true(line.length <= 60, line);
  }),
);

onTerminal(
  'passwords are asked for and not shown; a new one twice',
  withApi({}, async (ask, broker, t) => {
    const env = { SHARDMQ_API_URL: `http://127.0.0.1:${broker.apiPort}` };
    const login = [`password of admin at ${env.SHARDMQ_API_URL}: `, 'pux\x7fblic\r'] as const;
    const first = ['new password of ann: ', 'sEcRet\r'] as const;
    const different = await atTerminal('users add ann', env, [first, ['the same again: ', 'other\r'], login]);
    t.is(different.code, 1);
    t.regex(different.shown, /the two are not the same; nothing is changed/);
    const added = await atTerminal('users add ann', env, [first, ['the same again: ', 'sEcRet\r'], login]);
    t.is(added.code, 0, added.shown);
    t.notRegex(added.shown, /sEcRet|public/);
    t.is((await ask('GET users', { user: 'ann:sEcRet' })).status, 200);
    const interrupted = await atTerminal('clients', env, [[login[0], 'pub\x03']]);
    t.is(interrupted.code, 130);
  }),
);

onTerminal(
  'whoever changes the password that he signs in with is asked for the old one once',
  withApi({}, async (ask, broker, t) => {
    const env = { SHARDMQ_API_URL: `http://127.0.0.1:${broker.apiPort}` };
    const { code, shown } = await atTerminal('users passwd admin', env, [
      [`password of admin at ${env.SHARDMQ_API_URL}: `, 'public\r'],
      ['new password of admin: ', 'sEcRet\r'],
      ['the same again: ', 'sEcRet\r'],
    ]);
    t.is(code, 0, shown);
    t.is((await ask('GET users', { user: 'admin:sEcRet' })).status, 200);
  }),
);

onTerminal('without a broker a password is set as well', async (t: ExecutionContext) => {
  const data = temporaryDir(t);
  const { code, shown } = await atTerminal(`users passwd admin --data ${data}`, {}, [
    ['new password of admin: ', 'sEcRet\r'],
    ['the same again: ', 'sEcRet\r'],
  ]);
  t.is(code, 0, shown);
  t.regex(shown, /admin has a new password\n$/);
  t.notRegex(shown, /sEcRet/);
});

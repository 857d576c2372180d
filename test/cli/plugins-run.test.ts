/** `shardmq plugins run`: what a plugin can be told to do, from the command line. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { connectAsync } from 'mqtt';
import { withApi } from '../helpers/api.js';
import { accessTo, typing } from './remote.js';
import { CliProcess, temporaryDir } from './run-cli.js';

const NAME = 'emq_auth_username';

test(
  'plugins run shows the commands of a plugin, without the passwords that are asked for',
  withApi({}, async (_ask, broker, t) => {
    const type = typing(broker.apiPort);
    t.deepEqual(await type(`plugins run ${NAME}`), {
      code: 1,
      stdout: '',
      stderr: `shardmq: ${NAME} does not run; shardmq plugins load ${NAME} starts it\n`,
    });
    t.is((await type(`plugins load ${NAME}`)).code, 0);
    t.deepEqual((await type(`plugins run ${NAME}`)).stdout.split('\n'), [
      'list\tnames, in the order in which they were added',
      'add NAME\tlets somebody in',
      'passwd NAME\tchanges a password',
      'del NAME\ttakes a name out; who is connected stays',
      '',
    ]);
    t.like(await type('plugins run emq_retainer'), {
      code: 1,
      stderr: 'shardmq: emq_retainer has no commands\n',
    });
    t.like(await type('plugins run emq_nothing list'), {
      code: 1,
      stderr: 'shardmq: there is no plugin emq_nothing\n',
    });
    t.like(await type(`plugins run ${NAME} lst`), {
      code: 1,
      stderr: `shardmq: ${NAME} has no command lst; there is list, add, passwd, del\n`,
    });
  }),
);

test(
  'plugins run takes passwords from a file or standard input, never from the command line',
  withApi({}, async (_ask, broker, t) => {
    const type = typing(broker.apiPort);
    const file = join(temporaryDir(t), 'password');
    writeFileSync(file, 'light house\nnot this\n');
    t.is((await type(`plugins load ${NAME}`)).code, 0);
    t.deepEqual(await type(`plugins run ${NAME} add ben lighthouse`), {
      code: 2,
      stdout: '',
      stderr: `shardmq: it is: plugins run ${NAME} add NAME; the password is asked for\n`,
    });
    t.is((await type(`plugins run ${NAME} add`)).code, 2);
    t.like(await type(`plugins run ${NAME} add ben`), {
      code: 2,
      stderr:
        'shardmq: there is no password in the first line of standard input, nor a terminal to ask on; --new-password-file FILE may have it\n',
    });
    t.deepEqual(await type(`plugins run ${NAME} add ben --new-password-file ${file}`), {
      code: 0,
      stdout: 'ok\n',
      stderr: '',
    });
    const words = ['plugins', 'run', NAME, 'add', 'ann'];
    const piped = new CliProcess(words, accessTo(broker.apiPort), [], 'har bour\r\nnot this\n');
    t.deepEqual(await piped.ended(), { code: 0, stdout: 'ok\n', stderr: '' });
    t.is((await type(`plugins run ${NAME} list`)).stdout, 'ben\nann\n');
    t.is((await type(`plugins run ${NAME} list --json`)).stdout, '{"lines":["ben","ann"]}\n');
    t.like(await type(`plugins run ${NAME} add ben --new-password-file ${file}`), {
      code: 1,
      stderr: `shardmq: ${NAME} add: ben is there already\n`,
    });
    t.like(await type(`plugins run ${NAME} list --new-password-file ${file}`), {
      code: 2,
      stderr: `shardmq: list of ${NAME} takes no password\n`,
    });
    t.is((await type(`plugins run ${NAME} del ben`)).stdout, 'ok\n');
    t.is((await type(`plugins run ${NAME} list`)).stdout, 'ann\n');
    const { port } = broker.listeners.find(({ protocol }) => protocol === 'tcp')!;
    const url = `mqtt://127.0.0.1:${port}`;
    const ann = await connectAsync(url, { username: 'ann', password: 'har bour', reconnectPeriod: 0 });
    await ann.endAsync();
    const wrong = connectAsync(url, { username: 'ann', password: 'harbour', reconnectPeriod: 0 }, false);
    await t.throwsAsync(wrong, { message: /Bad username or password/ });
  }),
);

test('plugins run is for a broker that runs', async (t) => {
  const { code, stderr } = await new CliProcess(['plugins', 'run', NAME, 'list', '--offline'], {}).ended();
  t.is(code, 2);
  t.is(stderr, 'shardmq: only a plugin that runs can be told something\n');
});

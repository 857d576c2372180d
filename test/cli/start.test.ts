/** `shardmq start` from the first screen to the last signal. */

import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { EXIT } from '../../src/cli/exit-codes.js';
import { CERTS } from '../helpers/certs.js';
import { LINUX, needs } from '../helpers/needs.js';
import { until } from '../helpers/with-broker.js';
import { CliProcess, startCli, temporaryDir } from './run-cli.js';

test('the first screen says what listens where and how to try it, and ends with "shardmq ready"', async (t) => {
  const cli = await startCli(t);
  const lines = cli.stdout.split('\n');
  t.regex(lines[0]!, /^shardmq \d+\.\d+\.\d+\S* on Node\.js \d+\.\d+\.\d+, 1 shard, data in \//);
  const port = /^ {2}listener\.tcp\.external listens on 127\.0\.0\.1:(\d+)$/.exec(lines[1]!)?.[1];
  t.truthy(port);
  t.true(lines.includes(`  mosquitto_sub -p ${port} -t 'demo/#' -v`));
  t.true(lines.includes(`  mosquitto_pub -p ${port} -t demo/hello -m 'it works'`));
  t.regex(lines[2]!, /^ {2}listener\.api\.mgmt listens on http:\/\/127\.0\.0\.1:\d+\/api\/v2\/$/);
  t.regex(lines[3]!, /user admin has the password "public"/);
  t.is(lines.at(-2), 'shardmq ready');
  t.is(lines.at(-1), '');
});

test('that clients need no password is said in one line where other machines can connect, and nowhere else', async (t) => {
  const linesOf = async (...args: string[]): Promise<string[]> => {
    const { stdout } = await startCli(t, {}, ...args.flatMap((each) => ['--set', each]));
    return stdout.split('\n').filter((line) => /no password|anonymous/.test(line));
  };
  const open = ['listener.tcp.external=0.0.0.0:0', 'listener.ws.more=0.0.0.0:0'];
  t.deepEqual(await linesOf(...open), [
    '  clients need no password, from other machines too (mqtt.allow_anonymous)',
  ]);
  t.deepEqual(await linesOf(), []);
  t.deepEqual(await linesOf(...open, 'mqtt.allow_anonymous=false'), []);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} stops the broker cleanly, with code 0`, async (t) => {
    const cli = await startCli(t);
    cli.signal(signal);
    t.is((await cli.ended()).code, 0);
  });
}

test('SIGHUP reads certificates again, and the broker goes on', async (t) => {
  const { certfile, keyfile } = CERTS.serverEcdsa;
  const set = ['127.0.0.1:0', certfile, keyfile].map((value, index) => [
    '--set',
    `listener.ssl.external${['', '.certfile', '.keyfile'][index]}=${value}`,
  ]);
  const cli = await startCli(t, {}, ...set.flat());
  cli.signal('SIGHUP');
  await until(() => cli.stderr.includes('certificates have been read again'), 'the line in the log');
  cli.signal('SIGTERM');
  t.is((await cli.ended()).code, 0);
});

test('SIGHUP reads access rules again, and wrong ones are named and not used', async (t) => {
  const path = join(temporaryDir(t), 'acl.conf');
  writeFileSync(path, '{allow, all}.');
  const cli = await startCli(t, {}, '--set', `mqtt.acl_file=${path}`);
  cli.signal('SIGHUP');
  await until(() => cli.stderr.includes('access rules have been read again'), 'the line in the log');
  writeFileSync(path, '{allow, al}.');
  cli.signal('SIGHUP');
  await until(() => cli.stderr.includes(`${path}:1:9: expected all`), 'the error in the log');
  cli.signal('SIGTERM');
  t.is((await cli.ended()).code, 0);
});

test('access rules that are wrong stop the start like a wrong configuration: the line is named', async (t) => {
  const directory = temporaryDir(t);
  const path = join(directory, 'acl.conf');
  writeFileSync(path, '{allow, all}.\n{deny, all, read, ["a"]}.');
  const set = ['tcp.external=127.0.0.1:0', 'tcp.internal=off', 'ws.external=off', 'api.mgmt=off'].map(
    (each) => `listener.${each}`,
  );
  const args = [...set, `mqtt.acl_file=${path}`].flatMap((each) => ['--set', each]);
  const cli = new CliProcess(['--data', directory, '--shards', '1', ...args]);
  const { code, stdout, stderr } = await cli.ended();
  t.is(code, EXIT.configuration);
  t.is(stdout, '');
  t.is(stderr, `shardmq: mqtt.acl_file: ${path}:2:13: expected publish, subscribe or pubsub, found read\n`);
});

test('SIGHUP does nothing where there is nothing to read again', async (t) => {
  const cli = await startCli(t);
  cli.signal('SIGHUP');
  cli.signal('SIGTERM');
  const { code, stderr } = await cli.ended();
  t.is(code, 0);
  t.false(stderr.includes('certificates'));
});

test('what --log-level silences is not written', async (t) => {
  const cli = await startCli(t, {}, '--log-level', 'silent');
  cli.signal('SIGTERM');
  t.is((await cli.ended()).stderr, '');
});

test('a port in use names the listener and how to change it, and ends with 1', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const listener = `listener.tcp.external=127.0.0.1:${port}`;
  const set = [
    '--set',
    listener,
    '--set',
    'listener.tcp.internal=off',
    '--set',
    'listener.ws.external=off',
    '--set',
    'listener.api.mgmt=off',
    '--log-level',
    'silent',
  ];
  const cli = new CliProcess(['--data', temporaryDir(t), '--shards', '1', ...set]);
  const { code, stdout, stderr } = await cli.ended();
  t.is(code, 1);
  t.is(stdout, '');
  t.is(stderr.split('\n').length, 2);
  t.regex(stderr, new RegExp(`listener\\.tcp\\.external.*${port}.*--set listener\\.tcp\\.external=`));
});

test('the announced port takes connections', async (t) => {
  const cli = await startCli(t);
  const port = Number(/127\.0\.0\.1:(\d+)$/m.exec(cli.stdout)?.[1]);
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  t.pass();
});

const onLinux = needs(LINUX);

onLinux(
  'the libuv pool has eight threads for each shard and four more, and is not begun too early',
  async (t) => {
    const asSet = await startCli(t);
    const asWanted = await startCli(t, { UV_THREADPOOL_SIZE: '12' });
    t.is(threadsOf(asSet), threadsOf(asWanted));
  },
);

const threadsOf = ({ pid }: CliProcess): number =>
  Number(/Threads:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

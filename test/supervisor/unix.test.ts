/** Unix socket listeners: the file, who may use it, and what is in its place already. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { BrokerError } from '../../src/base/errors.js';
import type { RunningBroker } from '../../src/broker.js';
import { clientIdOn } from '../helpers/client-ids.js';
import { startTestBroker, tempDirectory } from '../helpers/with-broker.js';
import { connectBytes, STUB_SHARD, StubClient } from './stub-client.js';

function start(path: string, more: Readonly<Record<string, string>> = {}): Promise<RunningBroker> {
  const config = { 'listener.tcp.external': 'off', 'listener.unix.local': path, ...more };
  return startTestBroker({ shardEntry: STUB_SHARD, config }, tempDirectory());
}

/** Leaves a socket behind as a process does that is killed. */
async function leaveSocket(path: string): Promise<void> {
  const program = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.stdout.write('.'))`;
  const child = spawn(process.execPath, ['-e', program]);
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
}

test('a client of a Unix socket goes to its owner; its address is "unix"', async (t) => {
  const path = join(tempDirectory(), 'mqtt.sock');
  const broker = await start(path);
  t.deepEqual(broker.listeners, [
    {
      name: 'local',
      protocol: 'unix',
      host: '',
      port: 0,
      path,
      webSocketPath: null,
      url: null,
      isProxied: false,
    },
  ]);
  for (const shard of [0, 1]) {
    const { client, greeting } = await StubClient.greet(broker, connectBytes(clientIdOn(broker, shard)));
    t.is(greeting.shard, shard);
    t.like(greeting, { peerAddress: 'unix', peerPort: 0 });
    client.send(Buffer.from('echo\n'));
    t.is(await client.line(), 'echo');
    client.drop();
  }
  await broker.stop();
  t.false(existsSync(path), 'the file is gone with the broker');
});

test("the file's permissions are those of the configuration", async (t) => {
  const directory = tempDirectory();
  for (const [mode, expected] of [
    ['0600', 0o600],
    ['0666', 0o666],
  ] as const) {
    const path = join(directory, mode);
    const umask = process.umask();
    const broker = await start(path, { 'listener.unix.local.mode': mode });
    t.is(statSync(path).mode & 0o777, expected);
    t.is(process.umask(), umask);
    await broker.stop();
  }
});

test('a socket that a dead process left behind is replaced', async (t) => {
  const path = join(tempDirectory(), 'stale.sock');
  await leaveSocket(path);
  t.true(statSync(path).isSocket());
  const broker = await start(path);
  const { client } = await StubClient.greet(broker, connectBytes('someone'));
  client.drop();
  await broker.stop();
});

test('a socket in use, a file that is none, and a missing directory are errors that say what to do', async (t) => {
  const directory = tempDirectory();
  const live = join(directory, 'live');
  const server = createServer().listen(live);
  await once(server, 'listening');
  const file = join(directory, 'file');
  writeFileSync(file, 'precious');
  mkdirSync(join(directory, 'directory'));
  const cases = {
    live: 'address already in use',
    file: 'a file that is no socket has this name; remove it or choose another path',
    directory: 'a file that is no socket has this name; remove it or choose another path',
    'missing/socket': `there is no directory ${directory}/missing; create it`,
  };
  for (const [name, reason] of Object.entries(cases)) {
    const path = join(directory, name);
    const error = await t.throwsAsync(start(path), { instanceOf: BrokerError });
    t.is(error.code, 'LISTENER_FAILED');
    t.is(
      error.message,
      `listener.unix.local ${path}: ${reason}; change it with --set listener.unix.local=PATH`,
    );
  }
  t.is(readFileSync(file, 'utf8'), 'precious');
  t.true(statSync(live).isSocket());
  server.close();
});

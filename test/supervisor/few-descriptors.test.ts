/** A broker that runs out of file descriptors. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { until } from '../helpers/with-broker.js';
import { connectBytes, StubClient } from './stub-client.js';

const PROGRAM = fileURLToPath(new URL('./few-descriptors.main.js', import.meta.url));
/** More than the broker needs for itself, fewer than the clients want. */
const DESCRIPTORS = 120;
const CLIENTS = 200;

interface Message {
  readonly port?: number;
  readonly error?: string;
}

test('without a free descriptor single clients are closed; when there are some again, clients are served', async (t) => {
  const child = spawn('sh', ['-c', `ulimit -n ${DESCRIPTORS}; exec "$0" "$1"`, process.execPath, PROGRAM], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const errors: string[] = [];
  child.on('message', ({ error }: Message) => {
    if (error !== undefined) errors.push(error);
  });
  const [{ port }] = (await once(child, 'message')) as [Message];
  const address = { host: '127.0.0.1', port: port ?? 0 };

  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => StubClient.openAt(address)));
  const greeted = await Promise.all(
    clients.map(async (client) => {
      client.send(connectBytes('many'));
      return client.greeting().then(
        () => true,
        () => false,
      );
    }),
  );
  const served = greeted.filter(Boolean).length;
  t.true(served > 0 && served < CLIENTS, `${served} of ${CLIENTS} were served`);
  t.true(errors.every((error) => /descriptor/.test(error)) && errors.length > 0, errors.join('; '));
  for (const client of clients) client.drop();

  await until(async () => {
    const late = await StubClient.openAt(address);
    late.send(connectBytes('late'));
    const isServed = await late.greeting().then(
      () => true,
      () => false,
    );
    late.drop();
    return isServed;
  }, 'a client to be served again');
  t.is(child.exitCode, null);
  child.disconnect();
  await once(child, 'exit');
  t.is(child.exitCode, 0);
});

/** A broker that is told to stop ends in its time, whatever the store does, and says what it has left. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { CliProcess } from '../cli/run-cli.js';
import { needs } from '../helpers/needs.js';
import { PERSISTENT } from '../helpers/packets.js';
import { RawClient } from '../helpers/raw-client.js';
import { tempDirectory, until } from '../helpers/with-broker.js';
import { withBench } from '../seams/bench.js';
import { STRACE, Strace } from './ledger/strace.js';

/** Of `shutdown.timeout`, which tests have, and what is added to it by threads that do not end. */
const STOP_MS_MAX = 2_000 + 4_000;
const SILENT = { seam: { kind: 'store', mode: 'silent' } } as const;

test(
  'with a store that never answers clients are told of the stop, it ends in time, and a line says what is left',
  withBench(SILENT, async (bench, t) => {
    const client = await bench.connect(0, 5, PERSISTENT);
    await client.subscribe([['t', 1]]);
    client.sendPublish({ topic: 't', qos: 1, id: 1 });
    await client.expect('publish');
    await bench.remote.heard('commit');
    const beganMs = performance.now();
    const stopped = bench.broker.stop();
    await client.expectEnd(0x8b);
    await stopped;
    t.true(performance.now() - beganMs < STOP_MS_MAX);
    t.true(bench.logger.has('warn', /store did not take everything in time/));
    t.false(bench.broker.leavesThreads);
  }),
);

/** The command line on a data directory, with a client whose messages are stored. */
async function storing(
  t: ExecutionContext,
): Promise<{ cli: CliProcess; publisher: RawClient; directory: string }> {
  const directory = tempDirectory();
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const settings = [
    ...['listener.tcp.external=127.0.0.1:0', 'listener.tcp.internal=off', 'listener.ws.external=off'],
    ...['listener.api.mgmt=off', 'node.shards=1', 'mqtt.persistence.level=disk', 'shutdown.timeout=2s'],
    `node.data_dir=${join(directory, 'data')}`,
  ];
  const cli = new CliProcess(['start', ...settings.flatMap((setting) => ['--set', setting])]);
  t.teardown(() => cli.signal('SIGKILL'));
  await cli.says('shardmq ready\n');
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(cli.stdout)![1]);
  const publisher = await RawClient.open({ host: '127.0.0.1', port }, 5);
  t.teardown(() => publisher.drop());
  await publisher.connect({ clientId: 'publisher', ...PERSISTENT });
  await publisher.subscribe([['t', 1]]);
  return { cli, publisher, directory };
}

needs(STRACE)('a disk whose syncs never end does not hold up the end of the process', async (t) => {
  const { cli, publisher, directory } = await storing(t);
  const strace = await Strace.attach(cli.pid, join(directory, 'strace'), 'fdatasync:delay_enter=60s');
  t.teardown(() => strace.detach());
  publisher.sendPublish({ topic: 't', qos: 1, id: 1 });
  await until(() => strace.calls().some(({ name }) => name === 'fdatasync'), 'a sync');
  const beganMs = performance.now();
  cli.signal('SIGTERM');
  await cli.complains('is left behind');
  t.true(performance.now() - beganMs < STOP_MS_MAX);
  t.regex(cli.stderr, /store did not take everything in time/);
  // strace keeps even a dead process until the call's time has come.
  await strace.detach();
  t.is((await cli.ended()).code, null, 'by a signal, which waits for nobody');
});

/** Each backup that is made under load has everything that was acknowledged before it began. */
import { join } from 'node:path';
import test from 'ava';
import { backup, restore } from '../../src/index.js';
import { runCli } from '../cli/run-cli.js';
import { addressOf, startTestBroker, tempDirectory } from '../helpers/with-broker.js';
import { type Acknowledged, BackupLoad, checkRestored } from './backup-load.js';
import { startCliBroker } from './ledger/broker-process.js';

const SHARDS = 3;
const BACKUPS = 2;
const TIMEOUT_MS = 120_000;
const UNBOUNDED = { 'mqtt.mqueue.max_length': 0, 'mqtt.mqueue.max_bytes': 0 };

/** A backup, and what it must have. */
interface Made {
  readonly directory: string;
  readonly before: Acknowledged;
}

test.serial(
  'a broker that dies after several backups: each of them has all that was acknowledged before',
  async (t) => {
    t.timeout(TIMEOUT_MS);
    const dataDir = tempDirectory();
    const broker = startCliBroker({ dataDir, level: 'process', shards: SHARDS });
    t.teardown(() => broker.end('SIGKILL'));
    const load = await BackupLoad.begin(await broker.ready, dataDir);
    const made: Made[] = [];
    while (made.length < BACKUPS) {
      const before = await load.acknowledged(30);
      const directory = join(tempDirectory(), 'backup');
      const { code, stderr } = await runCli('backup', directory, '--data', dataDir);
      t.deepEqual([code, stderr], [0, '']);
      made.push({ directory, before });
    }
    await load.acknowledged(1);
    load.drop();
    await broker.end('SIGKILL');
    for (const { directory, before } of made) {
      const restored = tempDirectory();
      t.is((await runCli('restore', directory, '--data', restored)).code, 0);
      const second = startCliBroker({ dataDir: restored, level: 'process', shards: SHARDS });
      try {
        await checkRestored(t, await second.ready, load.readers, before);
      } finally {
        await second.end('SIGTERM');
      }
    }
  },
);

test.serial('so has one that is made by the process of the broker', async (t) => {
  t.timeout(TIMEOUT_MS);
  const dataDir = tempDirectory();
  const config = { 'node.shards': SHARDS, ...UNBOUNDED };
  const broker = await startTestBroker({ config }, dataDir);
  const load = await BackupLoad.begin(addressOf(broker).port, dataDir);
  const before = await load.acknowledged(100);
  const directory = join(tempDirectory(), 'backup');
  await backup(dataDir, directory);
  await load.acknowledged(1);
  await load.stop();
  await broker.stop();
  const restored = tempDirectory();
  await restore(directory, restored);
  const second = await startTestBroker({ config }, restored);
  try {
    await checkRestored(t, addressOf(second).port, load.readers, before);
  } finally {
    await second.stop();
  }
});

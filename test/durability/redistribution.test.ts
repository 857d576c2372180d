/** Another number of shards than last time: everything is still there, also when the process is killed meanwhile. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { BrokerError } from '../../src/base/errors.js';
import { loadConfig } from '../../src/config/load.js';
import { appliedValue } from '../../src/storage/applied-record.js';
import { Environment, type Write } from '../../src/storage/environment.js';
import { appliedKey } from '../../src/storage/keys.js';
import { shardDirectory } from '../../src/storage/redistribution.js';
import { storedShards } from '../../src/storage/shard-swap.js';
import { TABLES, type Table } from '../../src/storage/tables.js';
import { openDataDir, rememberedShards } from '../../src/supervisor/data-dir.js';
import { type LaunchAlone, reshard } from '../../src/supervisor/resharding.js';
import { RecordingLogger, startTestBroker, tempDirectory } from '../helpers/with-broker.js';
import { type Fate, type NodePlan, readNode, writeNode } from '../unit/storage/moved.js';
import { outboxRow } from '../unit/storage/real-rows.js';

const PROGRAM = fileURLToPath(new URL('./reshard-main.js', import.meta.url));
const FATES: readonly Fate[] = ['queued', 'sent', 'released', 'done', 'inbound', 'shared'];
const KILLS = 4;
/** Each is killed about so much later than the one before: all of it takes some 100 ms. */
const KILL_STEP_MS = 25;

const PLAN: NodePlan = {
  sessions: Array.from({ length: 150 }, (_, i) => ({
    slot: (i * 83) % 1_024,
    isMortal: i % 5 === 4,
    filters: ['a/#', `device/${i}`, '$share/g/c'],
    fates: Array.from({ length: 12 }, (_, j) => [FATES[(i + j) % FATES.length]!, (i * j) % 16] as const),
  })),
  retained: Array.from({ length: 60 }, (_, i) => i * 17),
};

/** Kills it so long after its first line; null: not at all. @returns whether it came to its end */
async function run(directory: string, shards: number, killAfterMs: number | null): Promise<boolean> {
  const args = [PROGRAM, directory, String(shards)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  await Promise.race([once(child.stdout, 'data'), ended]);
  child.stdout.resume();
  if (killAfterMs === 0) child.kill('SIGKILL');
  const timer = killAfterMs === null ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  const [code] = (await ended) as [number | null];
  clearTimeout(timer);
  return code === 0;
}

for (const [from, to] of [
  [1, 3],
  [3, 2],
] as const) {
  test.serial(`${from} to ${to} shards, killed in the middle again and again`, async (t) => {
    t.timeout(120_000);
    const directory = tempDirectory();
    openDataDir(directory, from, from);
    await writeNode(directory, from, PLAN);
    const before = await readNode(directory, from);
    for (let i = 0; i < KILLS; i++) await run(directory, to, KILL_STEP_MS * i * Math.random());
    t.true(await run(directory, to, null));
    t.deepEqual(await readNode(directory, to), before);
    t.is(rememberedShards(directory), to);
    t.is(storedShards(directory).length, to);
  });
}

test.serial('what is on its way between shards is delivered by them before anything is moved', async (t) => {
  const directory = tempDirectory();
  openDataDir(directory, 2, 2);
  await writeNode(directory, 2, PLAN);
  const before = await readNode(directory, 2);
  await write(directory, 0, { table: 'outbox', ...outboxRow(1, 7, Buffer.from('m')) });
  const loaded = loadConfig({ values: { 'node.data_dir': directory, 'node.shards': 3 } });
  if (!loaded.ok) throw new Error('the configuration is wrong');
  const launched: number[] = [];
  await reshard(loaded.config, new RecordingLogger(), async (shards) => {
    launched.push(shards);
    const key = appliedKey(0);
    await write(directory, 1, { table: 'applied', key, value: appliedValue(key, 7) });
    return { alarms: () => [], stop: () => Promise.resolve() };
  });
  t.deepEqual(launched, [2]);
  t.deepEqual(await readNode(directory, 3), before);
});

test.serial('what cannot be delivered is not lost: the start is refused, and says what to do', async (t) => {
  const directory = tempDirectory();
  openDataDir(directory, 2, 2);
  await writeNode(directory, 2, PLAN);
  const before = await readNode(directory, 2);
  await write(directory, 0, { table: 'outbox', ...outboxRow(1, 7, Buffer.from('m')) });
  const loaded = loadConfig({ values: { 'node.data_dir': directory, 'node.shards': 3 } });
  if (!loaded.ok) throw new Error('the configuration is wrong');
  let runs = 0;
  const deaf: LaunchAlone = async () => {
    runs++;
    return { alarms: () => [], stop: () => Promise.resolve() };
  };
  await t.throwsAsync(reshard(loaded.config, new RecordingLogger(), deaf), {
    code: 'DATA_DIR_FAILED',
    message:
      /1 batches of messages between shards cannot be delivered; start it with node.shards = 2, with which/,
  });
  t.is(runs, 3);
  const dead = () => Promise.reject(new BrokerError('SHARD_FAILED', 'why'));
  await t.throwsAsync(reshard(loaded.config, new RecordingLogger(), dead), { message: 'why' });
  t.is(rememberedShards(directory), 2);
  t.deepEqual(await readNode(directory, 2), before);
});

async function write(directory: string, shard: number, change: Write<Table>): Promise<void> {
  const environment = new Environment(shardDirectory(directory, shard), TABLES);
  environment.writeNow([change]);
  await environment.close();
}

test.serial('a broker starts with more shards and with fewer than it had', async (t) => {
  const directory = tempDirectory();
  for (const [round, shards] of [2, 3, 1].entries()) {
    const logger = new RecordingLogger();
    const config = { 'node.shards': shards, 'mqtt.persistence.level': 'process' } as const;
    const broker = await startTestBroker({ config, logger }, directory);
    t.is(broker.shards, shards);
    await broker.stop();
    t.is(storedShards(directory).length, shards);
    t.is(logger.has('info', /is given to/), round > 0);
  }
});

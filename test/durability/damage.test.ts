/** A broker whose stores were damaged while it was away starts, says so, and lets clients in. */
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { RawClient } from '../helpers/raw-client.js';
import { addressOf, RecordingLogger, startTestBroker, tempDirectory } from '../helpers/with-broker.js';

const PAGE_BYTES = 4_096;
const OPTIONS = { config: { 'node.shards': 2, 'mqtt.persistence.level': 'process' } } as const;

async function startsAgain(t: ExecutionContext, damage: (shard: string) => void): Promise<void> {
  const directory = tempDirectory();
  await (await startTestBroker(OPTIONS, directory)).stop();
  damage(join(directory, 'shard-1'));
  const logger = new RecordingLogger();
  const broker = await startTestBroker({ ...OPTIONS, logger }, directory);
  try {
    t.is(broker.alarms()[0]?.id, 'store_damaged.1');
    t.true(logger.has('error', /rows were kept/));
    t.true(readdirSync(directory).includes('shard-1.bad'));
    const client = await RawClient.open(addressOf(broker), 5);
    t.is((await client.connect({ clientId: 'anybody' })).type, 'connack');
    client.drop();
  } finally {
    await broker.stop();
  }
}

test('a store whose file ends early', (t) =>
  startsAgain(t, (shard) => truncateSync(join(shard, 'data.mdb'), 2 * PAGE_BYTES + 1)));

test('a store that is empty', (t) => startsAgain(t, (shard) => truncateSync(join(shard, 'data.mdb'), 0)));

test('a store without its first pages', (t) =>
  startsAgain(t, (shard) => {
    const file = readFileSync(join(shard, 'data.mdb'));
    writeFileSync(join(shard, 'data.mdb'), file.fill(0, 0, 2 * PAGE_BYTES));
  }));

test('a store that is another kind of file', (t) =>
  startsAgain(t, (shard) => writeFileSync(join(shard, 'data.mdb'), 'text\n'.repeat(20_000))));

test('a file where the store ought to be, or a directory where its file ought to be', async (t) => {
  await startsAgain(t, (shard) => {
    rmSync(shard, { recursive: true });
    writeFileSync(shard, 'text');
  });
  await startsAgain(t, (shard) => {
    rmSync(join(shard, 'data.mdb'));
    mkdirSync(join(shard, 'data.mdb'));
  });
});

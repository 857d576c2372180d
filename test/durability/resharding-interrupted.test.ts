/** Another number of shards, and something comes in between: nothing is lost, and the next start goes on. */
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import test, { type ExecutionContext } from 'ava';
import { silentLogger } from '../../src/base/log.js';
import { loadConfig } from '../../src/config/load.js';
import { survey } from '../../src/storage/redistribution.js';
import { openDataDir, rememberedShards } from '../../src/supervisor/data-dir.js';
import { reshard } from '../../src/supervisor/resharding.js';
import { needs } from '../helpers/needs.js';
import { tempDirectory } from '../helpers/with-broker.js';
import { type Fate, type NodePlan, readNode, writeNode } from '../unit/storage/moved.js';
import { MOUNT, SmallDisc } from './ledger/small-disc.js';
import type { Steps } from './reshard-worker.js';

const WORKER = new URL('./reshard-worker.js', import.meta.url);
const FATES: readonly Fate[] = ['queued', 'sent', 'released', 'done', 'inbound', 'shared'];
const AT_ONCE = 4;
const MIB = 1 << 20;
const PAGE_BYTES = 4_096;

function planOf(sessions: number): NodePlan {
  return {
    sessions: Array.from({ length: sessions }, (_, i) => ({
      slot: (i * 83) % 1_024,
      isMortal: i % 7 === 6,
      filters: ['a/#', `device/${i}`],
      fates: FATES.map((fate, j) => [fate, (i * j) % 16] as const),
    })),
    retained: Array.from({ length: 20 }, (_, i) => i * 51),
  };
}

function move(directory: string, shards: number): Promise<unknown> {
  const loaded = loadConfig({ values: { 'node.data_dir': directory, 'node.shards': shards } });
  if (!loaded.ok) throw new Error('the configuration is wrong');
  return reshard(loaded.config, silentLogger, () => Promise.reject(new Error('nothing is on its way')));
}

/** @returns how many calls it made when it came to its end; null: it did not */
function moveUntil(steps: Steps): Promise<number | null> {
  return new Promise((resolve, reject) => {
    let calls: number | null = null;
    const worker = new Worker(WORKER, { workerData: steps });
    worker.on('message', (made: number) => {
      calls = made;
    });
    worker.on('error', reject);
    worker.on('exit', () => resolve(calls));
  });
}

async function everyStep(t: ExecutionContext, from: number, to: number): Promise<void> {
  t.timeout(120_000);
  const root = tempDirectory();
  const original = join(root, 'original');
  openDataDir(original, from, from);
  await writeNode(original, from, planOf(20));
  const before = await readNode(original, from);
  let isOver = false;
  let next = 0;
  const run = async (): Promise<void> => {
    while (!isOver) {
      const endAt = next++;
      const directory = join(root, `${endAt}`);
      cpSync(original, directory, { recursive: true });
      if ((await moveUntil({ directory, shards: to, endAt })) !== null) isOver = true;
      // Every other one goes back to the number of shards of before.
      const last = endAt % 2 === 0 ? to : from;
      await move(directory, last);
      t.deepEqual(await readNode(directory, last), before, `ended at ${endAt}`);
      t.is(rememberedShards(directory), last);
      const stores = Array.from({ length: last }, (_, shard) => `shard-${shard}`);
      t.deepEqual(readdirSync(directory).sort(), ['node.json', ...stores]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, run));
  t.true(next > 15, `${next} steps`);
}

test('3 to 2 shards, ended before each change of the file system', (t) => everyStep(t, 3, 2));

for (const when of ['from the beginning', 'in the middle'] as const) {
  needs(MOUNT)(
    `a disk that is full ${when} refuses the start and says how much room is needed`,
    async (t) => {
      t.timeout(60_000);
      const disc = new SmallDisc(48 * MIB);
      try {
        const directory = join(disc.path, 'data');
        openDataDir(directory, 2, 2);
        await writeNode(directory, 2, planOf(1_500));
        const before = await readNode(directory, 2);
        // As much as is there would be enough for stores without a free page.
        disc.fill(when === 'in the middle' ? (await survey(directory, 2)).bytes + PAGE_BYTES : 0);
        await t.throwsAsync(move(directory, 3), {
          code: 'DATA_DIR_FAILED',
          message: /the new stores need some \d+ MiB beside the old ones, which are as they were: make room/,
        });
        t.is(rememberedShards(directory), 2);
        t.deepEqual(readdirSync(directory).sort(), ['node.json', 'shard-0', 'shard-1']);
        t.deepEqual(await readNode(directory, 2), before);
        disc.free();
        await move(directory, 3);
        t.deepEqual(await readNode(directory, 3), before);
      } finally {
        disc.unmount();
      }
    },
  );
}

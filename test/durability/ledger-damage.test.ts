/**
 * One shard's file is damaged while the broker is down: it starts, gives out nothing that was not published, and who
 * has nothing to do with that shard misses nothing. `LEDGER_SEED=` repeats the choices of an earlier run.
 */
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { PageFile } from '../../src/storage/page-file.js';
import { chosenSnapshot } from '../../src/storage/page-reader.js';
import { temporaryDir } from '../cli/run-cli.js';
import type { Entry } from './ledger/entries.js';
import { judge } from './ledger/judge.js';
import { pause } from './ledger/pause.js';
import { Random } from './ledger/random.js';
import { LedgerRun } from './ledger/run.js';
import { timelines } from './ledger/timeline.js';

const SEED = Number(process.env['LEDGER_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const TIMEOUT_MS = 180_000;
/** Then the run says where it stands, which AVA does not know. */
const LIMIT_MS = TIMEOUT_MS - 15_000;
const SHARDS = 3;
const STAGE_MS = 1_500;
const FLIPS = 40;
/** What was lost with the file will not come. */
const PATIENCE_MS = 2_000;
/** What is damaged is never handed out as something else. */
const NEVER = /never published|not what was published/;

type Damage = (file: string, random: Random) => void;

/** The file is longer: room for more is made ahead of time. */
function usedBytes(path: string): number {
  const file = new PageFile(path, 1, () => undefined);
  try {
    return (chosenSnapshot(file).lastPage + 1) * file.pageBytes;
  } finally {
    file.close();
  }
}

const truncate: Damage = (file, random) => {
  truncateSync(file, Math.floor(usedBytes(file) * (0.3 + 0.5 * random.next())));
};

const flipBits: Damage = (file, random) => {
  const usedMax = usedBytes(file) - 1;
  const bytes = readFileSync(file);
  for (let i = 0; i < FLIPS; i++) {
    const at = random.between(0, usedMax);
    bytes[at] = bytes[at]! ^ (1 << random.between(0, 7));
  }
  writeFileSync(file, bytes);
};

/** The client that publishes on a topic. */
function publisherOf(topic: string): string {
  const [first, name = ''] = topic.split('/');
  if (first === 'wills') return `mortal-${name}`;
  return first === 'j' ? 'mqttjs-writer' : name;
}

/** What is left of the ledger without these clients, without groups, and without what lies on shards by its topic. */
function without(entries: readonly Entry[], isOut: (client: string) => boolean): Entry[] {
  return entries.filter((entry) => {
    if (entry.kind === 'retained') return false;
    if (entry.kind === 'broker' || entry.kind === 'slots') return true;
    if (isOut(entry.client) || entry.client.startsWith('member')) return false;
    return entry.kind !== 'received' || !isOut(publisherOf(entry.topic));
  });
}

async function survives(t: ExecutionContext, damage: Damage): Promise<void> {
  t.timeout(TIMEOUT_MS);
  t.log(`LEDGER_SEED=${SEED}`);
  const dataDir = temporaryDir(t);
  const run = new LedgerRun({
    ...{
      dataDir,
      level: 'process',
      shards: SHARDS,
      seed: SEED,
      deaths: 'threads',
      kills: 0,
      patienceMs: PATIENCE_MS,
      limitMs: LIMIT_MS,
    },
  });
  t.teardown(() => run.end());
  await run.begin();
  const [witness] = (await run.shardsOf(['witness'])).values();
  const damaged = (witness! + 1) % SHARDS;
  await pause(STAGE_MS);
  await run.restart(() => damage(join(dataDir, `shard-${damaged}`, 'data.mdb'), new Random(SEED)));
  await pause(STAGE_MS);
  const { entries, summary, faults } = await run.conclude();
  t.log(summary, `shard ${damaged} damaged, ${faults.length} promises not kept there`);
  // What is bent may lie within a value, and is noticed when that is read.
  if (damage === truncate) t.true(existsSync(join(dataDir, `shard-${damaged}.bad`)));
  const inventions = faults.filter(({ rule, what }) => NEVER.test(`${rule}: ${what}`));
  t.deepEqual(inventions, [], timelines(entries, inventions).join('\n'));
  const clients = new Set(entries.flatMap((entry) => ('client' in entry ? [entry.client] : [])));
  const shards = await run.shardsOf([...clients]);
  const elsewhere = judge(without(entries, (client) => shards.get(client) === damaged));
  t.deepEqual(elsewhere, [], timelines(entries, elsewhere).join('\n'));
}

test('a truncated file costs nobody anything who has nothing to do with it', (t) => survives(t, truncate));

test('bits turned over in a file cost nobody anything who has nothing to do with it', (t) =>
  survives(t, flipBits));

/**
 * Whatever has been acknowledged is there after the broker was killed, at any moment, again and again.
 *
 * The runs in `npm test` are short. `npm run ledger` is the long one. Here `LEDGER_KILLS=` makes them longer,
 * `LEDGER_SEED=` repeats the choices of an earlier run, and `LEDGER_FILE=` names a file to which all entries are
 * written, a JSON text in each line.
 */
import { writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { temporaryDir } from '../cli/run-cli.js';
import { examples } from './ledger/judge.js';
import { LedgerRun, type RunChoice } from './ledger/run.js';
import { timelines } from './ledger/timeline.js';
import { VARIANTS } from './ledger/variants.js';

const SHORT_KILLS = 2;
const KILLS = Number(process.env['LEDGER_KILLS'] ?? SHORT_KILLS);
const SEED = Number(process.env['LEDGER_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const KEPT = process.env['LEDGER_FILE'];
const RUN_TIMEOUT_MS = 180_000;
/** Then the run says where it stands, which AVA does not know. */
const LIMIT_MS = RUN_TIMEOUT_MS - 15_000;
const KILL_TIMEOUT_MS = 10_000;

async function holds(t: ExecutionContext, choice: Omit<RunChoice, 'seed' | 'dataDir'>): Promise<void> {
  t.timeout(RUN_TIMEOUT_MS + choice.kills * KILL_TIMEOUT_MS);
  t.log(`LEDGER_SEED=${SEED}`);
  const limitMs = LIMIT_MS + choice.kills * KILL_TIMEOUT_MS;
  const run = new LedgerRun({ ...choice, limitMs, seed: SEED, dataDir: temporaryDir(t) });
  const { faults, summary, entries } = await run.run();
  t.log(summary);
  if (KEPT !== undefined) writeFileSync(KEPT, entries.map((entry) => JSON.stringify(entry)).join('\n'));
  t.deepEqual(examples(faults), {}, timelines(entries, faults).join('\n'));
}

test.serial('nobody dies, and everything that was promised is kept', (t) =>
  holds(t, { level: 'memory', shards: 3, deaths: 'process', kills: 0 }),
);

// At the same time: they wait more than they compute.
for (const { title, isInTests, ...choice } of VARIANTS) {
  if (isInTests === true) test(title, (t) => holds(t, { ...choice, kills: KILLS }));
}

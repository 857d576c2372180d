/**
 * Whatever has been acknowledged is there after the broker was killed, at any moment, again and again.
 *
 * The run in `npm test` is short. For a long one, alone:
 * `LEDGER_KILLS=50 npx ava dist/test/durability/ledger.test.js`, with `LEDGER_SEED=` for the choices of an earlier run,
 * and `LEDGER_FILE=` for a file to which all entries are written, a JSON text in each line.
 */
import { writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { temporaryDir } from '../cli/run-cli.js';
import { needs } from '../helpers/needs.js';
import { ASKED } from './ledger/asked.js';
import { grouped } from './ledger/book.js';
import type { BrokerChoice } from './ledger/broker-process.js';
import type { Fault } from './ledger/judge.js';
import { type Deaths, LedgerRun } from './ledger/run.js';

const SHORT_KILLS = 4;
const KILLS = Number(process.env['LEDGER_KILLS'] ?? SHORT_KILLS);
const SEED = Number(process.env['LEDGER_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const KEPT = process.env['LEDGER_FILE'];
const RUN_TIMEOUT_MS = 180_000;
const KILL_TIMEOUT_MS = 10_000;
const EXAMPLES_MAX = 5;

type Choice = Pick<BrokerChoice, 'level' | 'shards' | 'isSlow'> & {
  readonly deaths: Deaths;
  readonly kills: number;
};

async function holds(t: ExecutionContext, choice: Choice): Promise<void> {
  t.timeout(RUN_TIMEOUT_MS + choice.kills * KILL_TIMEOUT_MS);
  t.log(`LEDGER_SEED=${SEED}`);
  const run = new LedgerRun({ ...choice, seed: SEED, dataDir: temporaryDir(t) });
  const { faults, summary, entries } = await run.run();
  t.log(summary);
  if (KEPT !== undefined) writeFileSync(KEPT, entries.map((entry) => JSON.stringify(entry)).join('\n'));
  t.deepEqual(examples(faults), {});
}

/** Of each rule how often it was broken, and the first few. */
function examples(faults: readonly Fault[]): Record<string, readonly string[]> {
  const byRule = grouped(faults, ({ rule }) => rule);
  return Object.fromEntries(
    [...byRule].map(([rule, all]) => [
      `${rule}: ${all.length}`,
      all.slice(0, EXAMPLES_MAX).map(({ what }) => what),
    ]),
  );
}

test.serial('nobody dies, and everything that was promised is kept', (t) =>
  holds(t, { level: 'memory', shards: 3, deaths: 'process', kills: 0 }),
);

const killing = needs(ASKED);

killing('the process is killed, with three shards at level process', (t) =>
  holds(t, { level: 'process', shards: 3, deaths: 'process', kills: KILLS }),
);

killing('the process is killed, with one shard at level disk', (t) =>
  holds(t, { level: 'disk', shards: 1, deaths: 'process', kills: KILLS }),
);

killing('threads are killed, and the process too, while commits take long', (t) =>
  holds(t, { level: 'process', shards: 3, deaths: 'threads', kills: KILLS, isSlow: true }),
);

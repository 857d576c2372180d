/**
 * Whatever has been acknowledged is there after the broker was killed, at any moment, again and again.
 *
 * The run in `npm test` is short. For a long one, alone:
 * `LEDGER_KILLS=50 npx ava dist/test/durability/ledger.test.js`, with `LEDGER_SEED=` for the choices of an earlier run.
 */
import test, { type ExecutionContext } from 'ava';
import { temporaryDir } from '../cli/run-cli.js';
import type { BrokerChoice } from './ledger/broker-process.js';
import { type Deaths, LedgerRun } from './ledger/run.js';

const SHORT_KILLS = 4;
const KILLS = Number(process.env['LEDGER_KILLS'] ?? SHORT_KILLS);
const SEED = Number(process.env['LEDGER_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const RUN_TIMEOUT_MS = 180_000;
const KILL_TIMEOUT_MS = 10_000;
const FAULTS_SHOWN_MAX = 40;

type Choice = Pick<BrokerChoice, 'level' | 'shards'> & { readonly deaths: Deaths; readonly kills: number };

async function holds(t: ExecutionContext, choice: Choice): Promise<void> {
  t.timeout(RUN_TIMEOUT_MS + choice.kills * KILL_TIMEOUT_MS);
  t.log(`LEDGER_SEED=${SEED}`);
  const run = new LedgerRun({ ...choice, seed: SEED, dataDir: temporaryDir(t) });
  const { faults, summary } = await run.run();
  t.log(summary);
  const shown = faults.slice(0, FAULTS_SHOWN_MAX).map(({ rule, what }) => `${rule}: ${what}`);
  t.deepEqual(shown, [], `${faults.length} faults`);
}

test.serial('nobody dies, and everything that was promised is kept', (t) =>
  holds(t, { level: 'memory', shards: 3, deaths: 'process', kills: 0 }),
);

/** Until restarting keeps what it has to, only where it is asked for. */
const killing = process.env['LEDGER_KILLS'] === undefined ? test.serial.skip : test.serial;

killing('the process is killed, with three shards at level process', (t) =>
  holds(t, { level: 'process', shards: 3, deaths: 'process', kills: KILLS }),
);

killing('the process is killed, with one shard at level disk', (t) =>
  holds(t, { level: 'disk', shards: 1, deaths: 'process', kills: KILLS }),
);

killing('threads are killed, and the process too', (t) =>
  holds(t, { level: 'process', shards: 3, deaths: 'threads', kills: KILLS }),
);

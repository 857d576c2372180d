/**
 * The ledger's long run: every variant, one after the other, with a line for every tenth death and the verdict of
 * each. `npm run ledger [words of a title]`, with `LEDGER_KILLS=` (50), `LEDGER_SEED=` for the choices of an earlier
 * run, and `LEDGER_FILE=` for a file to which the entries of the last one are written, a JSON text in each line.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { examples } from './judge.js';
import { LedgerRun } from './run.js';
import { timelines } from './timeline.js';
import { VARIANTS, type Variant } from './variants.js';

const KILLS = Number(process.env['LEDGER_KILLS'] ?? 50);
const SEED = Number(process.env['LEDGER_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const KEPT = process.env['LEDGER_FILE'];
const TOLD_EVERY = 10;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** @returns whether every promise was kept */
async function runs({ title, ...choice }: Variant, seed: number): Promise<boolean> {
  say(title);
  const dataDir = mkdtempSync(join(tmpdir(), 'shardmq-ledger-'));
  const onKill = (kills: number): void => {
    if (kills % TOLD_EVERY === 0) say(`  killed ${kills} of ${KILLS} times`);
  };
  const run = new LedgerRun({ ...choice, kills: KILLS, seed, dataDir, onKill });
  try {
    const { faults, summary, entries } = await run.run();
    if (KEPT !== undefined) writeFileSync(KEPT, entries.map((entry) => JSON.stringify(entry)).join('\n'));
    say(`  ${summary}: ${faults.length === 0 ? 'every promise kept' : `${faults.length} FAULTS`}`);
    if (faults.length > 0) say(JSON.stringify(examples(faults), null, 2));
    for (const each of timelines(entries, faults)) say(each);
    return faults.length === 0;
  } catch (error) {
    say(`  FAILED with seed ${seed}: ${String(error)}`);
    return false;
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

const words = process.argv.slice(2);
let failed = 0;
for (const variant of VARIANTS.filter(({ title }) => words.every((word) => title.includes(word)))) {
  if (!(await runs(variant, SEED))) failed += 1;
}
process.exitCode = failed === 0 ? 0 : 1;

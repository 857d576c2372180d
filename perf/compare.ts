/**
 * `npm run perf:compare -- REV`: this checkout's broker and a revision's, each in fresh processes, in turn, under one
 * and the same load. Says of every scenario whether the difference is more than chance.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../src/base/errors.js';
import { runBout } from './lib/bout.js';
import { ROOT } from './lib/broker-process.js';
import { labelOf, ourEntrant } from './lib/entrant.js';
import { setupsOf } from './lib/field.js';
import { endOnSignals } from './lib/interrupt.js';
import { COMMON_OPTIONS, type CommonOptions, commonOptions } from './lib/options.js';
import { isFailed, RESULTS, Recorder, resultName } from './lib/record.js';
import { buildRevision } from './lib/revision.js';
import { RUNS_MIN, verdicts } from './lib/verdict.js';
import { page } from './page/page.js';
import type { Scenario } from './scenarios/scenario.js';

const ROUNDS = 5;

const COMPARE_USAGE = `npm run perf:compare -- REV [options]
  REV        what this checkout is compared with: a commit, a branch, a tag
  --rounds N runs of each, at least ${RUNS_MIN} to say anything (default ${ROUNDS})
  and of npm run perf: --only --shards --seconds --qos --threads --transport --owner --level --key --json
`;

const print = (text: string): void => void process.stdout.write(text);
const tell = (text: string): void => void process.stderr.write(`${text}\n`);

interface Comparison {
  readonly revision: string;
  readonly options: CommonOptions;
}

function comparisonGiven(): Comparison | null {
  try {
    const args = process.argv.slice(2);
    const { values, positionals } = parseArgs({ args, options: COMMON_OPTIONS, allowPositionals: true });
    const [revision, ...others] = positionals;
    if (revision === undefined || others.length > 0) throw new Error('one revision is expected');
    return { revision, options: commonOptions(values, ROUNDS) };
  } catch (error) {
    print(`${messageOf(error)}\n\n${COMPARE_USAGE}`);
    return null;
  }
}

/** @returns whether every run was without a fault. */
async function compare({ revision, options }: Comparison): Promise<boolean> {
  const { rounds, seconds, threads, json } = options;
  const built = await buildRevision(ROOT, revision, tell);
  try {
    const setups = setupsOf(options).map((setup) => {
      const [ours, theirs] = ['this checkout', built.name].map((broker) => labelOf({ ...setup, broker }));
      return { setup, ours: ours!, theirs: theirs! };
    });
    const entrants = setups.flatMap(({ setup, ours, theirs }) => [
      ourEntrant({ ...setup, broker: 'this checkout' }, { label: ours }),
      ourEntrant({ ...setup, broker: built.name }, { label: theirs, root: built.root }),
    ]);
    const file = join(RESULTS, `${resultName()}-${built.name}`);
    const recorder = new Recorder([`${file}.jsonl`, ...(json === null ? [] : [json])]);
    const scenarios = options.scenarios.filter(
      (scenario): scenario is Scenario => scenario.kind !== 'listing',
    );
    await runBout({ scenarios, entrants, rounds, seconds, threads, recorder, screen: process.stderr });
    for (const { ours, theirs } of setups) print(`${verdicts(recorder.lines, ours, theirs)}\n`);
    writeFileSync(`${file}.html`, page(recorder.lines));
    print(`${file}.jsonl\n${file}.html\n`);
    return !recorder.lines.some(isFailed);
  } finally {
    built.remove();
  }
}

const comparison = comparisonGiven();
if (comparison === null) {
  process.exitCode = 2;
} else {
  endOnSignals();
  try {
    if (!(await compare(comparison))) process.exitCode = 1;
  } catch (error) {
    print(`${messageOf(error)}\n`);
    process.exitCode = 2;
  }
}

/** This checkout's broker and a revision's, each in fresh processes, in turn, under the same load. Main thread. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { page } from '../page/page.js';
import type { Scenario } from '../scenarios/scenario.js';
import { runBout } from './bout.js';
import { labelOf, ourEntrant } from './entrant.js';
import { setupsOf } from './field.js';
import type { CommonOptions } from './options.js';
import type { Screen } from './progress.js';
import { isFailed, Recorder, resultName } from './record.js';
import { buildRevision } from './revision.js';
import { verdicts } from './verdict.js';

export interface Comparison {
  /** The checkout. */
  readonly project: string;
  readonly revision: string;
  readonly options: CommonOptions;
  readonly print: (text: string) => void;
  /** For what goes on meanwhile. */
  readonly screen: Screen;
}

/** @returns whether every run was without a fault. @throws Error when the revision cannot be built */
export async function compare({ project, revision, options, print, screen }: Comparison): Promise<boolean> {
  const { rounds, seconds, threads, json, results } = options;
  const built = await buildRevision(project, revision, (text) => screen.write(`${text}\n`));
  try {
    const setups = setupsOf(options).map((setup) => {
      const [ours, theirs] = ['this checkout', built.name].map((broker) => labelOf({ ...setup, broker }));
      return { setup, ours: ours!, theirs: theirs! };
    });
    const entrants = setups.flatMap(({ setup, ours, theirs }) => [
      ourEntrant({ ...setup, broker: 'this checkout' }, { label: ours, root: project }),
      ourEntrant({ ...setup, broker: built.name }, { label: theirs, root: built.root }),
    ]);
    const file = join(results, `${resultName()}-${built.name}`);
    const recorder = new Recorder([`${file}.jsonl`, ...(json === null ? [] : [json])]);
    const scenarios = options.scenarios.filter(
      (scenario): scenario is Scenario => scenario.kind !== 'listing',
    );
    await runBout({ scenarios, entrants, rounds, seconds, threads, recorder, screen });
    for (const { ours, theirs } of setups) print(`${verdicts(recorder.lines, ours, theirs)}\n`);
    writeFileSync(`${file}.html`, page(recorder.lines));
    print(`${file}.jsonl\n${file}.html\n`);
    return !recorder.lines.some(isFailed);
  } finally {
    built.remove();
  }
}

/** All entrants run all scenarios, in turn: what disturbs the machine for a while disturbs everybody. */
import { messageOf } from '../../src/base/errors.js';
import type { Scenario } from '../scenarios/scenario.js';
import { collate } from './collate.js';
import type { Entrant } from './entrant.js';
import { type Effort, measure } from './measure.js';
import { Progress, type Screen } from './progress.js';
import type { Line, Recorder } from './record.js';
import { runLine } from './table.js';

export interface Bout extends Effort {
  readonly scenarios: readonly Scenario[];
  readonly entrants: readonly Entrant[];
  readonly rounds: number;
  readonly recorder: Recorder;
  readonly screen: Screen;
}

export async function runBout({
  scenarios,
  entrants,
  rounds,
  recorder,
  screen,
  ...effort
}: Bout): Promise<void> {
  const progress = new Progress(screen, scenarios.length * entrants.length * rounds);
  for (const scenario of scenarios) {
    for (let round = 1; round <= rounds; round++) {
      for (const entrant of entrants) {
        const text = [scenario.title, entrant.label, ...(rounds > 1 ? [`round ${round}`] : [])].join(' | ');
        progress.begin(text);
        const line = await runOnce(scenario, entrant, round, effort, recorder);
        progress.end(text, runLine(collate([line]).rows[0]!.cells[0]!));
      }
    }
  }
  progress.clear();
}

async function runOnce(
  scenario: Scenario,
  entrant: Entrant,
  round: number,
  effort: Effort,
  recorder: Recorder,
): Promise<Line> {
  const obstacle = entrant.cannot(scenario);
  if (obstacle !== null) return recorder.keepGap(entrant, round, scenario, obstacle, false);
  try {
    return recorder.keepRun(entrant, round, await measure(scenario, entrant, effort));
  } catch (error) {
    return recorder.keepGap(entrant, round, scenario, messageOf(error), true);
  }
}

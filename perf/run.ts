/**
 * `npm run perf`: measures the broker, scenario by scenario; fails when a message was lost, repeated or
 * misordered.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../src/base/errors.js';
import { runBout } from './lib/bout.js';
import { type Collated, collate, summaries } from './lib/collate.js';
import { entrantsOf } from './lib/field.js';
import { count } from './lib/format.js';
import { endOnSignals } from './lib/interrupt.js';
import { runListing } from './lib/listing.js';
import { type PerfOptions, parseOptions, USAGE } from './lib/options.js';
import { profileSummary } from './lib/profile.js';
import { isFailed, Recorder, readLines, resultName } from './lib/record.js';
import { remarksOn } from './lib/remarks.js';
import { runSoak } from './lib/soak/soak.js';
import { table } from './lib/table.js';
import { page } from './page/page.js';
import type { AnyScenario, ListingScenario, Scenario } from './scenarios/scenario.js';

const print = (text: string): void => void process.stdout.write(text);

const isListing = (scenario: AnyScenario): scenario is ListingScenario => scenario.kind === 'listing';
const isRun = (scenario: AnyScenario): scenario is Scenario => !isListing(scenario);

/** @returns whether every run was without a fault. */
async function run(options: PerfOptions): Promise<boolean> {
  const { seconds, threads, rounds, shards, json, results } = options;
  const file = join(results, resultName());
  const recorder = new Recorder([`${file}.jsonl`, ...(json === null ? [] : [json])]);
  const entrants = await entrantsOf(options);
  const scenarios = options.scenarios.filter(isRun);
  await runBout({ scenarios, entrants, rounds, seconds, threads, recorder, screen: process.stderr });
  let isGood = !recorder.lines.some(isFailed);
  if (recorder.lines.length > 0) {
    const collated = collate(recorder.lines);
    print(options.isCanonical ? twoNumbers(collated) : table(collated));
    writeFileSync(`${file}.html`, page(recorder.lines));
    if (options.profileDir !== null) print(`${profileSummary(options.profileDir)}\n`);
    print(`${file}.html\n`);
  }
  for (const scenario of options.scenarios.filter(isListing)) {
    for (const each of shards) {
      print(`${scenario.title}\n`);
      if (!(await runListing(scenario, { shards: each, seconds, threads, print }))) isGood = false;
    }
  }
  return isGood;
}

/** @returns the two numbers of a run without arguments, and what went wrong. */
function twoNumbers(collated: Collated): string {
  const [summary] = summaries(collated);
  const faults = collated.rows.flatMap(({ title, cells: [cell] }) =>
    cell?.isFailed ? [`${title}: ${remarksOn(cell).join(', ')}\n`] : [],
  );
  if (!summary) return faults.join('');
  const { perSecond, cpuUs, scenarios } = summary;
  const bound = collated.rows.filter(({ cells: [cell] }) =>
    cell?.runs.some((run) => run.isGeneratorBound),
  ).length;
  const proviso = bound > 0 ? ` (generator-bound in ${bound} of ${scenarios} scenarios: it may be more)` : '';
  return [
    ...faults,
    `${count(perSecond)} deliveries/s${proviso}\n`,
    `${cpuUs.toFixed(2)} us of broker CPU per delivery\n`,
  ].join('');
}

async function soak({ soak: minutes, shards: [shards = 0], results }: PerfOptions): Promise<boolean> {
  const file = join(results, `${resultName()}-soak`);
  mkdirSync(results, { recursive: true });
  const isGood = await runSoak({ minutes, shards, file, print });
  print(`${file}.html\n`);
  return isGood;
}

function makePage(files: readonly string[], results: string): void {
  const file = join(results, `${resultName()}.html`);
  writeFileSync(file, page(files.flatMap(readLines)));
  print(`${file}\n`);
}

function optionsGiven(): PerfOptions | null {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    print(`${messageOf(error)}\n\n${USAGE}`);
    process.exitCode = 2;
    return null;
  }
}

const isHelp = process.argv.slice(2).some((arg) => arg === '--help' || arg === '-h');
if (isHelp) print(USAGE);
const options = isHelp ? null : optionsGiven();
if (options !== null) {
  endOnSignals();
  try {
    if (options.page !== null) makePage(options.page, options.results);
    else if (!(await (options.soak > 0 ? soak(options) : run(options)))) process.exitCode = 1;
  } catch (error) {
    print(`${messageOf(error)}\n`);
    process.exitCode = 2;
  }
}

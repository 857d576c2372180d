/**
 * `npm run perf`: measures the broker, scenario by scenario; fails when a message was lost, repeated or
 * misordered.
 */
import { appendFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { type BrokerUnderTest, startBrokerProcess } from './lib/broker-process.js';
import { type RunResult, runScenario } from './lib/generator.js';
import { type PerfOptions, parseOptions, USAGE } from './lib/options.js';
import { faultOf, summary, tableHead, tableRow } from './lib/report.js';
import type { Scenario } from './scenarios.js';

function print(text: string): void {
  process.stdout.write(text);
}

async function measure(scenario: Scenario, shards: number, options: PerfOptions): Promise<RunResult> {
  const broker: BrokerUnderTest =
    options.external === null
      ? await startBrokerProcess(shards)
      : { ...options.external, stop: () => Promise.resolve() };
  try {
    return await runScenario(scenario, { ...broker, threads: options.threads, seconds: options.seconds });
  } finally {
    await broker.stop();
  }
}

async function keep(file: string, result: RunResult, shards: number): Promise<void> {
  const machine = { node: process.version, platform: process.platform, cores: availableParallelism() };
  await appendFile(
    file,
    `${JSON.stringify({ at: new Date().toISOString(), ...machine, shards, ...result })}\n`,
  );
}

/** @returns whether every run was without a fault. */
async function runAll(options: PerfOptions): Promise<boolean> {
  let isGood = true;
  for (const shards of options.shards) {
    const results: RunResult[] = [];
    if (options.external === null)
      print(`shardmq, ${shards === 0 ? 'shards as the broker decides' : `shards: ${shards}`}\n`);
    print(tableHead());
    for (const scenario of options.scenarios) {
      try {
        const result = await measure(scenario, shards, options);
        results.push(result);
        print(tableRow(result));
        if (faultOf(result) !== null) isGood = false;
        if (options.json !== null) await keep(options.json, result, shards);
      } catch (error) {
        isGood = false;
        print(`${scenario.title}: FAILED: ${error instanceof Error ? error.message : String(error)}\n`);
      }
    }
    print(`${summary(results)}\n`);
  }
  return isGood;
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (!(await runAll(options))) process.exitCode = 1;
} catch (error) {
  print(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  process.exitCode = 2;
}

/**
 * `npm run perf`: measures the broker, scenario by scenario; fails when a message was lost, repeated or
 * misordered.
 */
import { appendFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { messageOf } from '../src/base/errors.js';
import { type Level, startBrokerProcess } from './lib/broker-process.js';
import { CommitProbe } from './lib/commit-probe.js';
import { runScenario } from './lib/generator.js';
import { runListing } from './lib/listing.js';
import { type PerfOptions, parseOptions, USAGE } from './lib/options.js';
import { Ballast, type Owner, ownerRule } from './lib/owner.js';
import { faultOf, summary, tableHead, tableRow } from './lib/report.js';
import type { RunResult } from './lib/run-result.js';
import type { Transport } from './lib/transport.js';
import type { ListingScenario, Login, Scenario } from './scenarios/scenario.js';

/** One table. */
interface Setup {
  /** 0: the broker decides. */
  readonly shards: number;
  readonly transport: Transport;
  readonly owner: Owner;
  readonly level: Level | null;
}

function print(text: string): void {
  process.stdout.write(text);
}

async function measure(scenario: Scenario, setup: Setup, options: PerfOptions): Promise<RunResult> {
  const { threads, seconds, external, key } = options;
  const { level } = setup;
  const { transport, owner: ownerName } = placesOf(scenario, setup);
  if (external !== null) return await runScenario(scenario, { ...external, transport, threads, seconds });
  const broker = await startBrokerProcess(setup.shards, { transport, key, level, login: loginOf(scenario) });
  const { port, tcpPort, apiPort, pid, slotKey, shards } = broker;
  let ballast: Ballast | null = null;
  try {
    const owner = ownerRule(ownerName, slotKey, shards);
    if (owner !== null && transport !== 'tcp')
      ballast = await Ballast.open(tcpPort, slotKey, shards, clientsMax(scenario));
    const target = { port, transport, owner, pid, threads, seconds };
    if (!isPersistent(scenario)) return await runScenario(scenario, target);
    const result = await runScenario(scenario, { ...target, commits: await CommitProbe.open(apiPort) });
    return { ...result, storedBytes: broker.storedBytes() };
  } finally {
    ballast?.close();
    await broker.stop();
  }
}

/** What a scenario says of them goes before the command line. */
function placesOf(scenario: Scenario, { transport, owner }: Setup): Pick<Setup, 'transport' | 'owner'> {
  if (scenario.kind !== 'flow') return { transport, owner };
  return { transport: scenario.transport ?? transport, owner: scenario.owner ?? owner };
}

/** @returns whether pages came fast enough */
function list(scenario: ListingScenario, { shards }: Setup, options: PerfOptions): Promise<boolean> {
  const { seconds, threads, external } = options;
  if (external !== null) throw new Error('needs a broker that this command starts itself');
  print(`${scenario.title}\n`);
  return runListing(scenario, { shards, seconds, threads, print });
}

function isPersistent(scenario: Scenario): boolean {
  return scenario.kind === 'flow' && scenario.isPersistent === true;
}

function loginOf(scenario: Scenario): Login | undefined {
  return scenario.kind === 'flow' ? scenario.login : undefined;
}

/** @returns how many connections a scenario has at most, those included that the broker has not seen closed yet. */
function clientsMax(scenario: Scenario): number {
  const clients =
    scenario.kind === 'flow'
      ? scenario.publishers + scenario.subscribers + (scenario.newcomers ?? 0)
      : scenario.clients;
  return 2 * clients;
}

async function keep(file: string, result: RunResult, setup: Setup, options: PerfOptions): Promise<void> {
  const machine = { node: process.version, platform: process.platform, cores: availableParallelism() };
  const at = new Date().toISOString();
  await appendFile(file, `${JSON.stringify({ at, ...machine, ...setup, key: options.key, ...result })}\n`);
}

/** @returns whether every run was without a fault. */
async function runTable(setup: Setup, options: PerfOptions): Promise<boolean> {
  let isGood = true;
  const results: RunResult[] = [];
  print(headline(setup, options));
  print(tableHead());
  for (const scenario of options.scenarios) {
    try {
      if (scenario.kind === 'listing') {
        if (!(await list(scenario, setup, options))) isGood = false;
        continue;
      }
      const result = await measure(scenario, setup, options);
      results.push(result);
      print(tableRow(result));
      if (faultOf(result) !== null) isGood = false;
      if (options.json !== null) await keep(options.json, result, setup, options);
    } catch (error) {
      isGood = false;
      print(`${scenario.title}: FAILED: ${messageOf(error)}\n`);
    }
  }
  print(`${summary(results)}\n`);
  return isGood;
}

function headline({ shards, transport, owner, level }: Setup, { external, key }: PerfOptions): string {
  const who =
    external === null ? `shardmq, ${shards === 0 ? 'shards as it decides' : `shards: ${shards}`}` : '';
  const how = [
    transport,
    owner === 'any' ? '' : `owner ${owner}`,
    level === null ? '' : `level ${level}`,
    key === 'rsa' ? 'RSA' : '',
  ];
  return `${[who, ...how].filter((part) => part !== '').join(', ')}\n`;
}

async function runAll(options: PerfOptions): Promise<boolean> {
  let isGood = true;
  for (const shards of options.shards) {
    for (const transport of options.transports) {
      for (const owner of options.owners) {
        for (const level of options.levels) {
          if (!(await runTable({ shards, transport, owner, level }, options))) isGood = false;
        }
      }
    }
  }
  return isGood;
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (!(await runAll(options))) process.exitCode = 1;
} catch (error) {
  print(`${messageOf(error)}\n\n${USAGE}`);
  process.exitCode = 2;
}

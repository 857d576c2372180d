/** One run: a scenario against one entrant's broker, freshly started and ended again. On the generator's main thread. */
import { availableParallelism } from 'node:os';
import type { Scenario } from '../scenarios/scenario.js';
import { startBareLoop } from './bare-loop.js';
import type { RunningBroker } from './child.js';
import { dayClients } from './day/fleet.js';
import { type Entrant, isOurs, placesOf } from './entrant.js';
import { type RunTarget, runScenario } from './generator.js';
import { whenInterrupted } from './interrupt.js';
import { MetricsProbe } from './metrics-probe.js';
import { Ballast, ownerRule } from './owner.js';
import type { RunResult } from './run-result.js';

/** How long and by how many. */
export interface Effort {
  readonly seconds: number;
  readonly threads: number;
  /** Before anything is measured; the generator's own when missing. */
  readonly warmUpMs?: number;
}

/** @throws Error when the broker does not start or end as it should, or refuses a client */
export async function measure(scenario: Scenario, entrant: Entrant, effort: Effort): Promise<RunResult> {
  const places = placesOf(scenario, entrant.setup);
  const broker = await entrant.start(scenario, places.transport);
  let isStopped = false;
  try {
    const result = await run(scenario, broker, { ...places, ...effort });
    isStopped = true;
    await broker.stop();
    if (scenario.kind !== 'storm' || !isOurs(broker)) return result;
    return { ...result, barePerSecond: await bareConnects(scenario, entrant, effort) };
  } finally {
    if (!isStopped) await broker.stop().catch(() => undefined);
  }
}

/** @returns connections a second of a bare loop with as many threads as there are shards; 0: none was measured */
async function bareConnects(scenario: Scenario, { setup }: Entrant, effort: Effort): Promise<number> {
  if (setup.transport !== 'tcp') return 0;
  const threads = setup.shards > 0 ? setup.shards : Math.max(1, availableParallelism() - 1);
  const bare = await startBareLoop(threads);
  const forget = whenInterrupted(() => process.kill(bare.pid, 'SIGKILL'));
  try {
    return (await runScenario(scenario, { ...effort, port: bare.port, pid: bare.pid })).perSecond;
  } finally {
    forget();
    await bare.stop();
  }
}

function effortOf({ seconds, threads, warmUpMs }: Effort): Effort {
  return { seconds, threads, ...(warmUpMs === undefined ? {} : { warmUpMs }) };
}

type Circumstances = Effort & ReturnType<typeof placesOf>;

async function run(scenario: Scenario, broker: RunningBroker, how: Circumstances): Promise<RunResult> {
  const { transport } = how;
  const target: RunTarget = { ...effortOf(how), port: broker.port, pid: broker.pid, transport };
  if (!isOurs(broker)) return await runOnce(scenario, target);
  const { tcpPort, apiPort, slotKey, shards } = broker;
  const owner = ownerRule(how.owner, slotKey, shards);
  const ballast =
    owner !== null && transport !== 'tcp'
      ? await Ballast.open(tcpPort, slotKey, shards, clientsMax(scenario))
      : null;
  try {
    const isAsked =
      isPersistent(scenario) || (shards > 1 && scenario.kind !== 'idle' && scenario.kind !== 'storm');
    const metrics = isAsked ? { metrics: await MetricsProbe.open(apiPort) } : {};
    const loops = broker.loops === null ? {} : { loops: broker.loops };
    const result = await runOnce(scenario, { ...target, owner, ...metrics, ...loops });
    return isPersistent(scenario) ? { ...result, storedBytes: broker.storedBytes() } : result;
  } finally {
    ballast?.close();
  }
}

/** Where a share of the maximum is wanted, the same broker has to show its maximum first. */
async function runOnce(scenario: Scenario, target: RunTarget): Promise<RunResult> {
  if (scenario.kind !== 'flow' || scenario.shareOfMaximum === undefined)
    return await runScenario(scenario, target);
  const maximum = await runScenario(scenario, target);
  const ratePerSecond = Math.max(1, maximum.perSecond * scenario.shareOfMaximum);
  const result = await runScenario({ ...scenario, ratePerSecond }, target);
  return {
    ...result,
    maximumPerSecond: maximum.perSecond,
    // A fault of the first run is one of the scenario.
    lost: result.lost + maximum.lost,
    duplicates: result.duplicates + maximum.duplicates,
    misordered: result.misordered + maximum.misordered,
    closed: result.closed + maximum.closed,
  };
}

function isPersistent(scenario: Scenario): boolean {
  return scenario.kind === 'flow' && scenario.isPersistent === true;
}

/** @returns how many connections a scenario has at most, those included that the broker has not seen closed yet. */
function clientsMax(scenario: Scenario): number {
  if (scenario.kind === 'day') return 2 * dayClients(scenario);
  const clients =
    scenario.kind === 'flow'
      ? scenario.publishers + scenario.subscribers + (scenario.newcomers ?? 0)
      : scenario.clients;
  return 2 * clients;
}

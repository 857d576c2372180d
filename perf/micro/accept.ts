/**
 * The storm of connects against the broker and against the bare loop, in turns, one table for each number of shards:
 * `node dist/perf/micro/accept.js [--shards 1,2] [--rounds 5] [--seconds 2.5]`. The last column is the broker's share
 * of the bare loop's connects a second, of medians.
 */
import { parseArgs } from 'node:util';
import { startBareLoop } from '../lib/bare-loop.js';
import { startBrokerProcess } from '../lib/broker-process.js';
import { runScenario } from '../lib/generator.js';
import type { RunResult } from '../lib/run-result.js';
import { SCENARIOS } from '../scenarios/catalog.js';
import type { StormScenario } from '../scenarios/scenario.js';

const THREADS = 2;

interface Peer {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

const { values } = parseArgs({
  options: {
    shards: { type: 'string', default: '1,2' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2.5' },
  },
});
const storm = SCENARIOS.find((each): each is StormScenario => each.kind === 'storm')!;

async function measure(peer: Peer): Promise<RunResult> {
  try {
    return await runScenario(storm, { ...peer, threads: THREADS, seconds: Number(values.seconds) });
  } finally {
    await peer.stop();
  }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
}

function row(name: string, results: readonly RunResult[]): number {
  const perSecond = median(results.map((each) => each.perSecond));
  const cpuUs = median(results.map((each) => each.cpuUsPerOperation));
  process.stdout.write(`  ${name.padEnd(12)}${perSecond.toFixed(0).padStart(8)}/s ${cpuUs.toFixed(1)} us\n`);
  return perSecond;
}

for (const shards of values.shards.split(',').map(Number)) {
  const bare: RunResult[] = [];
  const broker: RunResult[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    bare.push(await measure(await startBareLoop(shards)));
    broker.push(await measure(await startBrokerProcess(shards)));
  }
  process.stdout.write(`shards: ${shards}\n`);
  const share = row('broker', broker) / row('bare loop', bare);
  process.stdout.write(`  ${(share * 100).toFixed(0)} %\n`);
}

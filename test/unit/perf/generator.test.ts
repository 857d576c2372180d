/** The load generator notices what a broker does wrong: a benchmark that cannot fail proves nothing. */
import test from 'ava';
import { type RunResult, runScenario } from '../../../perf/lib/generator.js';
import { faultOf } from '../../../perf/lib/report.js';
import type { FlowScenario } from '../../../perf/scenarios.js';
import { type Fault, FaultyBroker } from './faulty-broker.js';

const SCENARIO: FlowScenario = {
  kind: 'flow',
  name: 'test',
  title: 'one pair',
  topology: 'pairs',
  publishers: 1,
  subscribers: 1,
  qos: 0,
  payloadBytes: 64,
  burst: 5,
  window: 200,
  topics: 1,
  ratePerSecond: 5000,
};

async function measure(fault: Fault): Promise<RunResult> {
  const broker = new FaultyBroker(fault);
  const port = await broker.start();
  try {
    return await runScenario(SCENARIO, { port, pid: process.pid, threads: 1, seconds: 0.2 });
  } finally {
    broker.stop();
  }
}

test('a broker without a fault passes, with figures', async (t) => {
  const result = await measure('none');
  t.is(faultOf(result), null);
  t.true(result.operations > 0 && result.cpuUsPerOperation > 0 && result.rssBytes > 0);
});

test('lost messages are counted and fail the run', async (t) => {
  const result = await measure('lose');
  t.true(result.lost > 0);
  t.regex(faultOf(result) ?? '', /lost/);
});

test('repeated messages are counted and fail the run', async (t) => {
  const result = await measure('repeat');
  t.true(result.duplicates > 0);
  t.regex(faultOf(result) ?? '', /duplicates/);
});

test('messages out of order are counted and fail the run', async (t) => {
  const result = await measure('swap');
  t.true(result.misordered > 0);
  t.regex(faultOf(result) ?? '', /misordered/);
});

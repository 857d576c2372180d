/** Under full load every message arrives once and in order, whatever the QoS and the number of shards. */
import test from 'ava';
import { type BrokerUnderTest, startBrokerProcess } from '../../perf/lib/broker-process.js';
import { runScenario } from '../../perf/lib/generator.js';
import { faultOf } from '../../perf/lib/run-result.js';
import type { FlowScenario } from '../../perf/scenarios/scenario.js';
import { COMBINATIONS } from './combinations.js';

/** @returns what is wrong with the deliveries of a short run; one in which a busy machine does nothing is none. */
async function faultUnder(scenario: FlowScenario, { port, pid }: BrokerUnderTest): Promise<string | null> {
  for (let seconds = 0.15; ; seconds *= 4) {
    const result = await runScenario(scenario, { port, pid, threads: 2, seconds, warmUpMs: 50 });
    const fault = faultOf(result);
    if (fault === null || result.operations > 0 || seconds > 5) return fault;
  }
}

for (const shards of [1, 3]) {
  test.serial(`nothing is lost, repeated or misordered with ${shards} shards`, async (t) => {
    t.timeout(120_000);
    const broker = await startBrokerProcess(shards);
    try {
      for (const scenario of COMBINATIONS) {
        t.is(await faultUnder(scenario, broker), null, scenario.title);
      }
    } finally {
      await broker.stop();
    }
  });
}

/** Under full load every message arrives once and in order, whatever the QoS and the number of shards. */
import test from 'ava';
import { startBrokerProcess } from '../../perf/lib/broker-process.js';
import { runScenario } from '../../perf/lib/generator.js';
import { faultOf } from '../../perf/lib/report.js';
import { COMBINATIONS, SHARD_COUNTS } from './combinations.js';

for (const shards of SHARD_COUNTS) {
  test.serial(`nothing is lost, repeated or misordered with ${shards} shards`, async (t) => {
    t.timeout(120_000);
    const broker = await startBrokerProcess(shards);
    try {
      for (const scenario of COMBINATIONS) {
        const target = { port: broker.port, pid: broker.pid, threads: 2, seconds: 0.15, warmUpMs: 50 };
        t.is(faultOf(await runScenario(scenario, target)), null, scenario.title);
      }
    } finally {
      await broker.stop();
    }
  });
}

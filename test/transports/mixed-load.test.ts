/** Load over all transports at once; SHARDMQ_LOAD_SECONDS says for how long. */
import test from 'ava';
import { until } from '../helpers/with-broker.js';
import { TransportBench } from './bench.js';
import { Traffic } from './traffic.js';

const SECONDS = Number(process.env['SHARDMQ_LOAD_SECONDS'] ?? 3);

test('everybody talks to everybody over every transport: nothing lost, repeated or out of order', async (t) => {
  t.timeout((SECONDS + 60) * 1_000);
  const bench = await TransportBench.start({ 'mqtt.client.max_write_buffer': '16MB' });
  try {
    const traffic = await Traffic.prepare(bench);
    await traffic.run(SECONDS * 1_000);
    t.deepEqual(traffic.faults, []);
    t.log(`${traffic.delivered} messages delivered in ${SECONDS} s`);
    await bench.clear();
    await until(async () => (await bench.waitingBytes()) === 0, 'nothing to wait any more');
  } finally {
    await bench.stop();
  }
});

/** A shard that has much to read before it is ready. */
import { setEnvironmentData } from 'node:worker_threads';
import test from 'ava';
import { SystemClock } from '../../src/base/clock.js';
import { loadConfig } from '../../src/config/load.js';
import { SHARD_START_TIMEOUT_MS } from '../../src/limits.js';
import { ShardPool } from '../../src/supervisor/shard-pool.js';
import type { ShardPoolEvents } from '../../src/supervisor/shard-pool-options.js';
import { RecordingLogger, tempDirectory, until } from '../helpers/with-broker.js';

const SWEEP_MS = 500;
const ROUNDS = 4;
const ENDED = /shard 0 has ended: not ready 30000 ms after its start/;

const EVENTS: ShardPoolEvents = {
  asked: () => {},
  started: () => {},
  figures: () => {},
  alarmRaised: () => {},
  alarmCleared: () => {},
  pluginTold: () => {},
  pluginHeard: () => {},
  pluginFailed: () => {},
  overloadChanged: () => {},
  flapping: () => {},
  ended: () => {},
  failed: () => {},
};

test('a shard may take as long as it says how far it is, and no longer', async (t) => {
  const goesOn = new Int32Array(new SharedArrayBuffer(4)).fill(1);
  setEnvironmentData('goes-on', goesOn.buffer);
  const loaded = loadConfig({ values: {} });
  if (!loaded.ok) throw new Error('the configuration is wrong');
  const clock = new SystemClock();
  const logger = new RecordingLogger();
  const pool = new ShardPool(
    {
      config: loaded.config,
      ...{ shards: 1, hashSeed: 1, slotKey: '', dataDirectory: tempDirectory(), seams: {} },
      ...{ tls: () => [], plugins: () => [], access: () => ({ rules: { rules: [] }, bans: [] }) as never },
      entry: new URL('./loading-entry.js', import.meta.url),
      memoryBytes: 1 << 30,
    },
    clock,
    logger,
    EVENTS,
  );
  const lines = (): number =>
    logger.lines.filter(({ message }) => / MiB of its store read$/.test(message)).length;
  const pass = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += SWEEP_MS) {
      clock.advance(SWEEP_MS);
      pool.sweep(clock.monotonicMs(), 0);
    }
  };
  void pool.start();
  await until(() => lines() === 1, 'the first line');
  for (let round = 1; round <= ROUNDS; round++) {
    pass(SHARD_START_TIMEOUT_MS - 5_000);
    await until(() => lines() > round, 'another line');
  }
  t.is(pool.handles[0]!.state, 'starting');
  t.false(logger.has('error', ENDED));
  goesOn[0] = 0;
  await until(async () => {
    const before = pool.handles[0]!.incarnation!.startedAtMs;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return before === pool.handles[0]!.incarnation!.startedAtMs;
  }, 'its silence');
  pass(SHARD_START_TIMEOUT_MS + SWEEP_MS);
  await until(() => logger.has('error', ENDED), 'its end');
  await pool.stop(0);
});

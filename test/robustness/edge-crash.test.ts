/**
 * A shard dies, or the broker stops, while TLS handshakes, upgrades, CONNECTs and relays are at every stage: all of
 * that shard's clients are closed and counted, once; others go on; every descriptor comes back.
 */
import { readdirSync } from 'node:fs';
import test from 'ava';
import { TRANSPORTS, type Transport } from '../helpers/transports.js';
import type { Version } from '../helpers/wire.js';
import { breakShard, RecordingLogger, until } from '../helpers/with-broker.js';
import { TransportBench } from '../transports/bench.js';
import { Flow } from './flow.js';
import { Stages } from './stages.js';

/** Clients of each kind. */
const HALFWAY = 8;
const CONNECTED = 2;
const SUDDEN = 25;
const SHUTDOWN_SECONDS = 3;
/** On top of it: threads that take their time to end, on a machine that does other things as well. */
const PATIENCE_MS = 5_000;

const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** What a process opens once and keeps. */
let descriptorsBefore = 0;
test.before(async () => {
  await (await TransportBench.start()).stop();
  descriptorsBefore = descriptors();
});

async function untilAllIsClosed(): Promise<void> {
  await until(() => descriptors() <= descriptorsBefore, `${descriptorsBefore} descriptors, not more`);
}

/** Listeners where the number of connections and that of ends do not come to what was accepted. */
function miscounted({ broker }: TransportBench): string[] {
  return broker.listenerFigures().flatMap((figures) => {
    const { accepted, current, config } = figures;
    const ended = Object.values(figures.shutdownCount()).reduce((sum, count) => sum + count, 0);
    return accepted === current + ended ? [] : [`${config.type}: ${accepted} - ${current} is not ${ended}`];
  });
}

function startFlow(bench: TransportBench, transport: Transport, from: number, to: number): Promise<Flow> {
  const connect = (shard: number, version: Version) => bench.connect({ transport, shard, version });
  return Flow.start({ connect }, { from, to, qos: 1 });
}

async function everyStage(stages: Stages): Promise<void> {
  await stages.halfway(HALFWAY);
  await stages.connected(CONNECTED);
  await stages.sudden(SUDDEN);
}

for (const [victim, what] of [
  [0, 'edge'],
  [1, 'owner'],
] as const) {
  for (const fault of ['throw', 'hang'] as const) {
    test.serial(
      `${fault} in the ${what} shard with clients at every stage: only they are closed`,
      async (t) => {
        const logger = new RecordingLogger();
        const bench = await TransportBench.start({ 'node.shards': 3, 'shard.silence_timeout': '2s' }, logger);
        const stages = await Stages.of(bench);
        try {
          // Those that the dead shard has nothing to do with.
          const [from, to] = victim === 0 ? [1, 2] : [0, 2];
          const transports = victim === 0 ? (['tcp', 'unix'] as const) : TRANSPORTS;
          const flows: Flow[] = [];
          for (const transport of transports) flows.push(await startFlow(bench, transport, from, to));
          await everyStage(stages);
          await breakShard(bench.broker, victim, fault);
          for (const flow of flows) await flow.goesOn();
          await until(() => logger.has('info', new RegExp(`shard ${victim} is back`)), 'the restart', 30_000);
          for (const flow of flows) await flow.goesOn();
          // The shard that has come back is an edge and an owner like before.
          for (const transport of TRANSPORTS) {
            const client = await bench.connect({ transport, shard: victim });
            await client.expectSilence();
          }
          for (const flow of flows) t.deepEqual(await flow.stop(), []);
          stages.drop();
          await stages.over();
          t.deepEqual(miscounted(bench), []);
          const ends = logger.lines.filter(
            ({ level, message }) => level === 'error' && /has ended/.test(message),
          );
          t.is(ends.length, 1, JSON.stringify(ends));
        } finally {
          stages.drop();
          await bench.stop();
        }
        t.true(bench.broker.listenerFigures().every(({ current }) => current === 0));
        t.deepEqual(miscounted(bench), []);
        await untilAllIsClosed();
      },
    );
  }
}

test.serial(
  'a broker that is stopped with clients at every stage has ended all of them in time',
  async (t) => {
    const bench = await TransportBench.start({ 'shutdown.timeout': `${SHUTDOWN_SECONDS}s` });
    const stages = await Stages.of(bench);
    await everyStage(stages);
    // Some that leave nothing to be sent, and do not read it.
    for (const transport of TRANSPORTS) {
      for (const shard of [0, 1]) (await bench.connect({ transport, shard })).pauseReading();
    }
    const beganMs = performance.now();
    await bench.broker.stop();
    const tookMs = performance.now() - beganMs;
    t.log(`${tookMs.toFixed(0)} ms`);
    t.true(tookMs < SHUTDOWN_SECONDS * 1_000 + PATIENCE_MS);
    await stages.over();
    t.true(bench.broker.listenerFigures().every(({ current }) => current === 0));
    t.deepEqual(miscounted(bench), []);
    await bench.stop();
    await untilAllIsClosed();
  },
);

test.serial(
  'a broker that is stopped while a shard dies does not wait for those who have died with it',
  async (t) => {
    for (const victim of [0, 1]) {
      const bench = await TransportBench.start({ 'shutdown.timeout': '60s' });
      const stages = await Stages.of(bench);
      await everyStage(stages);
      const beganMs = performance.now();
      const broken = breakShard(bench.broker, victim, 'throw');
      await bench.broker.stop();
      await broken;
      t.true(performance.now() - beganMs < 30_000);
      await stages.over();
      t.true(bench.broker.listenerFigures().every(({ current }) => current === 0));
      t.deepEqual(miscounted(bench), []);
      await bench.stop();
      await untilAllIsClosed();
    }
  },
);

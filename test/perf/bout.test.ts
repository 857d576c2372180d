/** Very short runs of real brokers: every kind of scenario, peers, and the command itself. No figure is looked at. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { runBout } from '../../perf/lib/bout.js';
import { collate } from '../../perf/lib/collate.js';
import { type Entrant, ourEntrant } from '../../perf/lib/entrant.js';
import { isFailed, Recorder, readLines } from '../../perf/lib/record.js';
import { runSoak } from '../../perf/lib/soak/soak.js';
import { table } from '../../perf/lib/table.js';
import { installed } from '../../perf/peers/aedes.js';
import { programPath } from '../../perf/peers/mosquitto.js';
import { peerEntrant } from '../../perf/peers/peer.js';
import { BASKET, SCENARIOS } from '../../perf/scenarios/catalog.js';
import type { AnyScenario, Scenario } from '../../perf/scenarios/scenario.js';
import { needs } from '../helpers/needs.js';
import { until } from '../helpers/with-broker.js';

const RUN = fileURLToPath(new URL('../../perf/run.js', import.meta.url));
const SHORT = { seconds: 0.1, threads: 2, warmUpMs: 20 };
const QUIET = { write: () => undefined };

const isRun = (scenario: AnyScenario): scenario is Scenario => scenario.kind !== 'listing';

function ours(shards: number): Entrant {
  const usual = { transport: 'tcp', owner: 'any', level: null, key: 'ecdsa' } as const;
  return ourEntrant({ broker: 'shardmq', shards, ...usual });
}

/** @returns what was kept of a bout */
async function bout(
  scenarios: readonly Scenario[],
  entrants: readonly Entrant[],
  rounds = 1,
): Promise<Recorder> {
  const recorder = new Recorder([]);
  await runBout({ ...SHORT, scenarios, entrants, rounds, recorder, screen: QUIET });
  return recorder;
}

/** In so short a run a busy machine may do nothing; that is none here. */
const faultsOf = ({ lines }: Recorder): string[] =>
  lines
    .filter(isFailed)
    .map((line) => `${line.scenario}, ${line.label}: ${'why' in line ? line.why : line.fault}`)
    .filter((fault) => !fault.endsWith(': nothing arrived'));

/** As small as they can be and still be what they are. */
function small(name: string): Scenario {
  const scenario = SCENARIOS.filter(isRun).find((each) => each.name === name)!;
  if (scenario.kind === 'day')
    return { ...scenario, devices: 200, reconnectsPerSecond: 2, commandsPerSecond: 2 };
  if (scenario.kind === 'retained') return { ...scenario, messages: 100, clients: 4 };
  if (scenario.kind === 'idle') return { ...scenario, clients: 50 };
  if (scenario.kind === 'flow' && scenario.filters !== undefined)
    return { ...scenario, filters: { ...scenario.filters, perSubscriber: 600 } };
  return scenario;
}

test.serial('the basket runs without a fault', async (t) => {
  t.timeout(300_000);
  const recorder = await bout(BASKET.filter(isRun), [ours(1)]);
  t.deepEqual(faultsOf(recorder), []);
  t.is(recorder.lines.length, BASKET.length);
});

test.serial('the other kinds of scenarios run without a fault, on two shards', async (t) => {
  t.timeout(300_000);
  const names = [
    'retained-replay',
    'filters-1m',
    'filters-1m-random',
    'half-load',
    'ssl-relayed',
    'day-5000',
    'storm',
    'idle',
  ];
  const recorder = await bout(names.map(small), [ours(2)]);
  t.deepEqual(faultsOf(recorder), []);
  const figures = recorder.lines.filter((line) => line.kind !== 'gap');
  const withLoops = figures.filter(({ loopDelay }) => loopDelay !== null).map(({ scenario }) => scenario);
  t.deepEqual(withLoops, ['half-load', 'day-5000']);
  t.true(figures.some(({ crossedShare }) => crossedShare !== null && crossedShare > 0));
});

needs({ name: 'mosquitto', isMet: () => programPath() !== null })(
  'Mosquitto runs the same scenarios in turn',
  async (t) => {
    t.timeout(120_000);
    const peer = await peerEntrant('mosquitto', 'tcp');
    const recorder = await bout(
      [small('pairs'), small('share-qos1'), small('day-5000'), small('ssl-relayed')],
      [ours(1), peer],
      2,
    );
    t.deepEqual(faultsOf(recorder), []);
    const [pairs] = collate(recorder.lines).rows;
    t.deepEqual(
      pairs!.cells.map((cell) => cell!.runs.length),
      [2, 2],
    );
    const labels = recorder.lines.slice(0, 4).map(({ label }) => label.split(' ')[0]);
    t.deepEqual(labels, ['shardmq,', 'mosquitto', 'shardmq,', 'mosquitto']);
    t.regex(table(collate(recorder.lines)), /relayed.*mosquitto.*nothing to relay to/);
  },
);

needs({ name: 'the package aedes', isMet: () => installed() !== null })(
  'Aedes runs what it can',
  async (t) => {
    t.timeout(120_000);
    const recorder = await bout([small('pairs'), small('share-qos1')], [await peerEntrant('aedes', 'tcp')]);
    t.deepEqual(faultsOf(recorder), []);
    t.deepEqual(
      recorder.lines.map((line) => ('why' in line ? line.why : line.scenario)),
      ['pairs', 'has no shared subscriptions'],
    );
  },
);

/** Runs the command in a folder of its own. */
async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'shardmq-perf-test-'));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test.serial('the command prints a table, and leaves lines of JSON and a page', async (t) => {
  t.timeout(120_000);
  await inFolder(async (folder) => {
    const args = ['--only', 'pairs', '--seconds', '0.1', '--shards', '1', '--results', folder];
    const child = spawn(process.execPath, [RUN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let progress = '';
    child.stdout.on('data', (text: Buffer) => (output += text.toString()));
    child.stderr.on('data', (text: Buffer) => (progress += text.toString()));
    const [code] = await once(child, 'close');
    t.is(code, 0, output);
    t.regex(output, /^pairs, 50 to 50, QoS 0 +[\d,]+ /m);
    t.regex(progress, /^\[1\/1\] pairs, 50 to 50, QoS 0 \| shardmq, 1 shard: [\d,]+\/s/);
    const [page, lines] = readdirSync(folder)
      .sort()
      .map((name) => join(folder, name));
    t.regex(readFileSync(page!, 'utf8'), /^<!doctype html>/);
    t.is(readLines(lines!)[0]!.scenario, 'pairs');
  });
});

test.serial('interrupted, it leaves no broker and no folder', async (t) => {
  t.timeout(120_000);
  await inFolder(async (folder) => {
    const args = ['--only', 'pairs', '--seconds', '600', '--results', join(folder, 'results')];
    const env = { ...process.env, TMPDIR: folder };
    const child = spawn(process.execPath, [RUN, ...args], { stdio: 'ignore', env });
    const dataDirs = (): string[] => readdirSync(folder).filter((name) => name.startsWith('shardmq-perf-'));
    const isUp = (): boolean =>
      dataDirs().some((name) => readdirSync(join(folder, name)).includes('node.json'));
    await until(isUp, 'a broker to be started', 60_000);
    const [dataDir] = dataDirs();
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    t.is(code, 143);
    t.deepEqual(dataDirs(), []);
    await until(() => !isAnybodyAt(dataDir!), 'the broker to be gone', 20_000);
    t.pass();
  });
});

/** Whether some process was started with this folder as its argument. */
function isAnybodyAt(folder: string): boolean {
  if (process.platform !== 'linux') return false;
  return readdirSync('/proc').some((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder);
    } catch {
      return false;
    }
  });
}

test.serial('a soak leaves nothing behind', async (t) => {
  t.timeout(180_000);
  await inFolder(async (folder) => {
    let output = '';
    const print = (text: string): void => {
      output += text;
    };
    await runSoak({ minutes: 3, shards: 2, file: join(folder, 'soak'), print, sampleMs: 1_000 });
    t.notRegex(output, /FAILED/, output);
    t.regex(output, /heap: too few minutes to say/);
    t.is(readFileSync(join(folder, 'soak.jsonl'), 'utf8').trim().split('\n').length, 3);
  });
});

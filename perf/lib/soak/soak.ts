/** Hours with clients that come and go: what the broker's memory does meanwhile. On the generator's main thread. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { soakPage } from '../../page/soak-page.js';
import { startBrokerProcess } from '../broker-process.js';
import { count, megabytes } from '../format.js';
import { MetricsProbe, type MetricsReading } from '../metrics-probe.js';
import { FLAT_RULE, trendOf } from './flat.js';
import { SOAK, SOAK_PHASE, SoakCounters } from './soak-counters.js';
import type { SoakStart } from './worker.js';

const PLACES = 300;
/** Within a minute the heap is looked at so often; its lowest is what lives. */
const LOOKS = 20;
const END_DEADLINE_MS = 120_000;
/** What is there so long after the last client was left behind. */
const LEFT_BEHIND_MS = 20_000;

export interface SoakOptions {
  readonly minutes: number;
  readonly shards: number;
  /** Without ending: the lines of JSON and the page. */
  readonly file: string;
  readonly print: (text: string) => void;
  /** Of one sample; a minute unless a test has less time. */
  readonly sampleMs?: number;
}

/** Three of them are retained, and would be taken for what clients have left behind. */
const NO_RETAINED_SYS = 'mqtt.broker.sys_interval=0';

/** What is kept of each minute. */
export interface SoakSample {
  readonly minute: number;
  readonly heapBytes: number;
  readonly rssBytes: number;
  readonly lives: number;
  readonly messages: number;
  readonly sessions: number;
  readonly retained: number;
}

/**
 * @returns whether memory stayed flat and nothing was left behind
 * @throws Error for a message lost, repeated or misordered
 */
export async function runSoak(options: SoakOptions): Promise<boolean> {
  const { minutes, shards, file, print, sampleMs = 60_000 } = options;
  const broker = await startBrokerProcess(shards, { settings: [NO_RETAINED_SYS] });
  const counters = new SoakCounters();
  const samples: SoakSample[] = [];
  let isGood = true;
  try {
    const probe = await MetricsProbe.open(broker.apiPort);
    const before = await probe.read();
    const failed = startChurn(counters, broker.port);
    print(
      `${FLAT_RULE}\n${'minute'.padEnd(8)}${['heap MB', 'RSS MB', 'clients ended', 'messages', 'sessions', 'retained'].map((name) => name.padStart(14)).join('')}\n`,
    );
    for (let minute = 1; minute <= minutes; minute++) {
      const sample = await Promise.race([sampleOf(minute, probe, counters, sampleMs), failed]);
      samples.push(sample);
      appendFileSync(`${file}.jsonl`, `${JSON.stringify(sample)}\n`);
      print(rowOf(sample));
    }
    const after = await Promise.race([emptied(counters, probe, before), failed]);
    for (const what of ['sessions', 'retained'] as const) {
      if (after[what] === before[what]) continue;
      isGood = false;
      print(`FAILED: ${after[what] - before[what]} ${what} are left behind\n`);
    }
  } finally {
    Atomics.store(counters.phase, 0, SOAK_PHASE.stop);
    await broker.stop();
  }
  for (const [name, figure] of [
    ['heap', 'heapBytes'],
    ['RSS', 'rssBytes'],
  ] as const) {
    const { riseBytes, isFlat } = trendOf(samples.map((sample) => sample[figure]));
    print(
      `${name}: ${isFlat === null ? 'too few minutes to say' : isFlat ? 'flat' : 'NOT FLAT'} (${megabytes(riseBytes)} MB)\n`,
    );
    if (isFlat === false) isGood = false;
  }
  writeFileSync(`${file}.html`, soakPage(samples));
  return isGood;
}

/** @returns what never comes, but for an error */
function startChurn(counters: SoakCounters, port: number): Promise<never> {
  const prefix = `soak${process.pid.toString(36)}`;
  const start: SoakStart = { buffer: counters.buffer, port, prefix, places: PLACES };
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: start });
  const failed = new Promise<never>((_, reject) => worker.once('error', reject));
  failed.catch(() => undefined);
  return failed;
}

async function sampleOf(
  minute: number,
  probe: MetricsProbe,
  { figures }: SoakCounters,
  sampleMs: number,
): Promise<SoakSample> {
  const readings: MetricsReading[] = [];
  for (let i = 0; i < LOOKS; i++) {
    await sleep(sampleMs / LOOKS);
    readings.push(await probe.read());
  }
  const { sessions, retained } = readings.at(-1)!;
  return {
    minute,
    heapBytes: Math.min(...readings.map(({ heapBytes }) => heapBytes)),
    rssBytes: Math.max(...readings.map(({ rssBytes }) => rssBytes)),
    lives: figures[SOAK.lives]!,
    messages: figures[SOAK.messages]!,
    sessions,
    retained,
  };
}

/** Lets every client end. @returns what there is then, which should be what there was before */
async function emptied(
  { phase }: SoakCounters,
  probe: MetricsProbe,
  before: MetricsReading,
): Promise<MetricsReading> {
  Atomics.store(phase, 0, SOAK_PHASE.end);
  for (let waitedMs = 0; Atomics.load(phase, 0) !== SOAK_PHASE.over; waitedMs += 100) {
    if (waitedMs > END_DEADLINE_MS) throw new Error('clients do not come to their end');
    await sleep(100);
  }
  Atomics.store(phase, 0, SOAK_PHASE.stop);
  // The last clients' ends take a moment.
  for (let waitedMs = 0; ; waitedMs += 500) {
    const now = await probe.read();
    const isAsBefore = now.sessions === before.sessions && now.retained === before.retained;
    if (isAsBefore || waitedMs > LEFT_BEHIND_MS) return now;
    await sleep(500);
  }
}

function rowOf({ minute, heapBytes, rssBytes, lives, messages, sessions, retained }: SoakSample): string {
  const cells = [
    megabytes(heapBytes),
    megabytes(rssBytes),
    ...[lives, messages, sessions, retained].map(count),
  ];
  return `${String(minute).padEnd(8)}${cells.map((cell) => cell.padStart(14)).join('')}\n`;
}

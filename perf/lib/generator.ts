/**
 * Runs one scenario against a broker that is up: starts threads, moves them through the phases, takes the
 * figures.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Scenario } from '../scenarios.js';
import { CONTROL, Counters, PHASE, STAT } from './counters.js';
import { processUsage, stolenMs } from './cpu.js';
import { percentileMs } from './histogram.js';
import { nowMs } from './load-clock.js';
import { deliveriesPerMessage } from './publisher.js';
import type { WorkerStart } from './worker.js';

/** Busiest thread's share of its time above which a run says more about the generator than about the broker. */
const GENERATOR_BOUND_SHARE = 0.9;
/** Time for a broker to be compiled and its buffers to grow before anything counts. */
const WARM_UP_MS = 700;
const CONNECT_DEADLINE_MS = 60_000;
/** Without any delivery for so long, what is missing counts as lost. */
const DRAIN_SILENCE_MS = 2_000;
/** Time for repeated messages to show up after the last expected one. */
const AFTERMATH_MS = 50;

export interface RunTarget {
  readonly port: number;
  readonly pid: number;
  readonly threads: number;
  readonly seconds: number;
  /** Before anything is measured; 700 when missing. */
  readonly warmUpMs?: number;
}

/** The figures of one run. In scenarios of connections, operations are connects, otherwise deliveries. */
export interface RunResult {
  readonly scenario: string;
  readonly title: string;
  readonly kind: Scenario['kind'];
  readonly seconds: number;
  readonly operations: number;
  readonly perSecond: number;
  readonly cpuUsPerOperation: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly misordered: number;
  /** Connections that the broker ended. */
  readonly closed: number;
  readonly rssBytes: number;
  /** Memory that the scenario's clients have added, by client; only of idle ones. */
  readonly bytesPerClient: number;
  /** The broker's use of one core. */
  readonly brokerCores: number;
  /** Busiest generator thread's CPU time by elapsed time. */
  readonly generatorShare: number;
  readonly isGeneratorBound: boolean;
  /** Core seconds per second that the hypervisor gave to others. */
  readonly stolenCores: number;
}

/** Everything that is read at the beginning and at the end of what is measured. */
interface Reading {
  readonly atMs: number;
  readonly deliveries: number;
  readonly connects: number;
  readonly brokerCpuMs: number;
  readonly rssBytes: number;
  readonly threadCpuMs: readonly number[];
  readonly stolenMs: number;
  readonly latencies: Float64Array;
}

/** @throws Error when a client is refused or the clients cannot all be connected in time. */
export async function runScenario(scenario: Scenario, target: RunTarget): Promise<RunResult> {
  const counters = Counters.create(target.threads, scenario.kind === 'flow' ? scenario.publishers : 0);
  const before = read(counters, target.pid);
  const crew = new Crew(scenario, counters, target);
  try {
    await crew.during(untilReady(scenario, counters));
    const isIdle = scenario.kind === 'idle';
    const connected = read(counters, target.pid);
    setPhase(counters, PHASE.load);
    await crew.during(sleep(target.warmUpMs ?? WARM_UP_MS));
    const first = read(counters, target.pid);
    await crew.during(sleep(target.seconds * 1000));
    const last = read(counters, target.pid);
    setPhase(counters, PHASE.drain);
    const lost = await crew.during(untilDrained(scenario, counters));
    return isIdle
      ? {
          ...figures(scenario, counters, before, connected, lost),
          ...idleFigures(scenario.clients, before, first, last),
        }
      : figures(scenario, counters, first, last, lost);
  } finally {
    setPhase(counters, PHASE.stop);
    await crew.ended();
  }
}

/** The threads; whatever is waited for fails when one of them does. */
class Crew {
  readonly #workers: Worker[] = [];
  readonly #failed: Promise<never>;
  readonly #exits: Promise<void>[] = [];

  constructor(scenario: Scenario, counters: Counters, target: RunTarget) {
    const runId = `perf${process.pid.toString(36)}${Math.floor(nowMs()).toString(36)}`;
    for (let thread = 0; thread < target.threads; thread++) {
      const start: WorkerStart = { scenario, counters: counters.shape, thread, port: target.port, runId };
      this.#workers.push(new Worker(new URL('./worker.js', import.meta.url), { workerData: start }));
    }
    this.#failed = new Promise((_, reject) => {
      for (const worker of this.#workers) worker.on('error', reject);
    });
    this.#failed.catch(() => undefined);
    for (const worker of this.#workers) {
      this.#exits.push(new Promise((resolve) => worker.once('exit', () => resolve())));
    }
  }

  during<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#failed]);
  }

  async ended(): Promise<void> {
    await Promise.all(this.#exits);
  }
}

function setPhase(counters: Counters, phase: number): void {
  Atomics.store(counters.control, CONTROL.phase, phase);
}

async function untilReady(scenario: Scenario, counters: Counters): Promise<void> {
  const clients = scenario.kind === 'flow' ? scenario.publishers + scenario.subscribers : scenario.clients;
  if (scenario.kind === 'storm') return;
  const deadlineMs = nowMs() + CONNECT_DEADLINE_MS;
  let ready = 0;
  while (ready < clients) {
    if (nowMs() > deadlineMs) throw new Error(`only ${ready} of ${clients} clients are connected`);
    await sleep(5);
    ready = Atomics.load(counters.control, CONTROL.ready);
  }
}

/** @returns how many deliveries never came. */
async function untilDrained(scenario: Scenario, counters: Counters): Promise<number> {
  if (scenario.kind !== 'flow') return 0;
  const perMessage = deliveriesPerMessage(scenario);
  // A publisher may have been in the middle of a burst when the phase changed.
  await sleep(AFTERMATH_MS);
  let missing = 0;
  let progressMs = nowMs();
  for (;;) {
    let lacking = 0;
    for (let i = 0; i < scenario.publishers; i++) {
      lacking += Math.max(0, counters.sent[i]! * perMessage - counters.receivedFrom(i));
    }
    if (lacking !== missing) progressMs = nowMs();
    missing = lacking;
    if (missing === 0 || nowMs() - progressMs > DRAIN_SILENCE_MS) break;
    await sleep(20);
  }
  await sleep(AFTERMATH_MS);
  return missing;
}

function read(counters: Counters, pid: number): Reading {
  const usage = processUsage(pid);
  return {
    atMs: nowMs(),
    deliveries: counters.sum(STAT.deliveries),
    connects: counters.sum(STAT.connects),
    brokerCpuMs: usage.cpuMs,
    rssBytes: usage.rssBytes,
    threadCpuMs: counters.threads.map((thread) => thread.stats[STAT.cpuMs]!),
    stolenMs: stolenMs(),
    latencies: counters.latencies(),
  };
}

function figures(
  scenario: Scenario,
  counters: Counters,
  from: Reading,
  to: Reading,
  lost: number,
): RunResult {
  const elapsedMs = to.atMs - from.atMs;
  const operations = scenario.kind === 'flow' ? to.deliveries - from.deliveries : to.connects - from.connects;
  const latencies = to.latencies.map((count, bucket) => count - from.latencies[bucket]!);
  const generatorShare = Math.max(...to.threadCpuMs.map((ms, i) => (ms - from.threadCpuMs[i]!) / elapsedMs));
  const cpuMs = to.brokerCpuMs - from.brokerCpuMs;
  return {
    scenario: scenario.name,
    title: scenario.title,
    kind: scenario.kind,
    seconds: elapsedMs / 1000,
    operations,
    perSecond: (operations * 1000) / elapsedMs,
    cpuUsPerOperation: operations > 0 ? (cpuMs * 1000) / operations : 0,
    p50Ms: percentileMs(latencies, 0.5),
    p99Ms: percentileMs(latencies, 0.99),
    p999Ms: percentileMs(latencies, 0.999),
    lost,
    duplicates: counters.sum(STAT.duplicates),
    misordered: counters.sum(STAT.misordered),
    closed: Atomics.load(counters.control, CONTROL.closed),
    rssBytes: to.rssBytes,
    bytesPerClient: 0,
    brokerCores: cpuMs / elapsedMs,
    generatorShare,
    isGeneratorBound: generatorShare > GENERATOR_BOUND_SHARE,
    stolenCores: (to.stolenMs - from.stolenMs) / elapsedMs,
  };
}

/** What idle clients cost: memory by what they have added, CPU while nothing happens. */
function idleFigures(clients: number, before: Reading, first: Reading, last: Reading): Partial<RunResult> {
  return {
    rssBytes: last.rssBytes,
    bytesPerClient: (last.rssBytes - before.rssBytes) / clients,
    brokerCores: (last.brokerCpuMs - first.brokerCpuMs) / (last.atMs - first.atMs),
  };
}

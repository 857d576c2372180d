/**
 * Runs one scenario against a broker that is up: starts threads, moves them through the phases, takes the
 * figures.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Scenario, StormScenario } from '../scenarios/scenario.js';
import { CONTROL, Counters, PHASE, STAT } from './counters.js';
import { dayClients, dayStreams } from './day/fleet.js';
import { nowMs } from './load-clock.js';
import type { LoopWatch } from './loop-watch.js';
import { commitFigures, crossedShare, type MetricsProbe } from './metrics-probe.js';
import type { OwnerRule } from './owner.js';
import { deliveriesPerMessage } from './publisher.js';
import { figures, idleFigures, newcomersOf, type RunResult, read } from './run-result.js';
import type { Transport } from './transport.js';
import type { WorkerStart } from './worker.js';

/** Time for a broker to be compiled and its buffers to grow before anything counts. */
const WARM_UP_MS = 700;
/** The same at a fixed rate: a broker that has been busy before takes seconds to see that it need not be any more. */
const RATE_WARM_UP_MS = 3_000;
const CONNECT_DEADLINE_MS = 180_000;
/** Without any delivery for so long, what is missing counts as lost. */
const DRAIN_SILENCE_MS = 2_000;
/** Time for repeated messages to show up after the last expected one. */
const AFTERMATH_MS = 50;

export interface RunTarget {
  readonly port: number;
  /** `tcp` when missing. */
  readonly transport?: Transport;
  /** Any shard when missing. */
  readonly owner?: OwnerRule | null;
  readonly pid: number;
  readonly threads: number;
  readonly seconds: number;
  /** Before anything is measured; enough for the kind of load when missing. */
  readonly warmUpMs?: number;
  /** Says what the broker has committed, and passed on between its shards. */
  readonly metrics?: MetricsProbe;
  /** Says how late its loops are. */
  readonly loops?: LoopWatch;
}

function warmUpMs(scenario: Scenario): number {
  return scenario.kind === 'flow' && scenario.ratePerSecond > 0 ? RATE_WARM_UP_MS : WARM_UP_MS;
}

/** @throws Error when a client is refused or the clients cannot all be connected in time. */
export async function runScenario(scenario: Scenario, target: RunTarget): Promise<RunResult> {
  const threads = target.threads + (newcomersOf(scenario) > 0 ? 1 : 0);
  const counters = Counters.create(threads, sendersOf(scenario, target.threads));
  const before = read(counters, target.pid);
  const crew = new Crew(scenario, counters, target);
  try {
    const startedMs = nowMs();
    await crew.during(untilReady(scenario, counters));
    const readyMs = nowMs() - startedMs;
    const isIdle = scenario.kind === 'idle';
    const connected = read(counters, target.pid);
    setPhase(counters, PHASE.load);
    await crew.during(sleep(target.warmUpMs ?? warmUpMs(scenario)));
    const firstMetrics = await target.metrics?.read();
    target.loops?.begin();
    const first = read(counters, target.pid);
    await crew.during(sleep(target.seconds * 500));
    const middle = read(counters, target.pid);
    await crew.during(sleep(target.seconds * 500));
    const last = read(counters, target.pid);
    const loopDelay = (await target.loops?.take()) ?? null;
    const lastMetrics = await target.metrics?.read();
    setPhase(counters, PHASE.drain);
    const { lost, endMs } = await crew.during(untilDrained(scenario, counters));
    if (isIdle) {
      return {
        ...figures(scenario, counters, before, connected, lost, target.threads),
        ...idleFigures(scenario.clients, before, first, middle, last),
      };
    }
    const isPersistent = scenario.kind === 'flow' && scenario.isPersistent === true;
    const isAway = scenario.kind === 'flow' && scenario.isAway === true;
    const hasMetrics = firstMetrics !== undefined && lastMetrics !== undefined;
    const brought = counters.sum(STAT.deliveries);
    return {
      ...figures(scenario, counters, first, last, lost, target.threads),
      readyMs,
      loopDelay,
      broughtPerSecond: isAway ? (brought * 1000) / (endMs - last.atMs) : 0,
      commits: hasMetrics && isPersistent ? commitFigures(firstMetrics, lastMetrics) : null,
      crossedShare: hasMetrics && !isAway ? crossedShare(firstMetrics, lastMetrics) : null,
    };
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
    const { port, transport = 'tcp', owner = null, threads: loadThreads } = target;
    const runId = `perf${process.pid.toString(36)}${Math.floor(nowMs()).toString(36)}`;
    for (let thread = 0; thread < counters.shape.threads; thread++) {
      const start: WorkerStart = {
        scenario,
        counters: counters.shape,
        thread,
        loadThreads,
        target: { port, transport, owner, runId },
      };
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
  if (scenario.kind === 'storm') return;
  const clients = readyClientsOf(scenario);
  const deadlineMs = nowMs() + CONNECT_DEADLINE_MS;
  let ready = 0;
  while (ready < clients) {
    if (nowMs() > deadlineMs) throw new Error(`only ${ready} of ${clients} clients are connected`);
    await sleep(5);
    ready = Atomics.load(counters.control, CONTROL.ready);
  }
}

/** @returns how many streams of messages are counted on their own */
function sendersOf(scenario: Scenario, threads: number): number {
  if (scenario.kind === 'flow') return scenario.publishers;
  if (scenario.kind === 'day') return dayStreams(threads);
  return scenario.kind === 'retained' ? scenario.clients : 0;
}

function readyClientsOf(scenario: Exclude<Scenario, StormScenario>): number {
  if (scenario.kind === 'flow') return scenario.publishers + scenario.subscribers;
  if (scenario.kind === 'day') return dayClients(scenario);
  return scenario.kind === 'retained' ? scenario.clients + 1 : scenario.clients;
}

interface Drained {
  /** Deliveries that never came. */
  readonly lost: number;
  /** When the last one came, about. */
  readonly endMs: number;
}

async function untilDrained(scenario: Scenario, counters: Counters): Promise<Drained> {
  const senders = counters.shape.publishers;
  if (senders === 0) return { lost: 0, endMs: nowMs() };
  const perMessage = scenario.kind === 'flow' ? deliveriesPerMessage(scenario) : 1;
  // A publisher may have been in the middle of a burst when the phase changed.
  await sleep(AFTERMATH_MS);
  let missing = 0;
  let progressMs = nowMs();
  for (;;) {
    let lacking = 0;
    for (let i = 0; i < senders; i++) {
      lacking += Math.max(0, counters.sent[i]! * perMessage - counters.receivedFrom(i));
    }
    if (lacking !== missing) progressMs = nowMs();
    missing = lacking;
    if (missing === 0 || nowMs() - progressMs > DRAIN_SILENCE_MS) break;
    await sleep(20);
  }
  await sleep(AFTERMATH_MS);
  return { lost: missing, endMs: progressMs };
}

/** Entry of a generator thread: a plain loop that never goes back to the event loop, until it is told to stop. */
import { workerData } from 'node:worker_threads';
import type { Scenario } from '../scenarios/scenario.js';
import { Counters, type CountersShape, PHASE, STAT } from './counters.js';
import { threadCpuMs } from './cpu.js';
import { DayThread } from './day/day-thread.js';
import { nowMs } from './load-clock.js';
import { LoadThread } from './load-thread.js';
import { Newcomers } from './newcomers.js';
import { ReplayThread } from './replay-thread.js';
import type { Target } from './transport.js';

/** What the generator starts a thread with. */
export interface WorkerStart {
  readonly scenario: Scenario;
  readonly counters: CountersShape;
  readonly thread: number;
  /** Threads that share the scenario's clients; a thread behind them plays its newcomers. */
  readonly loadThreads: number;
  readonly target: Target;
}

const CPU_EVERY_MS = 20;

const { scenario, counters: shape, thread, loadThreads, target } = workerData as WorkerStart;
const counters = new Counters(shape);
const { stats } = counters.threads[thread]!;

function loadOf(): LoadThread | Newcomers | ReplayThread | DayThread {
  if (scenario.kind === 'day') return new DayThread(scenario, counters, thread, loadThreads, target);
  if (scenario.kind === 'retained') return new ReplayThread(scenario, counters, thread, loadThreads, target);
  return scenario.kind === 'flow' && thread >= loadThreads
    ? new Newcomers(scenario.newcomers ?? 0, scenario.login !== undefined, counters, thread, target)
    : new LoadThread(scenario, counters, thread, loadThreads, target);
}

const load = loadOf();

let cpuReadMs = 0;
while (counters.phase() !== PHASE.stop) {
  load.step();
  const now = nowMs();
  if (now - cpuReadMs < CPU_EVERY_MS) continue;
  cpuReadMs = now;
  stats[STAT.cpuMs] = threadCpuMs(counters.threads.length);
}
load.closeAll();

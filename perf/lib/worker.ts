/** Entry of a generator thread: a plain loop that never goes back to the event loop, until it is told to stop. */
import { workerData } from 'node:worker_threads';
import type { Scenario } from '../scenarios.js';
import { Counters, type CountersShape, PHASE, STAT } from './counters.js';
import { threadCpuMs } from './cpu.js';
import { nowMs } from './load-clock.js';
import { LoadThread } from './load-thread.js';

/** What the generator starts a thread with. */
export interface WorkerStart {
  readonly scenario: Scenario;
  readonly counters: CountersShape;
  readonly thread: number;
  readonly port: number;
  /** Sets ClientIds and topics of one run apart from those of any other. */
  readonly runId: string;
}

const CPU_EVERY_MS = 20;

const start = workerData as WorkerStart;
const counters = new Counters(start.counters);
const load = new LoadThread(start.scenario, counters, start.thread, start.port, start.runId);
const { stats } = counters.threads[start.thread]!;

let cpuReadMs = 0;
while (counters.phase() !== PHASE.stop) {
  load.step();
  const now = nowMs();
  if (now - cpuReadMs < CPU_EVERY_MS) continue;
  cpuReadMs = now;
  stats[STAT.cpuMs] = threadCpuMs(counters.threads.length);
}
load.closeAll();

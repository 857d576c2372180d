/** Entry of the soak's thread. */
import { workerData } from 'node:worker_threads';
import { Churn } from './churn.js';
import { SOAK_PHASE, SoakCounters } from './soak-counters.js';

export interface SoakStart {
  readonly buffer: SharedArrayBuffer;
  readonly port: number;
  readonly prefix: string;
  /** Clients at any time. */
  readonly places: number;
}

const { buffer, port, prefix, places } = workerData as SoakStart;
const counters = new SoakCounters(buffer);
const churn = new Churn(counters, prefix, port, places);
while (Atomics.load(counters.phase, 0) !== SOAK_PHASE.stop) churn.step();
churn.closeAll();

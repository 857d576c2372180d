/**
 * Ways in which tests break a shard on purpose; out of reach unless its seams say `faults`. On the shard's
 * thread.
 */
import type { ShardRequests } from '../src/actor/shard-protocol.js';
import { unreachable } from '../src/base/assert.js';
import { holdThread } from '../src/base/hold-thread.js';

/**
 * `hang` waits and `spin` computes without end; nobody else can tell one from the other, but `spin` costs a core. `busy`
 * does not end the shard: for some four seconds its loop is late.
 */
export type Fault = ShardRequests['test.fault']['input']['fault'];

const BUSY_SLICES = 6;
const BUSY_MS = 700;
const FREE_MS = 10;

/** Breaks this thread, after the answer to the request has left and before anything else is read. */
export function injectFault(fault: Fault): void {
  // The answer leaves in a microtask, and a tick comes when there is none left.
  queueMicrotask(() => process.nextTick(breakBy, fault));
}

function breakBy(fault: Fault): void {
  switch (fault) {
    case 'throw':
      throw new Error('a fault was injected');
    case 'hang':
      holdThread(Number.POSITIVE_INFINITY);
      break;
    case 'spin':
      for (;;);
    case 'out-of-memory':
      exhaust();
      break;
    case 'busy':
      keepBusy(BUSY_SLICES);
      break;
    default:
      unreachable(fault);
  }
}

function exhaust(): void {
  const kept: number[][] = [];
  for (;;) kept.push(new Array<number>(1_000_000).fill(kept.length));
}

function keepBusy(slices: number): void {
  if (slices === 0) return;
  holdThread(BUSY_MS);
  setTimeout(keepBusy, FREE_MS, slices - 1);
}

/**
 * Ways in which tests break a shard on purpose; out of reach unless its seams say `faults`. On the shard's
 * thread.
 */
import { unreachable } from '../src/base/assert.js';

export type Fault = 'throw' | 'hang' | 'out-of-memory';

/** Breaks this thread, after the answer to the request has left. */
export function injectFault(fault: Fault): void {
  setImmediate(() => {
    switch (fault) {
      case 'throw':
        throw new Error('a fault was injected');
      case 'hang':
        for (;;);
      case 'out-of-memory':
        return exhaust();
      default:
        return unreachable(fault);
    }
  });
}

function exhaust(): void {
  const kept: number[][] = [];
  for (;;) kept.push(new Array<number>(1_000_000).fill(kept.length));
}

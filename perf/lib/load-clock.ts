/** A clock that all threads of the generator share, since latencies are taken across them. */

/** Readings of both clocks; whoever is interrupted between two of them knows it by how long they took. */
const TRIES = 50;

/** What has to be added to a thread's own reading, whose zero is the thread's start. */
const OFFSET_MS = offsetMs();

/** @returns milliseconds since an arbitrary moment, the same for all threads, with fractions. */
export function nowMs(): number {
  return performance.now() + OFFSET_MS;
}

function sharedMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

function offsetMs(): number {
  let offset = 0;
  let shortestMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < TRIES; i++) {
    const before = performance.now();
    const shared = sharedMs();
    const after = performance.now();
    if (after - before >= shortestMs) continue;
    shortestMs = after - before;
    offset = shared - (before + after) / 2;
  }
  return offset;
}

/** A clock that all threads of the generator share, since latencies are taken across them. */

/** What has to be added to a thread's own reading, whose zero is the thread's start. */
const OFFSET_MS = sharedMs() - performance.now();

/** @returns milliseconds since an arbitrary moment, the same for all threads, with fractions. */
export function nowMs(): number {
  return performance.now() + OFFSET_MS;
}

function sharedMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

/** A whole thread stands still: its sockets, timers and messages wait. Any thread. */

// Nobody wakes it.
const word = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/** Returns after so many milliseconds, of which there may be fractions. */
export function holdThread(ms: number): void {
  Atomics.wait(word, 0, 0, ms);
}

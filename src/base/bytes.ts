/** Copying bytes from one place to another without waste. Pure; any thread. */

import { COPY_LOOP_BYTES_MAX } from '../limits.js';

/** Copies `from[start, end)` to `to` at `at`. The two ranges must not overlap. @returns the offset behind the copy. */
export function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): number {
  const length = end - start;
  if (length <= COPY_LOOP_BYTES_MAX) {
    for (let i = 0; i < length; i++) to[at + i] = from[start + i]!;
  } else {
    to.set(from.subarray(start, end), at);
  }
  return at + length;
}

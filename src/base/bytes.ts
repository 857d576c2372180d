/** Copying bytes from one place to another without waste. Pure; any thread. */
import { COPY_LOOP_BYTES_MAX } from '../limits.js';

/**
 * Copies `from[start, end)` to `to` at `at`. The two ranges must not overlap. @returns the offset behind the
 * copy.
 */
export function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): number {
  if (end - start > COPY_LOOP_BYTES_MAX) {
    // 45 ns for the view of the source that set() needs, then next to nothing per byte.
    to.set(new Uint8Array(from.buffer, from.byteOffset + start, end - start), at);
    return at + end - start;
  }
  // Eight at a time: 0.7 ns a byte instead of 1.1.
  for (const last = end - 8; start <= last; start += 8, at += 8) {
    to[at] = from[start]!;
    to[at + 1] = from[start + 1]!;
    to[at + 2] = from[start + 2]!;
    to[at + 3] = from[start + 3]!;
    to[at + 4] = from[start + 4]!;
    to[at + 5] = from[start + 5]!;
    to[at + 6] = from[start + 6]!;
    to[at + 7] = from[start + 7]!;
  }
  while (start < end) to[at++] = from[start++]!;
  return at;
}

/** Copying bytes from one place to another without waste. Pure; any thread. */
import { COPY_LOOP_BYTES_MAX, COPY_WORDS_BYTES_MAX } from '../limits.js';

/** Bytes that may know a view of the same memory, through which four go at once. */
interface Bytes extends Uint8Array {
  words?: DataView;
}

/**
 * Prepares memory that many copies begin or end in. A view costs as much as three copies, so what is used once does
 * without. `view`: of exactly that memory, where there is one. @returns `bytes`
 */
export function withWords<B extends Uint8Array>(
  bytes: B,
  view: DataView = new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
): B {
  (bytes as Bytes).words = view;
  return bytes;
}

/**
 * Copies `from[start, end)` to `to` at `at`. The two ranges must not overlap. @returns the offset behind the
 * copy.
 */
export function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): number {
  const source = (from as Bytes).words;
  const target = (to as Bytes).words;
  if (source !== undefined && target !== undefined && end - start <= COPY_WORDS_BYTES_MAX) {
    return copyWords(source, start, end, target, at);
  }
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

// 0.25 ns a byte, and no garbage.
function copyWords(from: DataView, start: number, end: number, to: DataView, at: number): number {
  for (const last = end - 16; start <= last; start += 16, at += 16) {
    to.setInt32(at, from.getInt32(start, true), true);
    to.setInt32(at + 4, from.getInt32(start + 4, true), true);
    to.setInt32(at + 8, from.getInt32(start + 8, true), true);
    to.setInt32(at + 12, from.getInt32(start + 12, true), true);
  }
  for (const last = end - 4; start <= last; start += 4, at += 4) {
    to.setInt32(at, from.getInt32(start, true), true);
  }
  while (start < end) to.setInt8(at++, from.getInt8(start++));
  return at;
}

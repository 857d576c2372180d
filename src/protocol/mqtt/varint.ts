/** Variable byte integers: seven bits a byte, low bits first, four bytes at most. Any thread. */

/** Largest value of a variable byte integer. */
export const VARINT_MAX = 268_435_455;

/** @returns how many bytes `value` takes, 1 to 4; it must not be above `VARINT_MAX`. */
export function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  return value < 0x200000 ? 3 : 4;
}

/** Writes `value` at `at`. @returns the offset behind it. */
export function writeVarint(out: Uint8Array, at: number, value: number): number {
  while (value > 0x7f) {
    out[at++] = (value & 0x7f) | 0x80;
    value >>>= 7;
  }
  out[at] = value;
  return at + 1;
}

/**
 * Reads the integer at `at`. @returns its value, -1 when `end` cuts it off, -2 when it has a fifth byte or is
 * longer than it need be (v5 [MQTT-1.5.5-1]). The offset behind it is `at + varintBytes(value)`.
 */
export function readVarint(bytes: Uint8Array, at: number, end: number): number {
  let value = 0;
  for (let i = 0; i < 4; i++) {
    if (at + i >= end) return -1;
    const byte = bytes[at + i]!;
    value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) return byte === 0 && i > 0 ? -2 : value;
  }
  return -2;
}

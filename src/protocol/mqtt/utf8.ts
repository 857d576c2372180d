/** The rules MQTT puts on UTF-8 strings, checked on bytes without making a string. Any thread. */

/**
 * Whether `bytes[start, end)` is a UTF-8 string as MQTT allows it: well-formed, no overlong form, no surrogate
 * (U+D800 to U+DFFF), nothing above U+10FFFF [MQTT-1.5.4-1] (v3: [MQTT-1.5.3-1]) and no U+0000 [MQTT-1.5.4-2]
 * (v3: [MQTT-1.5.3-2]). Other control characters are allowed.
 */
export function isValidUtf8Mqtt(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    const first = bytes[at]!;
    if (first < 0x80) {
      if (first === 0) return false;
      at += 1;
      continue;
    }
    const length = sequenceLength(bytes, at, end);
    if (length === 0) return false;
    at += length;
  }
  return true;
}

/** Bytes of the well-formed sequence of two to four bytes at `at`; 0 when it is malformed or cut off by `end`. */
function sequenceLength(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at]!;
  // 0x80-0xBF continue nothing here; 0xC0 and 0xC1 could only be overlong; above 0xF4 lies no character.
  if (first < 0xc2 || first > 0xf4) return 0;
  if (at + 1 >= end) return 0;
  const second = bytes[at + 1]!;
  if (first < 0xe0) return isContinuation(second) ? 2 : 0;
  if (at + 2 >= end || !isContinuation(bytes[at + 2]!)) return 0;
  if (first < 0xf0) {
    // E0 starts at U+0800 (else overlong), ED ends at U+D7FF (else a surrogate).
    const low = first === 0xe0 ? 0xa0 : 0x80;
    const high = first === 0xed ? 0x9f : 0xbf;
    return second >= low && second <= high ? 3 : 0;
  }
  if (at + 3 >= end || !isContinuation(bytes[at + 3]!)) return 0;
  // F0 starts at U+10000 (else overlong), F4 ends at U+10FFFF.
  const low = first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xf4 ? 0x8f : 0xbf;
  return second >= low && second <= high ? 4 : 0;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

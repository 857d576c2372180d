/** Fields that most packets share, read without allocating. Any thread. */
import { ReasonCode } from './reason-code.js';
import { isValidUtf8Mqtt } from './utf8.js';

/** @returns the offset behind the valid UTF-8 string whose two-byte length is at `at`, or minus 0x81. */
export function stringEnd(bytes: Uint8Array, at: number, end: number): number {
  const next = binaryEnd(bytes, at, end);
  return next < 0 || isValidUtf8Mqtt(bytes, at + 2, next) ? next : -ReasonCode.MalformedPacket;
}

/** @returns the offset behind the binary data whose two-byte length is at `at`, or minus 0x81. */
export function binaryEnd(bytes: Uint8Array, at: number, end: number): number {
  if (at + 2 > end) return -ReasonCode.MalformedPacket;
  const next = at + 2 + readUint16(bytes, at);
  return next <= end ? next : -ReasonCode.MalformedPacket;
}

export function readUint16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

export function readUint32(bytes: Uint8Array, at: number): number {
  return ((readUint16(bytes, at) << 16) | readUint16(bytes, at + 2)) >>> 0;
}

/**
 * @returns whether the valid string in `bytes[start, end)` can be a topic name: not empty, without wildcards.
 */
export function isPlainTopic(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    if (bytes[i] === 0x2b || bytes[i] === 0x23) return false;
  }
  return end > start;
}

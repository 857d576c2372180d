/**
 * CRC-32 of a row. A call of zlib's costs as much as some hundred bytes do here, and most rows are shorter: with a
 * million of them that is a fifth of what reading them takes. Used on shards and on main.
 */
import { crc32 } from 'node:zlib';

/** Rows of so many bytes, key and value, are summed up here. */
const SHORT_BYTES_MAX = 128;
/** CRC-32's polynomial, its bits reversed. */
const POLYNOMIAL = 0xedb88320;

// Of a byte with none, one, two and three bytes of zeros behind it: four bytes are looked up at once.
const TABLE = new Int32Array(4 * 256);
for (let byte = 0; byte < 256; byte++) {
  let sum = byte;
  for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ ((sum & 1) === 0 ? 0 : POLYNOMIAL);
  TABLE[byte] = sum;
}
for (let at = 256; at < TABLE.length; at++) {
  const before = TABLE[at - 256]!;
  TABLE[at] = (before >>> 8) ^ TABLE[before & 0xff]!;
}

/** @returns the CRC-32 of `key` and `value[0, end)`, one behind the other */
export function checkOf(key: Uint8Array, value: Uint8Array, end: number): number {
  if (key.length + end > SHORT_BYTES_MAX) return crc32(value.subarray(0, end), crc32(key));
  return ~added(added(-1, key, key.length), value, end) >>> 0;
}

function added(sum: number, bytes: Uint8Array, end: number): number {
  let crc = sum;
  let at = 0;
  for (; at + 4 <= end; at += 4) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc =
      TABLE[768 + (crc & 0xff)]! ^
      TABLE[512 + ((crc >>> 8) & 0xff)]! ^
      TABLE[256 + ((crc >>> 16) & 0xff)]! ^
      TABLE[crc >>> 24]!;
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[at]!) & 0xff]!;
  return crc;
}

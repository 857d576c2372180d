/**
 * The frame around every value that is kept: what version it is written in, and whether it is whole. Used on shards and
 * on main.
 *
 * Value: u8 format version, content, u32 CRC-32 (little-endian) of key, version and content.
 */
import { crc32 } from 'node:zlib';

const VERSION_BYTES = 1;
const CHECK_BYTES = 4;

/** Bytes that a frame adds. */
export const FRAME_BYTES = VERSION_BYTES + CHECK_BYTES;
/** Where the content of a framed value begins. */
export const CONTENT_AT = VERSION_BYTES;

export type Opened =
  | { readonly ok: true; readonly version: number; readonly content: Buffer }
  /** `newer`: a later version of the broker has written it. */
  | { readonly ok: false; readonly why: 'damaged' | 'newer' };

/** Fills in the frame of `value`, whose content lies at `CONTENT_AT` with CHECK_BYTES behind it. @returns `value` */
export function seal(key: Buffer, value: Buffer, version: number): Buffer {
  value[0] = version;
  const end = value.length - CHECK_BYTES;
  value.writeUInt32LE(crc32(value.subarray(0, end), crc32(key)), end);
  return value;
}

/** @returns a framed copy of `content` */
export function framed(key: Buffer, content: Buffer, version: number): Buffer {
  const value = Buffer.allocUnsafeSlow(content.length + FRAME_BYTES);
  content.copy(value, CONTENT_AT);
  return seal(key, value, version);
}

/** Reads a frame; `content` is a part of `value`. `newest`: the latest version that is known. */
export function opened(key: Buffer, value: Buffer, newest: number): Opened {
  if (value.length < FRAME_BYTES) return { ok: false, why: 'damaged' };
  const end = value.length - CHECK_BYTES;
  if (value.readUInt32LE(end) !== crc32(value.subarray(0, end), crc32(key))) {
    return { ok: false, why: 'damaged' };
  }
  const version = value[0]!;
  if (version > newest) return { ok: false, why: 'newer' };
  return { ok: true, version, content: value.subarray(CONTENT_AT, end) };
}

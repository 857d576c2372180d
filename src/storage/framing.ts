/**
 * The frame around every value that is kept: what version it is written in, and whether it is whole. Used on shards and
 * on main.
 *
 * Value: u8 format version, content, u32 CRC-32 (little-endian) of key, version and content.
 */
import { checkOf } from './check-value.js';

const VERSION_BYTES = 1;
const CHECK_BYTES = 4;
/** What a CRC-32 comes to that goes over bytes and then over their own CRC-32. */
const CHECKED = 0x2144df1c;

/** Bytes that a frame adds. */
export const FRAME_BYTES = VERSION_BYTES + CHECK_BYTES;
/** Where the content of a framed value begins. */
export const CONTENT_AT = VERSION_BYTES;

export type Opened =
  | { readonly ok: true; readonly version: number; readonly content: Buffer }
  /** `newer`: a later version of the broker has written it. */
  | { readonly ok: false; readonly why: 'damaged' | 'newer' };

/** As the latest version that is known, for who passes rows on: whoever reads them refuses one that is newer. */
export const ANY_VERSION = 255;

/** Fills in the frame of `value`, whose content lies at `CONTENT_AT` with CHECK_BYTES behind it. @returns `value` */
export function seal(key: Buffer, value: Buffer, version: number): Buffer {
  value[0] = version;
  const end = value.length - CHECK_BYTES;
  value.writeUInt32LE(checkOf(key, value, end), end);
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
  const why = frameFault(key, value, newest);
  if (why !== null) return { ok: false, why };
  return { ok: true, version: value[0]!, content: value.subarray(CONTENT_AT, contentEnd(value)) };
}

/** As `opened`, for millions of rows: makes nothing. @returns null: the content is `value[CONTENT_AT, contentEnd(value))` */
export function frameFault(key: Buffer, value: Buffer, newest: number): 'damaged' | 'newer' | null {
  if (value.length < FRAME_BYTES) return 'damaged';
  if (checkOf(key, value, value.length) !== CHECKED) return 'damaged';
  return value[0]! > newest ? 'newer' : null;
}

export function contentEnd(value: Buffer): number {
  return value.length - CHECK_BYTES;
}

/**
 * Numbers of sessions, by which their other rows know them: they count in one shard, and are given anew where a session
 * is given to another one. On main,
 * and on shards.
 *
 * The content of a session's row begins with its number, u32 little-endian.
 */
import { CONTENT_AT, framed, opened } from './framing.js';

/** Row of `meta` with the next number that is free, as the content of a frame: u32 little-endian. */
export const NEXT_SESSION_KEY = Buffer.from('nextSession');
export const SESSION_VERSION = 1;
export const META_VERSION = 1;
const NUMBER_BYTES = 4;
/** Behind the slot, in the key of a subscription. */
const IN_KEY_AT = 2;

/** @returns null: this is no session's */
export function numberOf(content: Buffer): number | null {
  return content.length < NUMBER_BYTES ? null : content.readUInt32LE(0);
}

/** @returns the value of a session's row with another number */
export function renumberedSession(key: Buffer, content: Buffer, version: number, number: number): Buffer {
  const value = framed(key, content, version);
  value.writeUInt32LE(number, CONTENT_AT);
  return framed(key, value.subarray(CONTENT_AT, CONTENT_AT + content.length), version);
}

/** @returns the key of a subscription with another session's number */
export function renumberedKey(key: Buffer, number: number): Buffer {
  const other = Buffer.from(key);
  other.writeUInt32BE(number, IN_KEY_AT);
  return other;
}

/** @returns the value of the row `NEXT_SESSION_KEY` */
export function nextSessionValue(number: number): Buffer {
  const content = Buffer.alloc(NUMBER_BYTES);
  content.writeUInt32LE(number);
  return framed(NEXT_SESSION_KEY, content, META_VERSION);
}

/** @returns the number in that row */
export function nextSessionOf(value: Buffer): number | 'damaged' | 'newer' {
  const frame = opened(NEXT_SESSION_KEY, value, META_VERSION);
  if (!frame.ok) return frame.why;
  return numberOf(frame.content) ?? 'damaged';
}

/** Rows of `meta`: what a shard's store says once. Used on shards and on main. */
import { framed, opened } from './framing.js';
import { SESSION_NUMBER_MAX } from './keys.js';
import type { Change } from './tables.js';

/** The newest of any row, so no less than `FORMAT`. */
export const META_VERSION = 1;
const NUMBER_BYTES = 6;

/** The next number of a session that is free, as the content of a frame: 48 bits, little-endian. */
export const NEXT_SESSION_KEY = Buffer.from('nextSession');

/**
 * The version of the tables and keys as a whole, as that of a frame without content; of values each table has a version
 * of its own.
 */
export const FORMAT_KEY = Buffer.from('format');
const FORMAT = 1;

/** To be written once into each store. */
export const FORMAT_ROW: Change = {
  table: 'meta',
  key: FORMAT_KEY,
  value: framed(FORMAT_KEY, Buffer.alloc(0), FORMAT),
};

/** @param value the row `FORMAT_KEY`; null: there is none, in a store that was never written to */
export function formatOf(value: Buffer | null): 'known' | 'missing' | 'newer' {
  if (value === null) return 'missing';
  const frame = opened(FORMAT_KEY, value, FORMAT);
  if (frame.ok) return 'known';
  return frame.why === 'newer' ? 'newer' : 'missing';
}

/** @returns the value of the row `NEXT_SESSION_KEY` */
export function nextSessionValue(number: number): Buffer {
  const content = Buffer.alloc(NUMBER_BYTES);
  content.writeUIntLE(Math.min(number, SESSION_NUMBER_MAX), 0, NUMBER_BYTES);
  return framed(NEXT_SESSION_KEY, content, META_VERSION);
}

/** @returns the number in that row */
export function nextSessionOf(value: Buffer): number | 'damaged' | 'newer' {
  const frame = opened(NEXT_SESSION_KEY, value, META_VERSION);
  if (!frame.ok) return frame.why;
  return frame.content.length === NUMBER_BYTES ? frame.content.readUIntLE(0, NUMBER_BYTES) : 'damaged';
}

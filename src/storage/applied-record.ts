/**
 * Rows of `applied`: the last batch of another shard that is handled and kept here. On shards and on main.
 *
 * Content: f64 sequence, little-endian.
 */
import { framed, opened } from './framing.js';

export const APPLIED_VERSION = 1;
const SEQUENCE_BYTES = 8;

/** @returns the value of a row */
export function appliedValue(key: Buffer, sequence: number): Buffer {
  const content = Buffer.alloc(SEQUENCE_BYTES);
  content.writeDoubleLE(sequence);
  return framed(key, content, APPLIED_VERSION);
}

/** @returns null: it is damaged, or of a later version */
export function appliedSequence(key: Buffer, value: Buffer): number | null {
  const frame = opened(key, value, APPLIED_VERSION);
  if (!frame.ok || frame.content.length !== SEQUENCE_BYTES) return null;
  const sequence = frame.content.readDoubleLE(0);
  return Number.isSafeInteger(sequence) && sequence >= 0 ? sequence : null;
}

/**
 * Rows of `applied`: how far the batches of another shard are handled and kept here. On shards and on main.
 *
 * Content, little-endian: f64 sequence of the last batch that is handled whole, f64 sequence of a later one that is
 * handled in part (0: none), u32 records of it that are.
 */
import { framed, opened } from './framing.js';
import type { Unreadable } from './session-record.js';
import type { Row } from './tables.js';

export const APPLIED_VERSION = 1;
const CONTENT_BYTES = 20;
const OPEN_AT = 8;
const RECORDS_AT = 16;

export interface AppliedRecord {
  readonly sequence: number;
  readonly openSequence: number;
  readonly openRecords: number;
}

/** @returns the value of a row */
export function appliedValue(key: Buffer, sequence: number, openSequence = 0, openRecords = 0): Buffer {
  const content = Buffer.alloc(CONTENT_BYTES);
  content.writeDoubleLE(sequence);
  content.writeDoubleLE(openSequence, OPEN_AT);
  content.writeUInt32LE(openRecords, RECORDS_AT);
  return framed(key, content, APPLIED_VERSION);
}

export function decodeApplied({ key, value }: Row): AppliedRecord | Unreadable {
  const frame = opened(key, value, APPLIED_VERSION);
  if (!frame.ok) return frame.why;
  const { content } = frame;
  if (content.length !== CONTENT_BYTES) return 'damaged';
  const sequence = content.readDoubleLE(0);
  const openSequence = content.readDoubleLE(OPEN_AT);
  if (!isSequence(sequence) || !isSequence(openSequence)) return 'damaged';
  return { sequence, openSequence, openRecords: content.readUInt32LE(RECORDS_AT) };
}

/** @returns null: it is damaged, or of a later version */
export function appliedSequence(key: Buffer, value: Buffer): number | null {
  const record = decodeApplied({ key, value });
  return typeof record === 'string' ? null : record.sequence;
}

function isSequence(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/**
 * Rows of `outbox`: a batch on its way to another shard. Used on shards and on main.
 *
 * Content: records as in src/protocol/batch-record.ts; none: the batch is over, and only its number is remembered.
 */
import { opened } from './framing.js';
import type { Unreadable } from './session-record.js';
import type { Row } from './tables.js';

export const OUTBOX_VERSION = 1;

/** @returns whether a row still holds its batch */
export function holdsBatch({ key, value }: Row): boolean | Unreadable {
  const frame = opened(key, value, OUTBOX_VERSION);
  return frame.ok ? frame.content.length > 0 : frame.why;
}

/**
 * Rows of `outbox`: a batch on its way to another shard. Used on shards and on main.
 *
 * Content: records as in src/protocol/batch-record.ts; none: the batch is over, and only its number is remembered.
 */
import { recordBytes } from '../protocol/batch-record.js';
import { opened } from './framing.js';
import { OUTBOX_KEY_BYTES } from './keys.js';
import type { Unreadable } from './session-record.js';
import type { Row } from './tables.js';

export const OUTBOX_VERSION = 1;

/** @returns whether a row still holds its batch; `damaged` also when what it holds is none: shards trust each other */
export function holdsBatch({ key, value }: Row): boolean | Unreadable {
  if (key.length !== OUTBOX_KEY_BYTES) return 'damaged';
  const frame = opened(key, value, OUTBOX_VERSION);
  if (!frame.ok) return frame.why;
  return isBatch(frame.content) ? frame.content.length > 0 : 'damaged';
}

function isBatch(content: Buffer): boolean {
  const view = new DataView(content.buffer, content.byteOffset, content.length);
  let at = 0;
  while (at < content.length) {
    const size = recordBytes(view, at, content.length);
    if (size < 0) return false;
    at += size;
  }
  return true;
}

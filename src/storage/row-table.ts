/**
 * Which table a row is of, told by its key and value alone: for one that is found where no table points to. Used on
 * shards and on main.
 *
 * Nothing in a row names its table, and keys of several tables may be equal. So it counts only where one table alone
 * could have written it: content that clients choose could be made to look like another's, but not without being their
 * own as well.
 */
import { decodeApplied } from './applied-record.js';
import { opened } from './framing.js';
import { JOURNAL_VERSION } from './journal-format.js';
import { JournalReader } from './journal-reader.js';
import {
  APPLIED_KEY_BYTES,
  hasNameAt,
  JOURNAL_KEY_BYTES,
  SESSION_HEAD_BYTES,
  SLOT_HEAD_BYTES,
} from './keys.js';
import { FORMAT_KEY, NEXT_SESSION_KEY } from './meta-rows.js';
import { holdsBatch } from './outbox-record.js';
import { decodeRetained } from './retained-record.js';
import { decodeSession } from './session-record.js';
import { SubscriptionReader } from './subscription-record.js';
import { type Layout, type Row, TABLES, type Table } from './tables.js';

const journal = new JournalReader();
const subscriptions = new SubscriptionReader();

const COULD_BE: { readonly [T in Table]: (row: Row) => boolean } = {
  meta: ({ key }) => key.equals(FORMAT_KEY) || key.equals(NEXT_SESSION_KEY),
  sessions: (row) => hasNameAt(row.key, SLOT_HEAD_BYTES) && typeof decodeSession(row) === 'object',
  subscriptions: (row) => hasNameAt(row.key, SESSION_HEAD_BYTES) && subscriptions.read(row) === null,
  journal: isOfJournal,
  retained: (row) => hasNameAt(row.key, SLOT_HEAD_BYTES) && typeof decodeRetained(row) === 'object',
  outbox: (row) => typeof holdsBatch(row) === 'boolean',
  applied: (row) => row.key.length === APPLIED_KEY_BYTES && typeof decodeApplied(row) === 'object',
};

/** What a shard keeps. */
export const SHARD_LAYOUT: Layout = {
  tables: TABLES,
  tableOf: (row) => {
    const possible = TABLES.filter((table) => COULD_BE[table](row));
    return possible.length === 1 ? possible[0]! : null;
  },
};

function isOfJournal({ key, value }: Row): boolean {
  if (key.length !== JOURNAL_KEY_BYTES) return false;
  const frame = opened(key, value, JOURNAL_VERSION);
  const isRecord = frame.ok && journal.open(frame.content);
  journal.close();
  return isRecord;
}

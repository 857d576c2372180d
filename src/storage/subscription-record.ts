/**
 * Rows of `subscriptions`. Used on shards and on main.
 *
 * Content: u8 options (6 bits) and marks, u32 identifier, and with MARK_GROUP u16 how many characters the group's name
 * has; then the filter as it is in the key, where that holds only its hash.
 */
import { FieldReader, FieldWriter } from './fields.js';
import { opened } from './framing.js';
import { isTextKey, SESSION_HEAD_BYTES, sessionOfKey, subscriptionKey, textOfKey } from './keys.js';
import type { Unreadable } from './session-record.js';
import type { Row } from './tables.js';

export interface SubscriptionRecord {
  /** Number of its session. */
  readonly session: number;
  /** Without `$share/` and `$local/`. */
  readonly filter: string;
  readonly group: string | null;
  readonly local: boolean;
  /** MQTT 5's subscription options byte. */
  readonly options: number;
  /** 0: none. */
  readonly identifier: number;
}

export const SUBSCRIPTION_VERSION = 1;

const OPTIONS_MASK = 0x3f;
const MARK_LOCAL = 0x40;
const MARK_GROUP = 0x80;
const LOCAL_PREFIX = '$local/';
const SHARE_PREFIX = '$share/';

const writer = new FieldWriter();
const reader = new FieldReader();

/** @returns the filter as it is in the key */
export function wholeFilter(filter: string, group: string | null, local: boolean): string {
  return `${local ? LOCAL_PREFIX : ''}${group === null ? '' : `${SHARE_PREFIX}${group}/`}${filter}`;
}

export function encodeSubscription(slot: number, record: SubscriptionRecord): Row {
  const { filter, group, local, options, identifier } = record;
  const whole = wholeFilter(filter, group, local);
  const key = subscriptionKey(slot, record.session, whole);
  writer.u8((options & OPTIONS_MASK) | (local ? MARK_LOCAL : 0) | (group === null ? 0 : MARK_GROUP));
  writer.u32(identifier);
  if (group !== null) writer.u16(group.length);
  if (!isTextKey(key, SESSION_HEAD_BYTES)) writer.text(whole);
  return { key, value: writer.take(key, SUBSCRIPTION_VERSION) };
}

export function decodeSubscription({ key, value }: Row): SubscriptionRecord | Unreadable {
  const frame = opened(key, value, SUBSCRIPTION_VERSION);
  if (!frame.ok) return frame.why;
  reader.open(frame.content);
  const marks = reader.u8();
  const identifier = reader.u32();
  const local = (marks & MARK_LOCAL) !== 0;
  const groupChars = (marks & MARK_GROUP) === 0 ? 0 : reader.u16();
  const whole = isTextKey(key, SESSION_HEAD_BYTES) ? textOfKey(key, SESSION_HEAD_BYTES) : reader.text();
  if (!reader.isWhole) return 'damaged';
  let filter = local ? whole.slice(LOCAL_PREFIX.length) : whole;
  let group: string | null = null;
  if ((marks & MARK_GROUP) !== 0) {
    group = filter.slice(SHARE_PREFIX.length, SHARE_PREFIX.length + groupChars);
    filter = filter.slice(SHARE_PREFIX.length + groupChars + 1);
  }
  if (filter === '') return 'damaged';
  return { session: sessionOfKey(key), filter, group, local, options: marks & OPTIONS_MASK, identifier };
}

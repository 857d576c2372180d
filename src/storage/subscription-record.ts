/**
 * Rows of `subscriptions`. Used on shards and on main.
 *
 * Content: u8 options (6 bits) and marks, u32 identifier, and with MARK_GROUP u16 how many bytes the group's name
 * has; then the filter as it is in the key, where that holds only its hash.
 */
import { FieldReader, FieldWriter } from './fields.js';
import { frameFault } from './framing.js';
import { isTextKey, SESSION_HEAD_BYTES, sessionOfKey, subscriptionKey } from './keys.js';
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

const NO_BYTES = Buffer.alloc(0);

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
  if (group !== null) writer.u16(Buffer.byteLength(group, 'utf8'));
  if (!isTextKey(key, SESSION_HEAD_BYTES)) writer.text(whole);
  return { key, value: writer.take(key, SUBSCRIPTION_VERSION) };
}

/** Reads one row after the other; there may be millions. */
export class SubscriptionReader {
  session = 0;
  local = false;
  options = 0;
  identifier = 0;
  group: string | null = null;
  /** The filter without `$share/` and `$local/` is `bytes[start, end)`, in UTF-8. */
  bytes: Buffer = NO_BYTES;
  start = 0;
  end = 0;

  /** Both buffers must stay as they are until the next. @returns null: it is one, and the fields are its */
  read({ key, value }: Row): Unreadable | null {
    const fault = frameFault(key, value, SUBSCRIPTION_VERSION);
    if (fault !== null) return fault;
    reader.open(value);
    const marks = reader.u8();
    this.options = marks & OPTIONS_MASK;
    this.local = (marks & MARK_LOCAL) !== 0;
    this.identifier = reader.u32();
    const groupBytes = (marks & MARK_GROUP) === 0 ? -1 : reader.u16();
    if (isTextKey(key, SESSION_HEAD_BYTES)) {
      this.bytes = key;
      this.start = SESSION_HEAD_BYTES + 1;
    } else {
      this.bytes = reader.bytes();
      this.start = 0;
    }
    this.end = this.bytes.length;
    if (this.local) this.start += LOCAL_PREFIX.length;
    this.group = null;
    if (groupBytes >= 0) {
      this.start += SHARE_PREFIX.length + groupBytes + 1;
      this.group = this.bytes.toString('utf8', this.start - 1 - groupBytes, this.start - 1);
    }
    if (!reader.isWhole || this.start >= this.end) return 'damaged';
    this.session = sessionOfKey(key);
    return null;
  }

  /** The filter as text. */
  filter(): string {
    return this.bytes.toString('utf8', this.start, this.end);
  }
}

/**
 * Rows of `retained`: the retained message of a topic, or that and when it was removed. Used on shards and on main.
 *
 * Content: u8 marks, f64 when the message was received, the topic where the key holds only its hash; of a message then
 * f64 seconds after which it expires, the author, properties and payload.
 */
import { asAuthor } from '../protocol/author.js';
import { createMessage, type Message } from '../protocol/message.js';
import { FieldReader, FieldWriter } from './fields.js';
import { frameFault } from './framing.js';
import { isTextKey, retainedKey, SLOT_HEAD_BYTES, textBytesOfKey } from './keys.js';
import type { Unreadable } from './session-record.js';
import type { Row } from './tables.js';

export type RetainedRecord =
  | { readonly kind: 'message'; readonly message: Message }
  /** `receivedAtMs`: of the message that has removed it, in milliseconds since 1970. */
  | { readonly kind: 'removal'; readonly topic: Buffer; readonly receivedAtMs: number };

export const RETAINED_VERSION = 1;

const QOS_MASK = 3;
const MARK_AUTHOR = 4;
const MARK_REMOVAL = 8;

const writer = new FieldWriter();
const reader = new FieldReader();

export function encodeRetained(slot: number, message: Message): Row {
  const bytes = Buffer.allocUnsafe(message.data.length);
  message.copyTo(bytes, 0);
  const topic = bytes.subarray(0, message.topicEnd);
  const key = retainedKey(slot, topic);
  const { author, receivedAtMs, expiresAtMs } = message;
  writer.u8(message.qos | (author === null ? 0 : MARK_AUTHOR)).f64(receivedAtMs);
  if (!isTextKey(key, SLOT_HEAD_BYTES)) writer.bytes(topic);
  writer.f64(expiresAtMs === Number.POSITIVE_INFINITY ? -1 : Math.round((expiresAtMs - receivedAtMs) / 1000));
  if (author !== null) writer.bytes(Buffer.from(author, 'latin1'));
  writer.bytes(bytes.subarray(message.propertiesStart, message.propertiesEnd));
  writer.bytes(bytes.subarray(message.payloadStart));
  return { key, value: writer.take(key, RETAINED_VERSION) };
}

export function encodeRemoval(slot: number, topic: Uint8Array, receivedAtMs: number): Row {
  const key = retainedKey(slot, topic);
  writer.u8(MARK_REMOVAL).f64(receivedAtMs);
  if (!isTextKey(key, SLOT_HEAD_BYTES)) writer.bytes(topic);
  return { key, value: writer.take(key, RETAINED_VERSION) };
}

export function decodeRetained({ key, value }: Row): RetainedRecord | Unreadable {
  const fault = frameFault(key, value, RETAINED_VERSION);
  if (fault !== null) return fault;
  reader.open(value);
  const marks = reader.u8();
  const receivedAtMs = reader.f64();
  const topic = isTextKey(key, SLOT_HEAD_BYTES) ? textBytesOfKey(key, SLOT_HEAD_BYTES) : reader.bytes();
  if (!(receivedAtMs >= 0) || topic.length === 0) return 'damaged';
  if ((marks & MARK_REMOVAL) !== 0) {
    return reader.isWhole ? { kind: 'removal', topic, receivedAtMs } : 'damaged';
  }
  const expirySeconds = reader.f64();
  const author = (marks & MARK_AUTHOR) === 0 ? null : asAuthor(reader.bytes().toString('latin1'));
  const properties = reader.bytes();
  const payload = reader.bytes();
  if (!reader.isWhole || !(expirySeconds >= -1)) return 'damaged';
  const qos = marks & QOS_MASK;
  const parts = { topic, payload, properties, qos, retain: true, receivedAtMs, expirySeconds, author };
  return { kind: 'message', message: createMessage(parts) };
}

/**
 * Keys of what is kept. Those of sessions, subscriptions and retained messages begin with a slot, so that what belongs
 * to one slot lies together. Used on shards and on main.
 *
 * A text that is too long for a key is represented by its hash; whoever reads the row finds the text in its value.
 */
import { createHash } from 'node:crypto';
import { KEY_TEXT_BYTES_MAX } from '../limits.js';

const SLOT_BYTES = 2;
const NUMBER_BYTES = 6;
const SEQUENCE_BYTES = 8;
/** The byte before a text says what follows. */
const IS_TEXT = 0;
const IS_HASH = 1;
const HASH_BYTES = 32;

/** Of a session, in its shard's store: 48 bits, as 32 are used up by a hundred new sessions a second in 16 months. */
export const SESSION_NUMBER_MAX = 2 ** 48 - 1;

/** Bytes before the text of a key: of a session or a retained message; of a subscription. */
export const SLOT_HEAD_BYTES = SLOT_BYTES;
export const SESSION_HEAD_BYTES = SLOT_BYTES + NUMBER_BYTES;
/** Of whole keys. */
export const JOURNAL_KEY_BYTES = SEQUENCE_BYTES;
export const OUTBOX_KEY_BYTES = 1 + SEQUENCE_BYTES;
export const APPLIED_KEY_BYTES = 1;

/** Slot, ClientId. */
export function sessionKey(slot: number, clientId: string): Buffer {
  return withText(slotHead(slot, 0), clientId);
}

/** Slot, number of the session, filter as it is listed: with `$share/GROUP/` and `$local/`. */
export function subscriptionKey(slot: number, session: number, filter: string): Buffer {
  const head = slotHead(slot, NUMBER_BYTES);
  head.writeUIntBE(session, SLOT_BYTES, NUMBER_BYTES);
  return withText(head, filter);
}

/** Slot of the topic, topic name in UTF-8. */
export function retainedKey(slot: number, topic: Uint8Array): Buffer {
  return withBytes(slotHead(slot, 0), topic);
}

/** Records of the journal rise by one. */
export function journalKey(sequence: number): Buffer {
  return sequenceKey(Buffer.alloc(0), sequence);
}

/** Shard that is to get the batch, its number for that shard. */
export function outboxKey(target: number, sequence: number): Buffer {
  return sequenceKey(Buffer.of(target), sequence);
}

/** Shard that has sent the batches. */
export function appliedKey(source: number): Buffer {
  return Buffer.of(source);
}

/** @returns the slot at the beginning of a key */
export function slotOfKey(key: Buffer): number {
  return key.readUInt16BE(0);
}

/** @returns the number of the session in the key of a subscription */
export function sessionOfKey(key: Buffer): number {
  return key.readUIntBE(SLOT_BYTES, NUMBER_BYTES);
}

/** @returns the sequence at the end of a key of the journal or the outbox */
export function sequenceOfKey(key: Buffer): number {
  return Number(key.readBigUInt64BE(key.length - SEQUENCE_BYTES));
}

/** @returns whether a key that may be of anything has a text, or its hash, behind so many bytes */
export function hasNameAt(key: Buffer, headBytes: number): boolean {
  const kind = key[headBytes];
  return kind === IS_TEXT || (kind === IS_HASH && key.length === headBytes + 1 + HASH_BYTES);
}

/** @returns whether the text of a key is in it, and not only its hash; `headBytes` as below */
export function isTextKey(key: Buffer, headBytes: number): boolean {
  return key[headBytes] === IS_TEXT;
}

/** @returns the text in a key; see `isTextKey` */
export function textOfKey(key: Buffer, headBytes: number): string {
  return key.toString('utf8', headBytes + 1);
}

/** @returns a copy of the bytes of that text */
export function textBytesOfKey(key: Buffer, headBytes: number): Buffer {
  return Buffer.from(key.subarray(headBytes + 1));
}

function sequenceKey(head: Buffer, sequence: number): Buffer {
  const key = Buffer.allocUnsafeSlow(head.length + SEQUENCE_BYTES);
  head.copy(key);
  key.writeBigUInt64BE(BigInt(sequence), head.length);
  return key;
}

function slotHead(slot: number, moreBytes: number): Buffer {
  const head = Buffer.allocUnsafe(SLOT_BYTES + moreBytes);
  head.writeUInt16BE(slot, 0);
  return head;
}

function withText(head: Buffer, text: string): Buffer {
  return withBytes(head, Buffer.from(text, 'utf8'));
}

function withBytes(head: Buffer, bytes: Uint8Array): Buffer {
  const isShort = bytes.length <= KEY_TEXT_BYTES_MAX;
  const rest = isShort ? bytes : createHash('sha256').update(bytes).digest();
  const key = Buffer.allocUnsafeSlow(head.length + 1 + rest.length);
  head.copy(key);
  key[head.length] = isShort ? IS_TEXT : IS_HASH;
  key.set(rest, head.length + 1);
  return key;
}

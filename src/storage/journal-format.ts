/**
 * The numbers in records of the journal, and how an entry is named by one number. Used on shards, and on main when
 * what is kept is given to other shards.
 *
 * Content of a record, little-endian: f64 settled, u16 entries, u16 ends, u16 steps, u16 messages; then
 * - entries, their places rising: u32 session, u16 its upper bits, u16 place, u16 message, u16 packet id, u8 QoS, state
 *   and marks, u8 flags; if it is SENT or RELEASED f64 order; with MARK_IDENTIFIERS u32 their number and a u32 each;
 *   with MARK_GROUP u16 bytes of the filter, u16 bytes of the group's name, both in UTF-8;
 * - ends, entries of earlier records that are over: f64 entry;
 * - steps, entries of earlier records that have moved on: f64 entry, f64 order, u16 packet id, u16 state;
 * - messages: records of src/protocol/batch.ts.
 *
 * What later records up to `settled` say about the entries of a record is in it already, and does not count any more.
 */

/** A version is raised when what is above changes. */
export const JOURNAL_VERSION = 1;

/** Entries of one record. A power of two: an entry is its record's sequence times this, and its place there. */
export const PLACES_MAX = 8_192;
/** So that an entry is a safe integer: 30 years at a thousand records a second. */
export const SEQUENCE_MAX = 2 ** 40 - 1;

/** In the place of a message's number: the entry has none (any more). */
export const NO_MESSAGE = 0xfffe;

/** In its session's queue. */
export const STATE_QUEUED = 0;
/** In flight: sent, or about to be sent, with its packet id. */
export const STATE_SENT = 1;
/** PUBREC has come: the packet id awaits PUBCOMP, and there is no message. */
export const STATE_RELEASED = 2;
/** A message with QoS 2 has come from the session's client: the packet id awaits PUBREL. */
export const STATE_INBOUND = 3;

export const HEAD_BYTES = 16;
export const ENTRY_BYTES = 14;
export const ORDER_BYTES = 8;
export const END_BYTES = 8;
export const STEP_BYTES = 20;

export const QOS_MASK = 3;
export const STATE_SHIFT = 2;
export const MARK_IDENTIFIERS = 16;
export const MARK_GROUP = 32;

/** The share group that chose the session. */
export interface EntryGroup {
  readonly filter: string;
  readonly name: string;
}

// Where the parts of an entry lie in it. The session stands first, its upper 16 bits behind the lower 32.
export const TWO_32 = 2 ** 32;
export const PLACE_AT = 6;
export const MESSAGE_AT = 8;
export const PACKET_ID_AT = 10;
export const BITS_AT = 12;
export const FLAGS_AT = 13;

/** @returns the sequence of the record that an entry lies in */
export function sequenceOf(entry: number): number {
  return Math.floor(entry / PLACES_MAX);
}

/** @returns whether this can be an entry: one read from elsewhere may be anything */
export function isEntry(entry: number): boolean {
  return Number.isSafeInteger(entry) && entry >= PLACES_MAX;
}

/**
 * One message as it travels between shards and as it is kept, in bytes. Any thread.
 *
 * Record, little-endian: u32 bytes of the whole record, u8 flags, u8 QoS and marks, u16 topic bytes, u32 property
 * bytes, f64 time of receipt, u32 expiry in seconds, u16 bytes of no meaning before the properties, u16 before the
 * payload; with SHARE or BOUNCE also u32 group of the target, u32 group of the source, u32 shards tried, u32 hash; with
 * NAMED these two are the bytes of the group's filter and of its name, and both texts follow;
 * with the mark AUTHOR also u32 bytes of names, and the names of the publisher as in src/protocol/author.ts; then
 * topic, properties, payload, with those bytes of no meaning.
 */

/** The target matches its own subscribers. */
export const RECORD_DELIVER = 1;
/** The target owns this topic's retained message: it stores, replaces or removes it. */
export const RECORD_RETAIN = 2;
/** The target hands the message to one member of its group `groupId`. */
export const RECORD_SHARE = 4;
/** A shared message comes back: the sender had no member left, `sourceGroupId` is tried elsewhere. */
export const RECORD_BOUNCE = 8;
/** The target has durable interest: it commits before it says `applied`. */
export const RECORD_DURABLE = 16;

/** With SHARE or BOUNCE: the group is given by filter and name, for the record may outlive its number. */
export const RECORD_NAMED = 32;

export const WITH_GROUP = RECORD_SHARE | RECORD_BOUNCE;
/** What a record has besides the parts of its message, at least. */
export const RECORD_HEAD_BYTES = 28;
export const GROUP_BYTES = 16;
/** Of the length before the names of a publisher. */
export const AUTHOR_HEAD_BYTES = 4;

export const MARK_RETAIN = 4;
export const MARK_EXPIRES = 8;
export const MARK_AUTHOR = 16;

/** Writes what comes first in a record without flags. */
export function writeHead(
  out: DataView,
  at: number,
  size: number,
  marks: number,
  topicBytes: number,
  propertyBytes: number,
  receivedAtMs: number,
  expirySeconds: number,
  propertiesGap: number,
  payloadGap: number,
): void {
  out.setUint32(at, size, true);
  out.setUint8(at + 4, 0);
  out.setUint8(at + 5, marks);
  out.setUint16(at + 6, topicBytes, true);
  out.setUint32(at + 8, propertyBytes, true);
  out.setFloat64(at + 12, receivedAtMs, true);
  out.setUint32(at + 20, expirySeconds, true);
  out.setUint16(at + 24, propertiesGap, true);
  out.setUint16(at + 26, payloadGap, true);
}

/**
 * For records that were kept and may be damaged. @returns the bytes of the record at `at`; -1 when there is none that
 * can be read and ends before `end`
 */
export function recordBytes(view: DataView, at: number, end: number): number {
  if (end - at < RECORD_HEAD_BYTES) return -1;
  const size = view.getUint32(at, true);
  if (size > end - at) return -1;
  const marks = view.getUint8(at + 5);
  if ((marks & 3) === 3 || !Number.isFinite(view.getFloat64(at + 12, true))) return -1;
  const flags = view.getUint8(at + 4);
  let parts = authorAt(0, flags);
  if ((flags & WITH_GROUP) !== 0) {
    if (parts > size) return -1;
    if ((flags & RECORD_NAMED) !== 0) parts += nameBytesAt(view, at + RECORD_HEAD_BYTES);
  }
  if ((marks & MARK_AUTHOR) !== 0) {
    if (parts + AUTHOR_HEAD_BYTES > size) return -1;
    parts += AUTHOR_HEAD_BYTES + view.getUint32(at + parts, true);
  }
  parts += view.getUint16(at + 6, true) + view.getUint32(at + 8, true);
  parts += view.getUint16(at + 24, true) + view.getUint16(at + 26, true);
  return parts <= size ? size : -1;
}

// @returns the bytes of a group's filter and name, whose lengths are at `at`.
function nameBytesAt(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true);
}

/** @returns where a record that begins at `at` has the names of its publisher, or its topic if it has none. */
export function authorAt(at: number, flags: number): number {
  return at + ((flags & WITH_GROUP) === 0 ? RECORD_HEAD_BYTES : RECORD_HEAD_BYTES + GROUP_BYTES);
}

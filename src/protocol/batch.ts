/**
 * The form in which messages travel between shards: records, one behind the other, in one buffer. Written on the
 * shards' threads, read by batch-reader.ts.
 */
import { copyBytes, withWords } from '../base/bytes.js';
import { PEER_SCRATCH_KEEP_BYTES_MAX, PEER_SCRATCH_START_BYTES } from '../limits.js';
import type { Author } from './author.js';
import {
  AUTHOR_HEAD_BYTES,
  GROUP_BYTES,
  MARK_AUTHOR,
  MARK_EXPIRES,
  MARK_RETAIN,
  RECORD_HEAD_BYTES,
  RECORD_NAMED,
  writeHead,
} from './batch-record.js';
import type { Message } from './message.js';
import type { PublishView } from './mqtt/publish-view.js';

export {
  RECORD_BOUNCE,
  RECORD_DELIVER,
  RECORD_DURABLE,
  RECORD_NAMED,
  RECORD_RETAIN,
  RECORD_SHARE,
} from './batch-record.js';

const GAP_BYTES_MAX = 0xffff;

/**
 * Builds one batch at a time, with room for `headBytes` before its first record. Its memory stays here; a batch leaves
 * as a copy of its exact size.
 */
export class BatchWriter {
  records = 0;
  /** Records with QoS 1 or 2. */
  guaranteed = 0;

  // Copying out of memory that stays hot costs less than a fresh buffer per batch: that would be zeroed, too large
  // for most turns, and could not come back from the other thread.
  private bytes: Buffer<ArrayBuffer> = withWords(Buffer.from(new ArrayBuffer(PEER_SCRATCH_START_BYTES)));
  /** The memory; its first bytes are the head's. */
  view: DataView = new DataView(this.bytes.buffer);
  /** Where the next record begins. */
  private end: number;

  constructor(private readonly headBytes = 0) {
    this.end = headBytes;
  }

  /** Bytes of records so far. */
  get length(): number {
    return this.end - this.headBytes;
  }

  /** Adds what is in `view`. @returns the record's bytes. */
  append(view: PublishView, flags: number): number {
    return this.record(view, flags, RECORD_HEAD_BYTES);
  }

  /** Adds a stored message. @returns the record's bytes. */
  appendMessage(message: Message): number {
    const { author, data, receivedAtMs, expiresAtMs } = message;
    const headBytes =
      author === null ? RECORD_HEAD_BYTES : RECORD_HEAD_BYTES + AUTHOR_HEAD_BYTES + author.length;
    const size = headBytes + data.length;
    const at = this.end;
    if (at + size > this.bytes.length) this.grow(at + size, at);
    const isLasting = expiresAtMs === Number.POSITIVE_INFINITY;
    writeHead(
      this.view,
      at,
      size,
      message.qos |
        (message.retain ? MARK_RETAIN : 0) |
        (isLasting ? 0 : MARK_EXPIRES) |
        (author === null ? 0 : MARK_AUTHOR),
      message.topicEnd,
      message.propertiesEnd - message.propertiesStart,
      receivedAtMs,
      isLasting ? 0 : Math.round((expiresAtMs - receivedAtMs) / 1000),
      message.propertiesStart - message.topicEnd,
      message.payloadStart - message.propertiesEnd,
    );
    if (author !== null) this.writeAuthor(author, at + RECORD_HEAD_BYTES);
    message.copyTo(this.bytes, at + headBytes);
    this.end = at + size;
    this.records++;
    if (message.qos > 0) this.guaranteed++;
    return size;
  }

  /** Adds a message for one member of a group; `flags` holds SHARE or BOUNCE. @returns the record's bytes. */
  appendShared(
    view: PublishView,
    flags: number,
    groupId: number,
    sourceGroupId: number,
    triedMask: number,
    hash: number,
  ): number {
    const at = this.end + RECORD_HEAD_BYTES;
    const size = this.record(view, flags, RECORD_HEAD_BYTES + GROUP_BYTES);
    this.writeGroup(at, groupId, sourceGroupId, triedMask, hash);
    return size;
  }

  /** As `appendShared`, for a record that may outlive the numbers of the group. */
  appendNamed(
    view: PublishView,
    flags: number,
    filter: string,
    name: string,
    triedMask: number,
    hash: number,
  ): number {
    const at = this.end + RECORD_HEAD_BYTES;
    const filterBytes = Buffer.byteLength(filter);
    const nameBytes = Buffer.byteLength(name);
    const fixedBytes = RECORD_HEAD_BYTES + GROUP_BYTES + filterBytes + nameBytes;
    const size = this.record(view, flags | RECORD_NAMED, fixedBytes);
    this.writeGroup(at, filterBytes, nameBytes, triedMask, hash);
    this.bytes.write(filter, at + GROUP_BYTES);
    this.bytes.write(name, at + GROUP_BYTES + filterBytes);
    return size;
  }

  /** @returns head and records, at the beginning of a buffer to be transferred; the next batch starts empty. */
  take(): ArrayBuffer {
    const { buffer } = this.bytes;
    const isHuge = buffer.byteLength > PEER_SCRATCH_KEEP_BYTES_MAX;
    const batch = isHuge && buffer.byteLength === this.end ? buffer : buffer.slice(0, this.end);
    if (isHuge) this.allocate(PEER_SCRATCH_START_BYTES);
    this.clear();
    return batch;
  }

  /** @returns head and records, a character per byte; the next batch starts empty. */
  takeText(): string {
    const text = this.bytes.toString('latin1', 0, this.end);
    this.clear();
    return text;
  }

  /** Copies the records, without the head, to `out`, which has room for them; the next batch starts empty. */
  moveTo(out: Buffer, at: number): void {
    this.bytes.copy(out, at, this.headBytes, this.end);
    if (this.bytes.length > PEER_SCRATCH_KEEP_BYTES_MAX) this.allocate(PEER_SCRATCH_START_BYTES);
    this.clear();
  }

  /** Adds a record as it lies in another batch. */
  appendRecord(bytes: Buffer, start: number, end: number): void {
    const at = this.end;
    this.end = at + end - start;
    if (this.end > this.bytes.length) this.grow(this.end, at);
    bytes.copy(this.bytes, at, start, end);
    this.records++;
  }

  private clear(): void {
    this.end = this.headBytes;
    this.records = this.guaranteed = 0;
  }

  private record(view: PublishView, flags: number, fixedBytes: number): number {
    const { author } = view;
    const headBytes = author === null ? fixedBytes : fixedBytes + AUTHOR_HEAD_BYTES + author.length;
    const topicBytes = view.topicEnd - view.topicStart;
    const propertyBytes = view.propertiesEnd - view.propertiesStart;
    const payloadBytes = view.payloadEnd - view.payloadStart;
    const size = headBytes + topicBytes + propertyBytes + payloadBytes;
    // Mostly the parts lie in one packet with a few bytes between them: then one copy, gaps and all, beats three.
    const propertiesGap = view.propertiesStart - view.topicEnd;
    const payloadGap = view.payloadStart - view.propertiesEnd;
    const isTogether =
      view.topicBytes === view.bytes &&
      view.propertyBytes === view.bytes &&
      propertiesGap >>> 0 <= GAP_BYTES_MAX &&
      payloadGap >>> 0 <= GAP_BYTES_MAX;
    if (!isTogether) {
      const at = this.head(view, flags, fixedBytes, size, 0, 0);
      const to = this.bytes;
      let next = copyBytes(view.topicBytes, view.topicStart, view.topicEnd, to, at + headBytes);
      next = copyBytes(view.propertyBytes, view.propertiesStart, view.propertiesEnd, to, next);
      copyBytes(view.bytes, view.payloadStart, view.payloadEnd, to, next);
      return size;
    }
    const sizeTogether = size + propertiesGap + payloadGap;
    const at = this.head(view, flags, fixedBytes, sizeTogether, propertiesGap, payloadGap);
    copyBytes(view.bytes, view.topicStart, view.payloadEnd, this.bytes, at + headBytes);
    return sizeTogether;
  }

  // @returns where the record begins.
  private head(
    view: PublishView,
    flags: number,
    fixedBytes: number,
    size: number,
    propertiesGap: number,
    payloadGap: number,
  ): number {
    const at = this.end;
    if (at + size > this.bytes.length) this.grow(at + size, at);
    const out = this.view;
    const marks =
      view.qos |
      (view.retain ? MARK_RETAIN : 0) |
      (view.expirySeconds < 0 ? 0 : MARK_EXPIRES) |
      (view.author === null ? 0 : MARK_AUTHOR);
    // As `writeHead`, whose call costs 5 of 55 ns.
    out.setUint32(at, size, true);
    out.setUint8(at + 4, flags);
    out.setUint8(at + 5, marks);
    out.setUint16(at + 6, view.topicEnd - view.topicStart, true);
    out.setUint32(at + 8, view.propertiesEnd - view.propertiesStart, true);
    out.setFloat64(at + 12, view.receivedAtMs, true);
    out.setUint32(at + 20, view.expirySeconds, true);
    out.setUint16(at + 24, propertiesGap, true);
    out.setUint16(at + 26, payloadGap, true);
    if (view.author !== null) this.writeAuthor(view.author, at + fixedBytes);
    this.end = at + size;
    this.records++;
    if (view.qos > 0) this.guaranteed++;
    return at;
  }

  private writeGroup(at: number, first: number, second: number, triedMask: number, hash: number): void {
    const out = this.view;
    out.setUint32(at, first, true);
    out.setUint32(at + 4, second, true);
    out.setUint32(at + 8, triedMask, true);
    out.setUint32(at + 12, hash, true);
  }

  private writeAuthor(author: Author, at: number): void {
    this.view.setUint32(at, author.length, true);
    this.bytes.write(author, at + AUTHOR_HEAD_BYTES, 'latin1');
  }

  private grow(needed: number, used: number): void {
    const old = this.bytes;
    let capacity = old.length * 2;
    while (capacity < needed) capacity *= 2;
    // A single huge message gets what it needs and no power of two above it.
    this.allocate(needed > PEER_SCRATCH_KEEP_BYTES_MAX ? needed : capacity);
    this.bytes.set(old.subarray(0, used));
  }

  private allocate(capacity: number): void {
    this.bytes = withWords(Buffer.from(new ArrayBuffer(capacity)));
    this.view = new DataView(this.bytes.buffer);
  }
}

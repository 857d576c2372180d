/**
 * The form in which messages travel between shards: records, one behind the other, in one buffer. Written and read
 * on the shards' threads.
 */
import { assert } from '../base/assert.js';
import { copyBytes } from '../base/bytes.js';
import { PEER_SCRATCH_KEEP_BYTES_MAX, PEER_SCRATCH_START_BYTES, PEER_TEXT_BYTES_MAX } from '../limits.js';
import { type Author, asAuthor } from './author.js';
import {
  AUTHOR_HEAD_BYTES,
  authorAt,
  GROUP_BYTES,
  MARK_AUTHOR,
  MARK_EXPIRES,
  MARK_RETAIN,
  RECORD_HEAD_BYTES,
  WITH_GROUP,
  writeHead,
} from './batch-record.js';
import { expiryTimeMs, isSysTopic, type Message } from './message.js';
import type { PublishView } from './mqtt/publish-view.js';

export {
  RECORD_BOUNCE,
  RECORD_DELIVER,
  RECORD_DURABLE,
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
  private bytes: Buffer<ArrayBuffer> = Buffer.from(new ArrayBuffer(PEER_SCRATCH_START_BYTES));
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
    const at = this.end;
    const size = this.record(view, flags, RECORD_HEAD_BYTES + GROUP_BYTES);
    const out = this.view;
    out.setUint32(at + RECORD_HEAD_BYTES, groupId, true);
    out.setUint32(at + RECORD_HEAD_BYTES + 4, sourceGroupId, true);
    out.setUint32(at + RECORD_HEAD_BYTES + 8, triedMask, true);
    out.setUint32(at + RECORD_HEAD_BYTES + 12, hash, true);
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
      const at = this.head(view, flags, size, 0, 0);
      const to = this.bytes;
      let next = copyBytes(view.topicBytes, view.topicStart, view.topicEnd, to, at + headBytes);
      next = copyBytes(view.propertyBytes, view.propertiesStart, view.propertiesEnd, to, next);
      copyBytes(view.bytes, view.payloadStart, view.payloadEnd, to, next);
      return size;
    }
    const sizeTogether = size + propertiesGap + payloadGap;
    const at = this.head(view, flags, sizeTogether, propertiesGap, payloadGap);
    // Always the engine's own copy: 45 ns for what a topic and a payload have, where a loop takes 1 ns a byte.
    this.bytes.set(view.bytes.subarray(view.topicStart, view.payloadEnd), at + headBytes);
    return sizeTogether;
  }

  // @returns where the record begins.
  private head(
    view: PublishView,
    flags: number,
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
    if (view.author !== null) this.writeAuthor(view.author, authorAt(at, flags));
    this.end = at + size;
    this.records++;
    if (view.qos > 0) this.guaranteed++;
    return at;
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
    this.bytes = Buffer.from(new ArrayBuffer(capacity));
    this.view = new DataView(this.bytes.buffer);
  }
}

const NO_BYTES = Buffer.alloc(0);
const NO_VIEW = new DataView(NO_BYTES.buffer, 0, 0);

/** Walks the records of one batch after the other; may stop between two records and go on in a later turn. */
export class BatchReader {
  /** Of the record read last: RECORD_ flags. */
  flags = 0;
  /** The four below only with SHARE or BOUNCE. The reader's own number of its group. */
  groupId = 0;
  /** The sender's number of the same group. */
  sourceGroupId = 0;
  /** One bit per shard that had no member, unsigned. */
  triedMask = 0;
  /** What hashing strategies choose by. */
  hash = 0;

  private bytes: Buffer = NO_BYTES;
  private view: DataView = NO_VIEW;
  private at = 0;
  private end = 0;
  /** Where texts are read, one after the other; made for the first one. */
  private scratch: Buffer = NO_BYTES;
  private scratchView = NO_VIEW;

  /** Records lie behind `headBytes`, and are `length` bytes. */
  open(bytes: ArrayBuffer, length: number, headBytes = 0): void {
    this.bytes = Buffer.from(bytes);
    this.view = new DataView(bytes);
    this.begin(length, headBytes);
  }

  /** As `open`; the text has a character per byte. */
  openText(text: string, length: number, headBytes: number): void {
    if (this.scratch === NO_BYTES) {
      const memory = new ArrayBuffer(PEER_TEXT_BYTES_MAX);
      this.scratch = Buffer.from(memory);
      this.scratchView = new DataView(memory);
    }
    this.bytes = this.scratch;
    this.view = this.scratchView;
    this.bytes.write(text, 'latin1');
    this.begin(length, headBytes);
  }

  private begin(length: number, headBytes: number): void {
    this.at = headBytes;
    this.end = headBytes + length;
    assert(this.end <= this.bytes.length, 'a batch lies within its buffer');
  }

  /** Lets go of the buffer. */
  close(): void {
    this.bytes = NO_BYTES;
    this.view = NO_VIEW;
    this.at = this.end = 0;
  }

  get atEnd(): boolean {
    return this.at >= this.end;
  }

  /** Bytes not read yet. */
  get bytesLeft(): number {
    return this.end - this.at;
  }

  /** Fills `view` from the next record; it points into the batch and is valid until `close`. Not at the end. */
  next(view: PublishView): void {
    const from = this.view;
    const bytes = this.bytes;
    const at = this.at;
    const size = from.getUint32(at, true);
    const recordEnd = at + size;
    // Guards the walk against a bug on the other side: it must move, and stay inside.
    assert(size >= RECORD_HEAD_BYTES && recordEnd <= this.end, 'a record lies within its batch');
    this.at = recordEnd;
    const flags = from.getUint8(at + 4);
    const marks = from.getUint8(at + 5);
    this.flags = flags;
    if ((flags & WITH_GROUP) !== 0) this.readGroup(at + RECORD_HEAD_BYTES);
    let topicStart = authorAt(at, flags);
    let author: Author | null = null;
    if ((marks & MARK_AUTHOR) !== 0) {
      author = this.readAuthor(topicStart);
      topicStart += AUTHOR_HEAD_BYTES + author.length;
    }
    const topicEnd = topicStart + from.getUint16(at + 6, true);
    const propertiesStart = topicEnd + from.getUint16(at + 24, true);
    const propertiesEnd = propertiesStart + from.getUint32(at + 8, true);
    const receivedAtMs = from.getFloat64(at + 12, true);
    const expirySeconds = (marks & MARK_EXPIRES) === 0 ? -1 : from.getUint32(at + 20, true);
    view.bytes = bytes;
    view.topicBytes = bytes;
    view.propertyBytes = bytes;
    view.topicStart = topicStart;
    view.topicEnd = topicEnd;
    view.propertiesStart = propertiesStart;
    view.propertiesEnd = propertiesEnd;
    view.payloadStart = propertiesEnd + from.getUint16(at + 26, true);
    view.payloadEnd = recordEnd;
    view.qos = marks & 3;
    view.retain = (marks & MARK_RETAIN) !== 0;
    view.dup = false;
    view.packetId = 0;
    view.topicAlias = 0;
    view.expirySeconds = expirySeconds;
    view.receivedAtMs = receivedAtMs;
    view.expiresAtMs = expiryTimeMs(receivedAtMs, expirySeconds);
    view.isSys = isSysTopic(bytes, topicStart, topicEnd);
    view.author = author;
    view.stored = null;
  }

  private readAuthor(at: number): Author {
    const start = at + AUTHOR_HEAD_BYTES;
    return asAuthor(this.bytes.toString('latin1', start, start + this.view.getUint32(at, true)));
  }

  private readGroup(at: number): void {
    const from = this.view;
    this.groupId = from.getUint32(at, true);
    this.sourceGroupId = from.getUint32(at + 4, true);
    this.triedMask = from.getUint32(at + 8, true);
    this.hash = from.getUint32(at + 12, true);
  }
}

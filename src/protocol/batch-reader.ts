/** Reads what batch.ts has written. On the shards' threads. */
import { assert } from '../base/assert.js';
import { withWords } from '../base/bytes.js';
import { PEER_TEXT_BYTES_MAX } from '../limits.js';
import { type Author, asAuthor } from './author.js';
import {
  AUTHOR_HEAD_BYTES,
  authorAt,
  MARK_AUTHOR,
  MARK_EXPIRES,
  MARK_RETAIN,
  RECORD_HEAD_BYTES,
  RECORD_NAMED,
  WITH_GROUP,
} from './batch-record.js';
import { expiryTimeMs, isSysTopic } from './message.js';
import type { PublishView } from './mqtt/publish-view.js';

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
  /** With NAMED, where both numbers say nothing. */
  filter = '';
  name = '';

  private bytes: Buffer = NO_BYTES;
  private view: DataView = NO_VIEW;
  private at = 0;
  private end = 0;
  /** Where texts are read, one after the other; made for the first one. */
  private scratch: Buffer = NO_BYTES;
  private scratchView = NO_VIEW;

  /** Records lie behind `headBytes`, and are `length` bytes. */
  open(bytes: ArrayBuffer, length: number, headBytes = 0): void {
    this.view = new DataView(bytes);
    this.bytes = withWords(Buffer.from(bytes), this.view);
    this.begin(length, headBytes);
  }

  /** As `open`; the text has a character per byte. */
  openText(text: string, length: number, headBytes: number): void {
    if (this.scratch === NO_BYTES) {
      const memory = new ArrayBuffer(PEER_TEXT_BYTES_MAX);
      this.scratchView = new DataView(memory);
      this.scratch = withWords(Buffer.from(memory), this.scratchView);
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

  /** Passes over a record. Not at the end. */
  skip(): void {
    this.at += this.view.getUint32(this.at, true);
    assert(this.at <= this.end, 'a record lies within its batch');
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
    if ((flags & RECORD_NAMED) !== 0) topicStart = this.readNames(topicStart);
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

  // @returns where they end.
  private readNames(at: number): number {
    const nameAt = at + this.groupId;
    const end = nameAt + this.sourceGroupId;
    this.filter = this.bytes.toString('utf8', at, nameAt);
    this.name = this.bytes.toString('utf8', nameAt, end);
    return end;
  }

  private readGroup(at: number): void {
    const from = this.view;
    this.groupId = from.getUint32(at, true);
    this.sourceGroupId = from.getUint32(at + 4, true);
    this.triedMask = from.getUint32(at + 8, true);
    this.hash = from.getUint32(at + 12, true);
  }
}

/**
 * One PUBLISH as offsets into the bytes where they lie. A shard has one (or a few) of them, refilled per
 * message and never kept: whatever must outlive the turn takes `message()`.
 */
import { copyBytes, withWords } from '../../base/bytes.js';
import { MESSAGE_TEXT_BYTES_MAX } from '../../limits.js';
import type { Author } from '../author.js';
import { expiryTimeMs, isSysTopic, Message } from '../message.js';

const EMPTY = Buffer.alloc(0);

// Where parts that lie apart are brought together on their way into a string; empty between two calls.
const gatherBytes = Buffer.allocUnsafeSlow(MESSAGE_TEXT_BYTES_MAX);

export class PublishView {
  /**
   * Wall time of this turn in milliseconds since 1970; the owner sets it once per turn, before it decodes.
   */
  nowMs = Number.NaN;

  /** The bytes that hold the payload, and the topic unless an alias stands for it. */
  bytes: Buffer = EMPTY;
  payloadStart = 0;
  payloadEnd = 0;

  /** Not always `bytes`: the topic of an alias lies in its connection's table. */
  topicBytes: Buffer = EMPTY;
  topicStart = 0;
  topicEnd = 0;

  /**
   * MQTT 5 properties that travel unchanged (all but topic alias, message expiry and subscription
   * identifier), in their order. Not always `bytes`.
   */
  propertyBytes: Buffer = EMPTY;
  propertiesStart = 0;
  propertiesEnd = 0;

  qos = 0;
  retain = false;
  dup = false;
  /** 0 with QoS 0. */
  packetId = 0;
  /** 0: none. */
  topicAlias = 0;
  /** As the publisher gave it; -1: none. */
  expirySeconds = -1;
  /** Milliseconds since 1970. */
  receivedAtMs = Number.NaN;
  /** Milliseconds since 1970, Infinity for never. */
  expiresAtMs = Number.POSITIVE_INFINITY;
  /** The topic begins with `$SYS/`. */
  isSys = false;
  /** Who published it, as `Message` has it; to be set before `message()` is asked for. */
  author: Author | null = null;

  /** The stored form of what is in the view, once somebody has asked for it. */
  stored: Message | null = null;

  // Properties without those that do not travel; grows to the largest seen, which the packet size bounds.
  private scratch: Buffer = EMPTY;
  // A small stored message as bytes again.
  private readonly loaded: Buffer = withWords(Buffer.allocUnsafeSlow(MESSAGE_TEXT_BYTES_MAX));

  /**
   * Room of at least `length` bytes for pass-through properties; valid until the next fill. For the decoder.
   */
  propertyScratch(length: number): Buffer {
    if (this.scratch.length < length) this.scratch = Buffer.allocUnsafeSlow(Math.max(length, 256));
    return this.scratch;
  }

  /** Puts the topic that a topic alias stands for in the place of the empty one. */
  useTopic(bytes: Buffer, start: number, end: number): void {
    this.topicBytes = bytes;
    this.topicStart = start;
    this.topicEnd = end;
    this.isSys = isSysTopic(bytes, start, end);
    this.stored = null;
  }

  /** @returns the immutable form of this PUBLISH, made once per fill. */
  message(): Message {
    if (this.stored === null) this.stored = this.store();
    return this.stored;
  }

  /** Refills the view from a stored message, as if it had just come with its first expiry. */
  load(message: Message): this {
    let bytes: Buffer;
    if (typeof message.data === 'string') {
      bytes = this.loaded;
      bytes.write(message.data, 0, 'latin1');
    } else {
      bytes = message.data;
    }
    this.bytes = this.topicBytes = this.propertyBytes = bytes;
    this.topicStart = 0;
    this.topicEnd = message.topicEnd;
    this.propertiesStart = message.propertiesStart;
    this.propertiesEnd = message.propertiesEnd;
    this.payloadStart = message.payloadStart;
    this.payloadEnd = message.data.length;
    this.qos = message.qos;
    this.retain = message.retain;
    this.dup = false;
    this.packetId = 0;
    this.topicAlias = 0;
    this.receivedAtMs = message.receivedAtMs;
    this.expiresAtMs = message.expiresAtMs;
    this.expirySeconds =
      message.expiresAtMs === Number.POSITIVE_INFINITY
        ? -1
        : Math.round((message.expiresAtMs - message.receivedAtMs) / 1000);
    this.isSys = message.isSys;
    this.author = message.author;
    this.stored = message;
    return this;
  }

  /** Takes `nowMs` as the time of receipt and reckons when the message expires. For the decoder. */
  stamp(expirySeconds: number): void {
    this.expirySeconds = expirySeconds;
    this.receivedAtMs = this.nowMs;
    this.expiresAtMs = expiryTimeMs(this.nowMs, expirySeconds);
  }

  private store(): Message {
    if (this.topicBytes === this.bytes && this.propertyBytes === this.bytes) {
      return this.storeRange(this.bytes, this.topicStart, this.payloadEnd);
    }
    const topicLength = this.topicEnd - this.topicStart;
    const propertiesEnd = topicLength + this.propertiesEnd - this.propertiesStart;
    const length = propertiesEnd + this.payloadEnd - this.payloadStart;
    const isText = length <= MESSAGE_TEXT_BYTES_MAX;
    const out = isText ? gatherBytes : Buffer.allocUnsafeSlow(length);
    copyBytes(this.topicBytes, this.topicStart, this.topicEnd, out, 0);
    copyBytes(this.propertyBytes, this.propertiesStart, this.propertiesEnd, out, topicLength);
    copyBytes(this.bytes, this.payloadStart, this.payloadEnd, out, propertiesEnd);
    const data = isText ? out.toString('latin1', 0, length) : out;
    return this.asMessage(data, topicLength, topicLength, propertiesEnd, propertiesEnd);
  }

  // One copy of the packet from topic to payload, with the packet id and property length between them:
  // cheaper than three.
  private storeRange(bytes: Buffer, start: number, end: number): Message {
    const isText = end - start <= MESSAGE_TEXT_BYTES_MAX;
    const data = isText ? bytes.toString('latin1', start, end) : exactCopy(bytes, start, end);
    return this.asMessage(
      data,
      this.topicEnd - start,
      this.propertiesStart - start,
      this.propertiesEnd - start,
      this.payloadStart - start,
    );
  }

  private asMessage(
    data: string | Buffer,
    topicEnd: number,
    propertiesStart: number,
    propertiesEnd: number,
    payloadStart: number,
  ): Message {
    return new Message(
      data,
      topicEnd,
      propertiesStart,
      propertiesEnd,
      payloadStart,
      this.qos,
      this.retain,
      this.receivedAtMs,
      this.expiresAtMs,
      this.isSys,
      this.author,
    );
  }
}

function exactCopy(bytes: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(end - start);
  bytes.copy(copy, 0, start, end);
  return copy;
}

/**
 * Many filters that one shard is interested in, as one buffer: a shard that begins tells all its interest to each of
 * the others, which may be millions of filters. On shards.
 *
 * A filter: u16 bytes (little-endian), u8 marks, its text in UTF-8.
 */
import { INTEREST_LOT_BYTES } from '../limits.js';
import { TOPIC_BYTES_MAX } from '../protocol/topic.js';
import type { Locality } from './peer-protocol.js';

const HEAD_BYTES = 3;
const MARK_DURABLE = 1;
const MARK_SOME_LOCAL = 2;
const MARK_ONLY_LOCAL = 4;

/** Gathers one lot after the other. */
export class InterestWriter {
  private readonly bytes = Buffer.allocUnsafeSlow(INTEREST_LOT_BYTES + HEAD_BYTES + TOPIC_BYTES_MAX);
  private end = 0;

  get isEmpty(): boolean {
    return this.end === 0;
  }

  get isFull(): boolean {
    return this.end >= INTEREST_LOT_BYTES;
  }

  /** Adds the filter `text[start, end)`. Not to a full lot. */
  add(text: Uint8Array, start: number, end: number, durable: boolean, local: Locality | undefined): void {
    const { bytes } = this;
    const length = end - start;
    let at = this.end;
    bytes[at] = length & 0xff;
    bytes[at + 1] = length >>> 8;
    bytes[at + 2] =
      (durable ? MARK_DURABLE : 0) |
      (local === undefined ? 0 : local === 'some' ? MARK_SOME_LOCAL : MARK_ONLY_LOCAL);
    at += HEAD_BYTES;
    for (let from = start; from < end; from += 1, at += 1) bytes[at] = text[from]!;
    this.end = at;
  }

  /** @returns the lot, to be transferred; the next one begins empty */
  take(): ArrayBuffer {
    const { buffer, byteOffset } = this.bytes;
    const lot = buffer.slice(byteOffset, byteOffset + this.end);
    this.end = 0;
    return lot as ArrayBuffer;
  }
}

/** Walks the filters of a lot. */
export class InterestReader {
  readonly bytes: Uint8Array;
  /** Of the filter that `next` has found: its text is `bytes[start, end)`. */
  start = 0;
  end = 0;
  durable = false;
  local: Locality | undefined;

  constructor(lot: ArrayBuffer) {
    this.bytes = new Uint8Array(lot);
  }

  /** @returns false: there are no more */
  next(): boolean {
    const { bytes, end } = this;
    if (end >= bytes.length) return false;
    const marks = bytes[end + 2]!;
    this.start = end + HEAD_BYTES;
    this.end = this.start + (bytes[end]! | (bytes[end + 1]! << 8));
    this.durable = (marks & MARK_DURABLE) !== 0;
    this.local =
      (marks & MARK_SOME_LOCAL) !== 0 ? 'some' : (marks & MARK_ONLY_LOCAL) !== 0 ? 'only' : undefined;
    return true;
  }
}

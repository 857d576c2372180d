/**
 * Many filters that one shard is interested in, as one buffer: a shard that begins tells all its interest to each of
 * the others, which may be millions of filters. On shards.
 *
 * A filter: u16 how many bytes it begins with that are those of the one before, u16 how many others follow
 * (little-endian both), u8 marks, these others in UTF-8. Filters of one device differ in their last level.
 */
import { INTEREST_LOT_BYTES } from '../limits.js';
import { TOPIC_BYTES_MAX } from '../protocol/topic.js';
import type { Locality } from './peer-protocol.js';

const HEAD_BYTES = 5;
const MARK_DURABLE = 1;
const MARK_SOME_LOCAL = 2;
const MARK_ONLY_LOCAL = 4;

/** Of the filter that was read last; a lot is read to its end before another one is. */
const text = new Uint8Array(TOPIC_BYTES_MAX);

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

  /**
   * Adds the filter that begins with `same` bytes of the one before in this lot, and goes on with `rest[start, end)`.
   * Not to a full lot.
   */
  add(
    same: number,
    rest: Uint8Array,
    start: number,
    end: number,
    durable: boolean,
    local: Locality | undefined,
  ): void {
    const { bytes } = this;
    const length = end - start;
    let at = this.end;
    bytes[at] = same & 0xff;
    bytes[at + 1] = same >>> 8;
    bytes[at + 2] = length & 0xff;
    bytes[at + 3] = length >>> 8;
    bytes[at + 4] =
      (durable ? MARK_DURABLE : 0) |
      (local === undefined ? 0 : local === 'some' ? MARK_SOME_LOCAL : MARK_ONLY_LOCAL);
    at += HEAD_BYTES;
    for (let from = start; from < end; from += 1, at += 1) bytes[at] = rest[from]!;
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
  /** Holds the filter that `next` has found, as `bytes[0, end)`. */
  readonly bytes: Uint8Array = text;
  end = 0;
  durable = false;
  local: Locality | undefined;
  private readonly lot: Uint8Array;
  private at = 0;

  constructor(lot: ArrayBuffer) {
    this.lot = new Uint8Array(lot);
  }

  /** @returns false: there are no more */
  next(): boolean {
    const { lot, bytes } = this;
    let from = this.at;
    if (from >= lot.length) return false;
    let to = lot[from]! | (lot[from + 1]! << 8);
    const end = to + (lot[from + 2]! | (lot[from + 3]! << 8));
    const marks = lot[from + 4]!;
    from += HEAD_BYTES;
    for (; to < end; from += 1, to += 1) bytes[to] = lot[from]!;
    this.at = from;
    this.end = end;
    this.durable = (marks & MARK_DURABLE) !== 0;
    this.local =
      (marks & MARK_SOME_LOCAL) !== 0 ? 'some' : (marks & MARK_ONLY_LOCAL) !== 0 ? 'only' : undefined;
    return true;
  }
}

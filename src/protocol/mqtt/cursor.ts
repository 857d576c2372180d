/**
 * Reads the fields of a rarer packet one after the other; the first error sticks and later reads give
 * nothing. Any thread.
 */
import { binaryEnd, readUint16, stringEnd } from './fields.js';
import type { PropertyPlace } from './properties.js';
import type { PropertyReader } from './property-reader.js';
import { ReasonCode } from './reason-code.js';
import { readVarint, varintBytes } from './varint.js';

const EMPTY = Buffer.alloc(0);

export class Cursor {
  /** 0, or the reason code of the first error. */
  reason: number = ReasonCode.Success;

  constructor(
    readonly bytes: Buffer,
    public at: number,
    readonly end: number,
  ) {}

  byte(): number {
    return this.take(1) ? this.bytes[this.at - 1]! : 0;
  }

  uint16(): number {
    return this.take(2) ? readUint16(this.bytes, this.at - 2) : 0;
  }

  /** A valid UTF-8 string. */
  string(): string {
    const start = this.at + 2;
    return this.jump(stringEnd(this.bytes, this.at, this.end))
      ? this.bytes.toString('utf8', start, this.at)
      : '';
  }

  /** A copy of the bytes of a valid UTF-8 string. */
  stringBytes(): Buffer {
    const start = this.at + 2;
    return this.jump(stringEnd(this.bytes, this.at, this.end)) ? this.copy(start) : EMPTY;
  }

  /** A copy of binary data. */
  binary(): Buffer {
    const start = this.at + 2;
    return this.jump(binaryEnd(this.bytes, this.at, this.end)) ? this.copy(start) : EMPTY;
  }

  /** Reads properties into `reader`, which is empty after an error. */
  properties(reader: PropertyReader, place: PropertyPlace): void {
    reader.clear(this.at);
    if (this.reason !== ReasonCode.Success) return;
    this.reason = reader.read(this.bytes, this.at, this.end, place);
    if (this.reason === ReasonCode.Success) this.at = reader.end;
    else reader.clear(this.at);
  }

  /** Goes over properties without a look at them. */
  skipProperties(): void {
    const length = readVarint(this.bytes, this.at, this.end);
    if (length < 0) this.fail(ReasonCode.MalformedPacket);
    else this.take(varintBytes(length) + length);
  }

  /** Nothing may be left. */
  finish(): void {
    if (this.at !== this.end) this.fail(ReasonCode.MalformedPacket);
  }

  /** Keeps the first error. */
  fail(reason: ReasonCode): void {
    if (this.reason === ReasonCode.Success) this.reason = reason;
  }

  private take(length: number): boolean {
    return this.jump(this.at + length <= this.end ? this.at + length : -ReasonCode.MalformedPacket);
  }

  private jump(next: number): boolean {
    if (next < 0) this.fail(ReasonCode.MalformedPacket);
    if (this.reason !== ReasonCode.Success) return false;
    this.at = next;
    return true;
  }

  private copy(start: number): Buffer {
    return Buffer.from(this.bytes.subarray(start, this.at));
  }
}

/**
 * Writes and reads the contents of rows, field by field, little-endian. A reader may be given any bytes: past their end
 * it reads zeros and remembers that. Used on shards and on main.
 */
import { FIELDS_SCRATCH_BYTES } from '../limits.js';
import { CONTENT_AT, contentEnd, FRAME_BYTES, seal } from './framing.js';

const NO_BYTES = Buffer.alloc(0);

export class FieldWriter {
  private buffer = Buffer.allocUnsafeSlow(FIELDS_SCRATCH_BYTES);
  private at = CONTENT_AT;

  u8(value: number): this {
    this.need(1);
    this.at = this.buffer.writeUInt8(value, this.at);
    return this;
  }

  u16(value: number): this {
    this.need(2);
    this.at = this.buffer.writeUInt16LE(value, this.at);
    return this;
  }

  u32(value: number): this {
    this.need(4);
    this.at = this.buffer.writeUInt32LE(value, this.at);
    return this;
  }

  f64(value: number): this {
    this.need(8);
    this.at = this.buffer.writeDoubleLE(value, this.at);
    return this;
  }

  /** With its length before it. */
  bytes(value: Uint8Array): this {
    this.u32(value.length);
    this.need(value.length);
    this.buffer.set(value, this.at);
    this.at += value.length;
    return this;
  }

  /** As `bytes`, in UTF-8. */
  text(value: string): this {
    const length = Buffer.byteLength(value, 'utf8');
    this.u32(length);
    this.need(length);
    this.at += this.buffer.write(value, this.at, 'utf8');
    return this;
  }

  /** @returns all fields, framed as the value of `key`; the next row starts empty */
  take(key: Buffer, version: number): Buffer {
    const value = Buffer.allocUnsafeSlow(this.at - CONTENT_AT + FRAME_BYTES);
    this.buffer.copy(value, CONTENT_AT, CONTENT_AT, this.at);
    this.at = CONTENT_AT;
    if (this.buffer.length > FIELDS_SCRATCH_BYTES) this.buffer = Buffer.allocUnsafeSlow(FIELDS_SCRATCH_BYTES);
    return seal(key, value, version);
  }

  private need(bytes: number): void {
    const { at, buffer } = this;
    if (at + bytes <= buffer.length) return;
    this.buffer = Buffer.allocUnsafeSlow(Math.max(buffer.length * 2, at + bytes));
    buffer.copy(this.buffer, 0, 0, at);
  }
}

export class FieldReader {
  private content: Buffer = NO_BYTES;
  private at = 0;
  private end = 0;
  private isShort = false;

  /** Begins with the content of a framed value. */
  open(value: Buffer): this {
    this.content = value;
    this.at = CONTENT_AT;
    this.end = contentEnd(value);
    this.isShort = false;
    return this;
  }

  /** Every field was there, and nothing follows. */
  get isWhole(): boolean {
    return !this.isShort && this.at === this.end;
  }

  u8(): number {
    const at = this.step(1);
    return at < 0 ? 0 : this.content[at]!;
  }

  u16(): number {
    const at = this.step(2);
    return at < 0 ? 0 : this.content.readUInt16LE(at);
  }

  u32(): number {
    const at = this.step(4);
    if (at < 0) return 0;
    const { content } = this;
    return (
      (content[at]! | (content[at + 1]! << 8) | (content[at + 2]! << 16) | (content[at + 3]! << 24)) >>> 0
    );
  }

  f64(): number {
    const at = this.step(8);
    return at < 0 ? 0 : this.content.readDoubleLE(at);
  }

  /** @returns a copy */
  bytes(): Buffer {
    const length = this.u32();
    const at = this.step(length);
    return at < 0 || length === 0 ? NO_BYTES : Buffer.from(this.content.subarray(at, at + length));
  }

  text(): string {
    const length = this.u32();
    const at = this.step(length);
    return at < 0 ? '' : this.content.toString('utf8', at, at + length);
  }

  /** Passes over bytes or a text. */
  skip(): void {
    this.step(this.u32());
  }

  // @returns where the field lies; -1: not all of it is there
  private step(bytes: number): number {
    const { at } = this;
    if (this.isShort || at + bytes > this.end) {
      this.isShort = true;
      return -1;
    }
    this.at = at + bytes;
    return at;
  }
}

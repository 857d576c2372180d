/**
 * Reads the frames of one WebSocket client out of chunks, where they lie: payloads lose their mask and move together,
 * so that a chunk gives one run of bytes however many frames it held. Pure; any thread.
 */
import { isUtf8 } from 'node:buffer';
import {
  CloseCode,
  CONTROL_BIT,
  CONTROL_PAYLOAD_BYTES_MAX,
  FIN_BIT,
  FRAME_HEADER_BYTES_MAX,
  isCloseCode,
  LENGTH_16,
  LENGTH_64,
  LENGTH_BITS,
  MASK_BIT,
  OPCODE_BITS,
  Opcode,
  RSV_BITS,
} from './frame.js';
import { turnMask, unmask, viewOf } from './unmask.js';

/** Whether more frames may come, and if not, why. */
export const FrameEnd = { None: 0, Closed: 1, Violation: 2, Text: 3, TooLarge: 4 } as const;
export type FrameEnd = (typeof FrameEnd)[keyof typeof FrameEnd];

const NOTHING = new Uint8Array(0);
const MASK_BYTES = 4;

export class FrameDecoder {
  /** Payload of the data frames in the chunk decoded last: its `[payloadStart, payloadEnd)`. */
  payloadStart = 0;
  payloadEnd = 0;
  /** Once it is set, nothing more is decoded. */
  end: FrameEnd = FrameEnd.None;
  /** The code to answer the end with; CloseCode.None: a close frame without one. */
  closeCode: number = CloseCode.None;
  /** Size of the payload of the last whole ping in the chunk decoded last; -1: there was none. */
  pingBytes = -1;

  /** Of the frame being read: bytes of its header, 0 while that is not known. */
  private headerBytes = 0;
  /** What has come of the header, where it is split between chunks. */
  private header: Uint8Array = NOTHING;
  private headerLength = 0;
  private isPayload = false;
  private opcode = 0;
  /** Payload bytes that have not come yet. */
  private missing = 0;
  private mask = 0;
  /** A data message has begun that its next frame continues. */
  private isFragmented = false;
  /** Payload of the control frame being read, without its mask, and of the last ping; they change places. */
  private control: Uint8Array = NOTHING;
  private controlLength = 0;
  private ping: Uint8Array = NOTHING;

  /** @param frameBytesMax largest payload of a data frame. Nothing is kept of it, so it bounds no memory. */
  constructor(private readonly frameBytesMax: number) {}

  /** Valid until the next chunk is decoded. */
  get pingPayload(): Uint8Array {
    return this.ping.subarray(0, Math.max(0, this.pingBytes));
  }

  /** Decodes `bytes[start, end)`, and overwrites it. */
  decode(bytes: Uint8Array, start: number, end: number): void {
    const view = viewOf(bytes);
    const base = bytes.byteOffset;
    this.pingBytes = -1;
    this.payloadStart = this.payloadEnd = start;
    let hasPayload = false;
    let to = start;
    let at = start;
    while (at < end && this.end === FrameEnd.None) {
      if (!this.isPayload) {
        at = this.readHeader(bytes, at, end);
        continue;
      }
      const size = Math.min(this.missing, end - at);
      if (this.opcode >= CONTROL_BIT) {
        this.readControl(bytes, at, size);
      } else {
        if (!hasPayload) {
          hasPayload = true;
          this.payloadStart = to = at;
        }
        unmask(view, base + at, base + at + size, base + to, this.mask);
        to += size;
        this.consume(size);
      }
      at += size;
    }
    if (hasPayload) this.payloadEnd = to;
  }

  private consume(size: number): void {
    this.missing -= size;
    if (this.missing === 0) this.isPayload = false;
    else this.mask = turnMask(this.mask, size);
  }

  /** @returns where reading goes on. */
  private readHeader(bytes: Uint8Array, at: number, end: number): number {
    if (this.headerLength > 0) return this.gatherHeader(bytes, at, end);
    if (end - at < 2) return this.gatherHeader(bytes, at, end);
    const size = this.begin(bytes[at]!, bytes[at + 1]!);
    if (this.end !== FrameEnd.None) return end;
    if (end - at < size) return this.gatherHeader(bytes, at, end);
    this.open(bytes, at);
    return at + size;
  }

  // A header that is split between chunks is put together aside.
  private gatherHeader(bytes: Uint8Array, at: number, end: number): number {
    if (this.header === NOTHING) this.header = new Uint8Array(FRAME_HEADER_BYTES_MAX);
    const { header } = this;
    while (at < end) {
      header[this.headerLength++] = bytes[at++]!;
      if (this.headerLength === 2 && this.headerBytes === 0) this.begin(header[0]!, header[1]!);
      if (this.end !== FrameEnd.None) return end;
      if (this.headerLength !== this.headerBytes) continue;
      this.headerLength = 0;
      this.open(header, 0);
      return at;
    }
    return at;
  }

  /** Checks what the first two bytes say. @returns the size of the header. */
  private begin(first: number, second: number): number {
    const opcode = first & OPCODE_BITS;
    const isFinal = (first & FIN_BIT) !== 0;
    const length = second & LENGTH_BITS;
    this.opcode = opcode;
    if ((first & RSV_BITS) !== 0 || (second & MASK_BIT) === 0) this.violate();
    else if (opcode >= CONTROL_BIT) {
      if (opcode > Opcode.Pong || !isFinal || length > CONTROL_PAYLOAD_BYTES_MAX) this.violate();
    } else if (opcode > Opcode.Binary || this.isFragmented !== (opcode === Opcode.Continuation)) {
      this.violate();
    } else if (opcode === Opcode.Text) {
      this.finish(FrameEnd.Text, CloseCode.Unsupported);
    } else {
      this.isFragmented = !isFinal;
    }
    const lengthBytes = length === LENGTH_64 ? 8 : length === LENGTH_16 ? 2 : 0;
    this.headerBytes = 2 + lengthBytes + MASK_BYTES;
    return this.headerBytes;
  }

  /** The header is whole: `from[at, at + headerBytes)`. */
  private open(from: Uint8Array, at: number): void {
    let length = from[at + 1]! & LENGTH_BITS;
    // A length in more bytes than it needs is forbidden.
    if (length === LENGTH_16) {
      length = (from[at + 2]! << 8) | from[at + 3]!;
      if (length < LENGTH_16) this.violate();
    } else if (length === LENGTH_64) {
      length = readLength64(from, at + 2);
      if (length <= 0xffff || length >= 2 ** 63) this.violate();
    }
    if (this.end !== FrameEnd.None) return;
    if (length > this.frameBytesMax && this.opcode < CONTROL_BIT) {
      this.finish(FrameEnd.TooLarge, CloseCode.TooLarge);
      return;
    }
    const key = at + this.headerBytes - MASK_BYTES;
    this.mask = from[key]! | (from[key + 1]! << 8) | (from[key + 2]! << 16) | (from[key + 3]! << 24);
    this.headerBytes = 0;
    this.missing = length;
    this.isPayload = length > 0;
    if (this.opcode < CONTROL_BIT) return;
    this.controlLength = 0;
    if (length === 0) this.endControl();
  }

  private readControl(bytes: Uint8Array, at: number, size: number): void {
    if (this.control === NOTHING) this.control = new Uint8Array(CONTROL_PAYLOAD_BYTES_MAX);
    for (let i = 0; i < size; i++) {
      this.control[this.controlLength++] = bytes[at + i]! ^ (turnMask(this.mask, i) & 0xff);
    }
    this.consume(size);
    if (this.missing === 0) this.endControl();
  }

  private endControl(): void {
    const { control, opcode, controlLength } = this;
    if (opcode === Opcode.Ping) {
      this.control = this.ping;
      this.ping = control;
      this.pingBytes = controlLength;
    } else if (opcode === Opcode.Close) {
      this.endClose(control.subarray(0, controlLength));
    }
  }

  private endClose(payload: Uint8Array): void {
    if (payload.length === 0) {
      this.finish(FrameEnd.Closed, CloseCode.None);
      return;
    }
    const code = payload.length === 1 ? 0 : (payload[0]! << 8) | payload[1]!;
    if (!isCloseCode(code)) this.violate();
    else if (isUtf8(payload.subarray(2))) this.finish(FrameEnd.Closed, code);
    else this.finish(FrameEnd.Violation, CloseCode.InvalidText);
  }

  private violate(): void {
    this.finish(FrameEnd.Violation, CloseCode.ProtocolError);
  }

  private finish(end: FrameEnd, closeCode: number): void {
    this.end = end;
    this.closeCode = closeCode;
  }
}

function readLength64(from: Uint8Array, at: number): number {
  let length = 0;
  for (let i = 0; i < 8; i++) length = length * 256 + from[at + i]!;
  return length;
}

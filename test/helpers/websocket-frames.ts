/**
 * WebSocket frames for tests, from the client's side. It shares no code with the broker and builds wrong frames as
 * easily as right ones.
 */
import { isUtf8 } from 'node:buffer';

export const CONTINUATION = 0;
export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** An HTTP request that a `ws` or `wss` listener answers with 101; `headers` come behind the others. */
export function upgradeRequest(headers: readonly string[] = []): string {
  const lines = [
    'GET /mqtt HTTP/1.1',
    'Host: localhost',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Protocol: mqtt',
    ...headers,
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

export interface FrameOptions {
  /** True unless said otherwise. */
  readonly fin?: boolean;
  /** The three reserved bits, 0 to 7. */
  readonly rsv?: number;
  /** Null: not masked. */
  readonly mask?: readonly number[] | null;
  /** How the length is written; the shortest way unless said otherwise. */
  readonly lengthBytes?: 0 | 2 | 8;
  /** What the header says in place of the payload's length. */
  readonly length?: bigint;
}

export function frame(opcode: number, payload: Uint8Array | string = '', options: FrameOptions = {}): Buffer {
  const { fin = true, rsv = 0, mask = [0x12, 0x34, 0x56, 0x78] } = options;
  const bytes = Buffer.from(payload);
  const length = options.length ?? BigInt(bytes.length);
  const lengthBytes = options.lengthBytes ?? (length < 126n ? 0 : length < 65_536n ? 2 : 8);
  const small = lengthBytes === 0 ? Number(length) : lengthBytes === 2 ? 126 : 127;
  const long = Buffer.alloc(8);
  long.writeBigUInt64BE(length);
  return Buffer.concat([
    Buffer.of((fin ? 0x80 : 0) | (rsv << 4) | opcode, (mask === null ? 0 : 0x80) | small),
    long.subarray(8 - lengthBytes),
    Buffer.from(mask ?? []),
    mask === null ? bytes : bytes.map((byte, i) => byte ^ mask[i & 3]!),
  ]);
}

export function closePayload(code: number, reason = ''): Buffer {
  return Buffer.concat([Buffer.of(code >> 8, code & 0xff), Buffer.from(reason)]);
}

/** A frame that a server has sent. */
export interface ServerFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/**
 * @returns the frames in `bytes`, all whole.
 * @throws Error when a server may not send them
 */
export function serverFrames(bytes: Buffer): ServerFrame[] {
  const frames: ServerFrame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const first = bytes.readUInt8(at);
    const small = bytes.readUInt8(at + 1);
    if ((first & 0xf0) !== 0x80 || (small & 0x80) !== 0) throw new Error('fragmented, reserved or masked');
    const lengthBytes = small === 127 ? 8 : small === 126 ? 2 : 0;
    const length =
      lengthBytes === 8
        ? Number(bytes.readBigUInt64BE(at + 2))
        : lengthBytes === 2
          ? bytes.readUInt16BE(at + 2)
          : small;
    if (lengthBytes !== (length < 126 ? 0 : length < 65_536 ? 2 : 8)) throw new Error('length not minimal');
    const start = at + 2 + lengthBytes;
    at = start + length;
    if (at > bytes.length) throw new Error('not whole');
    frames.push({ opcode: first & 0x0f, payload: bytes.subarray(start, at) });
  }
  return frames;
}

/** @returns the code of a close frame, null: it has none. */
export function closeCodeOf({ opcode, payload }: ServerFrame): number | null {
  if (opcode !== CLOSE || !isUtf8(payload.subarray(2))) throw new Error('no close frame');
  return payload.length === 0 ? null : payload.readUInt16BE(0);
}

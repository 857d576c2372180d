/**
 * The client's side of WebSocket as far as a load needs it: one binary frame per send, frames from the broker taken off
 * in place. Strict about what comes, since nobody else checks it. Runs on the generator's threads.
 */

/** The example of RFC 6455 section 1.3, so that the right answer is known. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

const BINARY_FRAME = 0x82;
const CLOSE_FRAME = 0x88;
/** Bytes of the longest header that the broker may send. */
const HEADER_BYTES_MAX = 10;
/** Where a frame's payload begins: behind the longest masked header, and on a whole word. */
const PAYLOAD_AT = 16;

/** @returns the request that opens a connection. */
export function upgradeRequest(port: number): Buffer {
  const lines = [
    'GET /mqtt HTTP/1.1',
    `Host: 127.0.0.1:${port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${KEY}`,
    'Sec-WebSocket-Protocol: mqtt',
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
}

/** @returns the bytes of the answer's head, or 0 as long as it is not whole. @throws Error when it refuses */
export function upgradeAnswerBytes(bytes: Buffer): number {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return 0;
  const head = bytes.toString('latin1', 0, end);
  if (!head.startsWith('HTTP/1.1 101 ') || !head.includes(ACCEPT)) throw new Error(`no WebSocket: ${head}`);
  return end + 4;
}

/** Puts frames around what is sent, one at a time. */
export class Framer {
  /** Bytes of the frame made last, at the beginning of what `frame` has returned. */
  length = 0;
  #words = new Uint32Array(0);
  #bytes: Buffer = Buffer.alloc(0);
  /** The buffer from where a frame begins, by the length of its header. */
  #frames: readonly [small: Buffer, medium: Buffer, large: Buffer] = [this.#bytes, this.#bytes, this.#bytes];

  /** @returns a buffer that begins with a masked frame, valid until the next one is made */
  frame(payload: Buffer, length: number): Buffer {
    this.#grow(PAYLOAD_AT + length);
    const frame = this.#frames[length < 126 ? 0 : length < 1 << 16 ? 1 : 2];
    frame[0] = BINARY_FRAME;
    if (frame === this.#frames[0]) {
      frame[1] = 0x80 | length;
    } else if (frame === this.#frames[1]) {
      frame[1] = 0x80 | 126;
      frame.writeUInt16BE(length, 2);
    } else {
      frame[1] = 0x80 | 127;
      frame.writeBigUInt64BE(BigInt(length), 2);
    }
    const mask = Math.floor(Math.random() * 2 ** 32);
    const words = this.#words;
    words[PAYLOAD_AT / 4 - 1] = mask;
    this.#bytes.set(length === payload.length ? payload : payload.subarray(0, length), PAYLOAD_AT);
    const end = PAYLOAD_AT + length;
    for (let word = PAYLOAD_AT / 4; word * 4 < end; word++) words[word]! ^= mask;
    this.length = end - (this.#bytes.length - frame.length);
    return frame;
  }

  #grow(length: number): void {
    if (length <= this.#bytes.length) return;
    this.#words = new Uint32Array(2 ** Math.ceil(Math.log2(length)));
    this.#bytes = Buffer.from(this.#words.buffer);
    this.#frames = [
      this.#bytes.subarray(PAYLOAD_AT - 6),
      this.#bytes.subarray(PAYLOAD_AT - 8),
      this.#bytes.subarray(PAYLOAD_AT - 14),
    ];
  }
}

/** Takes the frames off what one connection receives. */
export class Unframer {
  /** Of the payload of the frame that has begun, bytes that have not come. */
  #left = 0;
  readonly #header = Buffer.alloc(HEADER_BYTES_MAX);
  #headerBytes = 0;

  /**
   * Moves the payload in `bytes` together, from `start` on. @returns where it ends, or -1 when the broker closes
   * @throws Error for what a broker must not send
   */
  unframe(bytes: Buffer, start: number, end: number): number {
    let at = start;
    let to = start;
    for (;;) {
      const count = Math.min(this.#left, end - at);
      if (count > 0 && at !== to) bytes.copyWithin(to, at, at + count);
      this.#left -= count;
      to += count;
      at += count;
      if (at === end) return to;
      this.#header[this.#headerBytes++] = bytes[at++]!;
      if (this.#headerBytes > 1 && this.#headerBytes === this.#headerLength()) {
        if (this.#header[0] === CLOSE_FRAME) return -1;
        if (this.#header[0] !== BINARY_FRAME) throw new Error(`a frame of kind ${this.#header[0]}`);
        this.#left = this.#payloadLength();
        this.#headerBytes = 0;
      }
    }
  }

  #headerLength(): number {
    const short = this.#header[1]!;
    if (short > 127) throw new Error('a masked frame from the broker');
    return short < 126 ? 2 : short === 126 ? 4 : HEADER_BYTES_MAX;
  }

  #payloadLength(): number {
    const short = this.#header[1]!;
    if (short < 126) return short;
    return short === 126 ? this.#header.readUInt16BE(2) : Number(this.#header.readBigUInt64BE(2));
  }
}

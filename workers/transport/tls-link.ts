/** The link over a TLS socket whose handshake is done. Runs on the shard's thread. */
import { TLSSocket } from 'node:tls';
import { TLS_COPY_BYTES_MAX } from '../../src/limits.js';
import { type Link, type LinkHandler, NO_HANDLER } from './link.js';

export class TlsLink implements Link {
  handler: LinkHandler = NO_HANDLER;
  readonly headroomBytes = 0;
  private reason = 'closed';
  private paused = false;
  private closed = false;

  /** Reading begins after the current call, so whoever makes it has time to set the handler. */
  constructor(private readonly socket: TLSSocket) {
    socket.on('error', this.onError);
    socket.on('end', this.onEnd);
    socket.on('close', this.onClose);
    // The first time it is what starts the reading, then what gives out that which came during a pause.
    socket.on('data', this.onData);
    socket.push = this.onPush;
  }

  // The socket gives what it has decrypted to its stream by `push`, and the stream's books about what waits to be read
  // cost 0.4 us per read: whoever reads anyway gets it directly. `true` tells the socket to go on reading.
  private readonly onPush = (chunk: Buffer | null, encoding?: BufferEncoding): boolean => {
    const { socket } = this;
    if (chunk === null || this.paused || socket.readableLength > 0) {
      return TLSSocket.prototype.push.call(socket, chunk, encoding);
    }
    this.handler.onBytes(chunk, 0, chunk.length);
    return true;
  };

  private readonly onData = (bytes: Buffer): void => {
    this.handler.onBytes(bytes, 0, bytes.length);
  };

  // What OpenSSL complains about after the handshake is told and nothing more: the socket would stay open.
  private readonly onError = (error: NodeJS.ErrnoException): void => {
    this.reason = tlsEnd(error);
    this.socket.destroy();
  };

  // When the client resets the connection right behind its handshake, Node loses the error: it reports an end and keeps
  // the write that is under way for ever, so that the socket would never close. By the next turn of the loop the kernel
  // has what this turn has written for a client that has ended its side only.
  private readonly onEnd = (): void => {
    setImmediate(() => this.socket.destroy());
  };

  private readonly onClose = (): void => {
    if (this.closed) return;
    this.closed = true;
    this.handler.onLinkClosed(this.reason);
  };

  private readonly onFlushed = (error?: Error | null): void => {
    if (!this.closed && error == null) this.handler.onDrain();
  };

  // Node gives bytes to OpenSSL at once when no write is under way, and OpenSSL encrypts them into memory of its own:
  // the chunk is free, although the callback comes only in a later turn. Until then a little more is copied, because a
  // client that answers at once is not slow; behind more than that the stream keeps the chunk itself.
  write(chunk: Uint8Array, start: number, end: number): boolean {
    const { socket } = this;
    const bytes = end - start === chunk.length ? chunk : chunk.subarray(start, end);
    const waiting = socket.writableLength;
    if (waiting === 0) {
      socket.write(bytes);
      return true;
    }
    if (waiting + bytes.length <= TLS_COPY_BYTES_MAX) {
      socket.write(Buffer.from(bytes));
      return true;
    }
    socket.write(bytes, this.onFlushed);
    return false;
  }

  writeAll(chunks: readonly Uint8Array[]): boolean {
    const { socket } = this;
    const isFree = socket.writableLength === 0;
    const last = chunks.length - 1;
    socket.cork();
    for (let i = 0; i < last; i++) socket.write(chunks[i]!);
    if (isFree) socket.write(chunks[last]!);
    else socket.write(chunks[last]!, this.onFlushed);
    socket.uncork();
    return isFree;
  }

  pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.socket.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.socket.resume();
  }

  end(): void {
    this.socket.end();
    // As for every link: what still comes is read and thrown away, so that our last bytes are not lost in a reset.
    this.resume();
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** @returns `tls_error` for each of OpenSSL's hundreds of complaints about what came, otherwise the error's own code. */
export function tlsEnd({ code = 'socket_error' }: NodeJS.ErrnoException): string {
  return /^ERR_(SSL|TLS|OSSL)/.test(code) || code === 'EPROTO' ? 'tls_error' : code.toLowerCase();
}

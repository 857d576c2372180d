/**
 * WebSocket with compressed messages (RFC 7692), as `ws` reads and writes them: one message per write. Where
 * compression is not used, WebSocketLink does without `ws`. Runs on the shard's thread.
 */
import type { RawData, WebSocket } from 'ws';
import { WEBSOCKET_COMPRESSING_BYTES_MAX } from '../../src/limits.js';
import { CloseCode } from '../../src/protocol/websocket/frame.js';
import { type Link, type LinkEnd, type LinkHandler, NO_HANDLER } from './link.js';
import type { LinkStream } from './link-stream.js';

const BINARY = { binary: true };

export class DeflateLink implements Link {
  handler: LinkHandler = NO_HANDLER;
  readonly headroomBytes = 0;
  private owesDrain = false;
  private isPaused = false;
  private isEnding = false;
  private isClosed = false;
  private endReason: LinkEnd | null = null;

  /** @param socket takes nothing but compressed messages of bounded size, and answers pings by itself. */
  constructor(
    private readonly socket: WebSocket,
    private readonly stream: LinkStream,
  ) {
    socket.on('message', (data, isBinary) => this.onMessage(data, isBinary));
    socket.on('error', (error: NodeJS.ErrnoException) => this.onError(error.code));
    socket.on('close', () => this.onClose());
  }

  write(chunk: Uint8Array, start: number, end: number): boolean {
    return this.send(Buffer.from(chunk.subarray(start, end)));
  }

  writeAll(chunks: readonly Uint8Array[]): boolean {
    return this.send(Buffer.concat(chunks));
  }

  pause(): void {
    this.isPaused = true;
    this.socket.pause();
  }

  resume(): void {
    this.isPaused = false;
    if (this.isClosed) this.tellClosed();
    else this.socket.resume();
  }

  end(): void {
    this.isEnding = true;
    this.socket.close(CloseCode.Normal);
    this.resume();
  }

  destroy(): void {
    this.isEnding = true;
    this.socket.terminate();
    this.resume();
  }

  // The bytes are a copy: compressing goes on for some time on another thread.
  private send(message: Buffer): boolean {
    if (this.isEnding || this.isClosed) return true;
    this.socket.send(message, BINARY, this.onSent);
    if (this.socket.bufferedAmount <= WEBSOCKET_COMPRESSING_BYTES_MAX) return true;
    this.owesDrain = true;
    return false;
  }

  private readonly onSent = (): void => {
    if (!this.owesDrain || this.isEnding || this.isClosed) return;
    if (this.socket.bufferedAmount > WEBSOCKET_COMPRESSING_BYTES_MAX / 2) return;
    this.owesDrain = false;
    this.handler.onDrain();
  };

  private onMessage(data: RawData, isBinary: boolean): void {
    if (this.isEnding) return;
    const bytes = data as Buffer;
    if (isBinary) {
      this.handler.onBytes(bytes, 0, bytes.length);
      return;
    }
    // [MQTT-6.0.0-1]
    this.endReason = 'websocket_text';
    this.isEnding = true;
    this.socket.close(CloseCode.Unsupported);
  }

  private onError(code: string | undefined): void {
    const isLarge = code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';
    this.endReason ??= isLarge ? 'websocket_frame_too_large' : 'websocket_error';
  }

  // A handler that has paused has not used all yet: the end comes behind that.
  private onClose(): void {
    this.isClosed = true;
    if (!this.isPaused) {
      this.tellClosed();
    } else if (this.owesDrain) {
      // It may be waiting for the client to take something, and nobody else will.
      this.owesDrain = false;
      this.handler.onDrain();
    }
  }

  // Later, because it may be within a call of the handler's.
  private tellClosed(): void {
    setImmediate(() => {
      const { handler } = this;
      this.handler = NO_HANDLER;
      handler.onLinkClosed(this.endReason ?? this.stream.linkEnd ?? 'closed');
    });
  }
}

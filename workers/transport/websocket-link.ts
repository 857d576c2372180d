/**
 * WebSocket frames on top of another link, after the HTTP upgrade: payloads of binary frames in, one frame per write
 * out. Packets and frames need not begin together [MQTT-6.0.0-2]. Runs on the shard's thread.
 */
import { CloseCode } from '../../src/protocol/websocket/frame.js';
import { FrameDecoder, FrameEnd } from '../../src/protocol/websocket/frame-decoder.js';
import {
  closeFrame,
  frameHeader,
  pongFrame,
  SMALL_HEADER_BYTES,
  SMALL_PAYLOAD_BYTES_MAX,
  writeHeaderBefore,
} from '../../src/protocol/websocket/frame-encoder.js';
import { type Link, type LinkEnd, type LinkHandler, NO_HANDLER } from './link.js';
import { type Deadlines, LinkCloser } from './link-closer.js';

/** What an end by the client's frames is counted as. */
const END_REASONS: Readonly<Record<FrameEnd, string>> = {
  [FrameEnd.None]: 'closed',
  [FrameEnd.Closed]: 'closed',
  [FrameEnd.Violation]: 'websocket_error',
  // [MQTT-6.0.0-1]
  [FrameEnd.Text]: 'websocket_text',
  [FrameEnd.TooLarge]: 'websocket_frame_too_large',
};

export class WebSocketLink implements Link, LinkHandler {
  handler: LinkHandler = NO_HANDLER;
  readonly headroomBytes: number;
  private readonly decoder: FrameDecoder;
  /** A frame that came while a control frame of ours was still on its way. */
  private held: readonly Uint8Array[] | null = null;
  /** The handler was told that its chunk is kept. */
  private owesDrain = false;
  /** The answer to the last ping, which must wait; earlier ones need none (RFC 6455, section 5.5.3). */
  private pong: Uint8Array | null = null;
  private close: Uint8Array | null = null;
  private isPaused = false;
  /** The client pings and does not read the answers: it is not read either. */
  private isFlooded = false;
  /** Our last frame is on its way or waits for its turn; what comes in is of no interest any more. */
  private isEnding = false;
  private endReason: LinkEnd | null = null;
  private closer: LinkCloser | null = null;

  /** @param isBusy `inner` still keeps something that was written to it. */
  constructor(
    private readonly inner: Link,
    private readonly deadlines: Deadlines,
    frameBytesMax: number,
    private isBusy: boolean,
  ) {
    this.headroomBytes = inner.headroomBytes + SMALL_HEADER_BYTES;
    this.decoder = new FrameDecoder(frameBytesMax);
    inner.handler = this;
  }

  onBytes(bytes: Uint8Array, start: number, end: number): void {
    if (this.isEnding) return;
    const { decoder } = this;
    decoder.decode(bytes, start, end);
    const { payloadStart, payloadEnd } = decoder;
    if (payloadStart < payloadEnd) this.handler.onBytes(bytes, payloadStart, payloadEnd);
    if (decoder.pingBytes >= 0 && !this.isEnding) this.answerPing();
    // A handler that has paused has not used all yet: the end comes behind that.
    if (decoder.end !== FrameEnd.None && !this.isPaused) this.endAsClientSaid();
  }

  onDrain(): void {
    this.isBusy = false;
    const { held, pong } = this;
    if (held !== null) {
      this.held = null;
      this.isBusy = !this.inner.writeAll(held);
    }
    if (!this.isBusy && pong !== null) this.sendPong(pong);
    if (this.isBusy) return;
    if (this.close !== null) {
      this.sendClose(this.close);
    } else if (this.owesDrain && !this.isEnding) {
      this.owesDrain = false;
      this.handler.onDrain();
    }
  }

  onLinkClosed(end: LinkEnd): void {
    this.isEnding = true;
    this.held = this.pong = this.close = null;
    this.closer?.cancel();
    this.handler.onLinkClosed(this.endReason ?? end);
  }

  write(chunk: Uint8Array, start: number, end: number): boolean {
    const size = end - start;
    if (this.isBusy || this.isEnding || size > SMALL_PAYLOAD_BYTES_MAX) {
      return this.writeAll([chunk.subarray(start, end)]);
    }
    if (this.inner.write(chunk, writeHeaderBefore(chunk, start, size), end)) return true;
    this.isBusy = this.owesDrain = true;
    return false;
  }

  writeAll(chunks: readonly Uint8Array[]): boolean {
    // Whoever writes now has not been told of the end yet.
    if (this.isEnding) return true;
    let size = 0;
    for (let i = 0; i < chunks.length; i++) size += chunks[i]!.length;
    const frame = [frameHeader(size), ...chunks];
    if (this.isBusy) this.held = frame;
    else if (this.inner.writeAll(frame)) return true;
    this.isBusy = this.owesDrain = true;
    return false;
  }

  pause(): void {
    this.isPaused = true;
    if (!this.isEnding) this.inner.pause();
  }

  resume(): void {
    this.isPaused = false;
    if (this.decoder.end !== FrameEnd.None && !this.isEnding) this.endAsClientSaid();
    else if (!this.isFlooded) this.inner.resume();
  }

  end(): void {
    this.endWith(CloseCode.Normal);
  }

  destroy(): void {
    this.isEnding = true;
    this.inner.destroy();
  }

  private answerPing(): void {
    if (this.pong !== null && !this.isFlooded) {
      this.isFlooded = true;
      this.inner.pause();
    }
    const pong = pongFrame(this.decoder.pingPayload);
    if (this.isBusy) this.pong = pong;
    else this.sendPong(pong);
  }

  private sendPong(pong: Uint8Array): void {
    this.pong = null;
    this.isBusy = !this.inner.writeAll([pong]);
    if (!this.isFlooded) return;
    this.isFlooded = false;
    if (!this.isPaused) this.inner.resume();
  }

  private endAsClientSaid(): void {
    if (this.isEnding) return;
    this.endReason = END_REASONS[this.decoder.end];
    // Nobody above knows yet that it is over, and so nobody else would end a client that stays.
    this.closer = new LinkCloser(this.deadlines, this.inner);
    this.endWith(this.decoder.closeCode);
  }

  private endWith(closeCode: number): void {
    if (this.isEnding) return;
    this.isEnding = true;
    this.pong = null;
    const close = closeFrame(closeCode);
    if (this.isBusy) this.close = close;
    else this.sendClose(close);
    this.inner.resume();
  }

  private sendClose(close: Uint8Array): void {
    this.close = null;
    this.inner.writeAll([close]);
    this.inner.end();
  }
}

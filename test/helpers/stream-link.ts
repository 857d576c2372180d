/** A link over any Node stream, for tests whose client is a real one in the same thread. */
import type { Duplex } from 'node:stream';
import { type Link, type LinkHandler, NO_HANDLER } from '../../workers/transport/link.js';

export class StreamLink implements Link {
  handler: LinkHandler = NO_HANDLER;
  readonly headroomBytes = 0;

  constructor(private readonly stream: Duplex) {
    stream.on('data', (bytes: Buffer) => this.handler.onBytes(bytes, 0, bytes.length));
    stream.on('error', () => {});
    stream.on('close', () => this.handler.onLinkClosed('closed'));
  }

  write(chunk: Uint8Array, start: number, end: number): boolean {
    return this.writeAll([chunk.subarray(start, end)]);
  }

  writeAll(chunks: readonly Uint8Array[]): boolean {
    const isTaken = this.stream.write(Buffer.concat(chunks), () => {
      if (!isTaken) this.handler.onDrain();
    });
    return isTaken;
  }

  pause(): void {
    this.stream.pause();
  }

  resume(): void {
    this.stream.resume();
  }

  end(): void {
    this.stream.end();
    this.stream.resume();
  }

  destroy(): void {
    this.stream.destroy();
  }
}

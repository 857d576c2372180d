/**
 * Links that misbehave, for tests, from the moment their client sends something with `trigger` in it. `stuck`: they
 * take one more write and never drain; `slow`: every write drains some loop turns later; `failing`: they break at the
 * next write. Loaded by every shard.
 */
import type { OpenLink } from '../../workers/seams.js';
import { type Link, type LinkHandler, NO_HANDLER } from '../../workers/transport/link.js';
import { seamSide } from './remote.js';

const SLOW_TURNS = 20;

class TestLink implements Link {
  private isTriggered = false;

  handler: LinkHandler = NO_HANDLER;
  readonly headroomBytes = 0;

  constructor(
    private readonly mode: string,
    private readonly inner: Link,
  ) {
    inner.handler = {
      onBytes: (bytes, start, end) => {
        if (Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).includes('trigger'))
          this.isTriggered = true;
        this.handler.onBytes(bytes, start, end);
      },
      onDrain: () => this.handler.onDrain(),
      onLinkClosed: (end) => this.handler.onLinkClosed(end),
    };
  }

  write(chunk: Uint8Array, start: number, end: number): boolean {
    return this.writeAll([chunk.subarray(start, end)]);
  }

  writeAll(chunks: readonly Uint8Array[]): boolean {
    // A copy: in `slow` the real link may say that it is done before this one does.
    const copies = chunks.map((chunk) => Uint8Array.from(chunk));
    if (!this.isTriggered) return this.inner.writeAll(copies);
    if (this.mode === 'stuck') return false;
    if (this.mode === 'failing') {
      this.inner.destroy();
      return false;
    }
    const isTaken = this.inner.writeAll(copies);
    if (isTaken) this.drainAfter(SLOW_TURNS);
    return false;
  }

  pause(): void {
    this.inner.pause();
  }

  resume(): void {
    this.inner.resume();
  }

  end(): void {
    this.inner.end();
  }

  destroy(): void {
    this.inner.destroy();
  }

  private drainAfter(turns: number): void {
    setImmediate(() => {
      if (turns > 0) this.drainAfter(turns - 1);
      else this.handler.onDrain();
    });
  }
}

export function wrapLink(open: OpenLink): OpenLink {
  const { mode } = seamSide(import.meta.url);
  return (fd) => new TestLink(mode, open(fd));
}

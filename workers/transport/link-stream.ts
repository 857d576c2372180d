/**
 * A link as a Node stream, for libraries that want one: the HTTP parser and `ws` during the upgrade, and `ws`
 * afterwards where messages are compressed. Runs on the shard's thread.
 */
import { Duplex } from 'node:stream';
import { INFLATE_PIECE_BYTES } from '../../src/limits.js';
import type { Link, LinkEnd, LinkHandler } from './link.js';

type Done = (error?: Error | null) => void;

export class LinkStream extends Duplex implements LinkHandler {
  /** Why the link ended, once it has. */
  linkEnd: LinkEnd | null = null;
  /** The link keeps what this will say is written. */
  private written: Done | null = null;
  /** Somebody else has taken the link over; the stream is to be forgotten. */
  private isDetached = false;

  constructor(private readonly link: Link) {
    super();
    link.handler = this;
  }

  /** The link has not taken all that was written. */
  get isBusy(): boolean {
    return this.written !== null;
  }

  /** From now on the stream does nothing to the link, whatever is done to the stream. */
  detach(): void {
    this.isDetached = true;
  }

  onBytes(bytes: Uint8Array, start: number, end: number): void {
    if (this.destroyed) return;
    const copy = Buffer.from(bytes.subarray(start, end));
    let wantsMore = true;
    for (let at = 0; at < copy.length; at += INFLATE_PIECE_BYTES) {
      wantsMore = this.push(copy.subarray(at, at + INFLATE_PIECE_BYTES));
    }
    if (!wantsMore) this.link.pause();
  }

  onDrain(): void {
    const { written } = this;
    this.written = null;
    written?.();
  }

  /** What has come before is still read; what has not left is lost. */
  onLinkClosed(end: LinkEnd): void {
    this.linkEnd = end;
    this.push(null);
    this.onDrain();
  }

  override _read(): void {
    if (!this.isDetached && this.linkEnd === null) this.link.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.send([chunk], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    this.send(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: Done): void {
    if (!this.isDetached && this.linkEnd === null) this.link.end();
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    if (!this.isDetached && this.linkEnd === null) this.link.destroy();
    done(error);
  }

  private send(chunks: readonly Uint8Array[], done: Done): void {
    if (this.isDetached || this.linkEnd !== null || this.link.writeAll(chunks)) done();
    else this.written = done;
  }
}

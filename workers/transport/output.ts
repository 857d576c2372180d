/**
 * What one connection has to send. Everything of a turn gathers in one chunk and leaves in one write; a reader that
 * is too slow makes chunks pile up here, within the bounds its owner checks. Runs on the shard's thread.
 */
import { copyBytes, withWords } from '../../src/base/bytes.js';
import {
  LINK_WRITE_BYTES_MAX,
  OUTPUT_CHUNK_BYTES,
  OUTPUT_CHUNKS_DIRTY_MAX,
  OUTPUT_CHUNKS_KEPT_MAX,
  OUTPUT_COPY_BYTES_MAX,
} from '../../src/limits.js';
import type { Counters } from '../../src/metrics/counters.js';
import type { Turn } from '../turn.js';
import type { Link } from './link.js';

/** The shard's outputs that have something to flush, and the chunks they write into. */
export class OutputPool {
  private free: Uint8Array[] = [];
  /** Fewest free chunks there have been since the last `trim`. */
  private unused = 0;
  private dirty: Output[] = [];
  private flushing: Output[] = [];
  /** Bytes that all outputs of this shard hold because their readers are slow. */
  waitingBytes = 0;
  /** A connection with more bytes waiting is slow: it gets no QoS 0, and the rest stays in its session. */
  slowBytes: number;

  constructor(
    readonly turn: Turn,
    slowBytes: number,
    readonly counters: Counters,
  ) {
    this.slowBytes = slowBytes;
  }

  takeChunk(): Uint8Array {
    const chunk = this.free.pop() ?? withWords(Buffer.allocUnsafeSlow(OUTPUT_CHUNK_BYTES));
    if (this.free.length < this.unused) this.unused = this.free.length;
    return chunk;
  }

  returnChunk(chunk: Uint8Array): void {
    if (this.free.length < OUTPUT_CHUNKS_KEPT_MAX && chunk.length === OUTPUT_CHUNK_BYTES)
      this.free.push(chunk);
  }

  /** Gives half of the chunks back that nobody has needed since the last call. */
  trim(): void {
    this.free.length -= this.unused >> 1;
    this.unused = this.free.length;
  }

  markDirty(output: Output): void {
    // The others first: `output` is about to be written to, and is not ready to be flushed.
    if (this.dirty.length >= OUTPUT_CHUNKS_DIRTY_MAX) this.flushAll();
    this.dirty.push(output);
  }

  /** One write per output that changed since the last call. */
  flushAll(): void {
    const outputs = this.dirty;
    this.dirty = this.flushing;
    this.flushing = outputs;
    for (let i = 0; i < outputs.length; i++) outputs[i]!.flush();
    outputs.length = 0;
  }
}

/** Of all outputs that nothing waits in; never changed. */
const NO_CHUNKS: Uint8Array[] = [];

export class Output {
  /** The chunk being filled; null while there is nothing to send. Writers use `reserve` and then write into it. */
  chunk: Uint8Array | null = null;
  /** Where the next byte goes in `chunk`; `headroom` while it holds none. */
  length: number;
  /** The link has not taken everything: the reader is slow, or a large write is on its way. */
  blocked = false;
  /** Monotonic milliseconds at which the link last took something and not everything. */
  blockedAtMs = 0;
  /** Bytes that wait for a slow reader: what the link holds, and what has gathered behind it. */
  waitingBytes = 0;

  private dirty = false;
  private closed = false;
  private full = NO_CHUNKS;
  private readonly headroom: number;
  /** 0 for bytes that are counted where they leave the process, otherwise 1. */
  private readonly counted: number;

  constructor(
    private readonly pool: OutputPool,
    private readonly link: Link,
  ) {
    this.headroom = link.headroomBytes;
    this.counted = link.isRelayed === true ? 0 : 1;
    this.length = this.headroom;
  }

  /**
   * Makes room for `bytes` (at most OUTPUT_COPY_BYTES_MAX) in `chunk`.
   * @returns the offset to write them at; they count as written.
   */
  reserve(bytes: number): number {
    if (!this.dirty && !this.blocked) {
      this.dirty = true;
      this.pool.markDirty(this);
    }
    if (this.chunk === null) this.chunk = this.pool.takeChunk();
    else if (this.length + bytes > this.chunk.length) this.turnOver();
    const at = this.length;
    this.length = at + bytes;
    if (this.blocked) this.account(bytes);
    return at;
  }

  /** Appends a copy of `bytes[start, end)`. */
  append(bytes: Uint8Array, start: number, end: number): void {
    const size = end - start;
    if (size > OUTPUT_COPY_BYTES_MAX) {
      // Not `bytes.slice`: that of a Buffer is no copy.
      this.appendOwned(Uint8Array.prototype.slice.call(bytes, start, end));
      return;
    }
    const at = this.reserve(size);
    copyBytes(bytes, start, end, this.chunk!, at);
  }

  /** As `append`, for a part of a stream: it may be cut anywhere, so no memory is made for a large one. */
  appendStream(bytes: Uint8Array, start: number, end: number): void {
    while (start < end) {
      const room = this.chunk === null ? 0 : this.chunk.length - this.length;
      const size = Math.min(end - start, room > 0 ? room : OUTPUT_COPY_BYTES_MAX);
      const at = this.reserve(size);
      copyBytes(bytes, start, start + size, this.chunk!, at);
      start += size;
    }
  }

  /** Appends a frame that nobody changes any more, without copying it. */
  appendOwned(frame: Uint8Array): void {
    if (this.length > this.headroom) this.turnOver();
    this.pushFull(frame);
    if (this.blocked) this.account(frame.length);
    else if (!this.dirty) {
      this.dirty = true;
      this.pool.markDirty(this);
    }
  }

  /** Hands everything to the link, unless it is still busy with what it has. */
  flush(): void {
    this.dirty = false;
    if (this.blocked || this.closed) return;
    if (this.full.length > 0) {
      this.flushChunks();
      return;
    }
    const chunk = this.chunk;
    if (chunk === null || this.length === this.headroom) return;
    const end = this.length;
    const bytes = end - this.headroom;
    this.pool.counters.bytesSent += bytes * this.counted;
    this.chunk = null;
    this.length = this.headroom;
    if (this.link.write(chunk, this.headroom, end)) this.pool.returnChunk(chunk);
    else this.block(bytes);
  }

  /** The link is free again. @returns true when nothing is left to send. */
  onDrain(): boolean {
    if (!this.blocked) return true;
    this.blocked = false;
    this.account(-this.waitingBytes);
    this.flush();
    return !this.blocked;
  }

  /** Ends the link at once, and gives the memory back now and not when the link says that it is closed. */
  abandon(): void {
    this.link.destroy();
    this.close();
  }

  /** The link is gone: what was not sent is dropped, and the memory given back. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.account(-this.waitingBytes);
    if (this.chunk !== null) this.pool.returnChunk(this.chunk);
    this.chunk = null;
    this.full = NO_CHUNKS;
    this.length = this.headroom;
    // A closed output stays blocked and dirty, so that late writers change nothing.
    this.blocked = true;
  }

  private pushFull(chunk: Uint8Array): void {
    if (this.full === NO_CHUNKS) this.full = [];
    this.full.push(chunk);
  }

  // The chunk is full before the turn is over: it leaves now, so that memory stays bounded, unless it has to wait
  // behind something.
  private turnOver(): void {
    const chunk = this.chunk!;
    if (this.blocked || this.full.length > 0) {
      this.pushFull(chunk.subarray(this.headroom, this.length));
      this.chunk = this.pool.takeChunk();
    } else {
      const bytes = this.length - this.headroom;
      this.pool.counters.bytesSent += bytes * this.counted;
      if (!this.link.write(chunk, this.headroom, this.length)) {
        this.block(bytes);
        this.chunk = this.pool.takeChunk();
      }
    }
    this.length = this.headroom;
  }

  // Piece by piece: a link that takes one piece after the other is slow, one that takes none is stuck, and from outside
  // they look the same while it has everything.
  private flushChunks(): void {
    const chunks = this.full;
    const last = this.chunk;
    if (last !== null && this.length > this.headroom) chunks.push(last.subarray(this.headroom, this.length));
    else if (last !== null) this.pool.returnChunk(last);
    this.chunk = null;
    this.length = this.headroom;
    this.full = NO_CHUNKS;
    for (let next = 0; next < chunks.length; ) {
      const piece: Uint8Array[] = [];
      let bytes = 0;
      while (next < chunks.length && bytes < LINK_WRITE_BYTES_MAX) {
        const chunk = chunks[next]!;
        const taken = Math.min(chunk.length, LINK_WRITE_BYTES_MAX - bytes);
        piece.push(taken === chunk.length ? chunk : chunk.subarray(0, taken));
        bytes += taken;
        if (taken === chunk.length) next++;
        else chunks[next] = chunk.subarray(taken);
      }
      this.pool.counters.bytesSent += bytes * this.counted;
      if (this.link.writeAll(piece)) continue;
      this.full = chunks.slice(next);
      for (const chunk of this.full) bytes += chunk.length;
      this.block(bytes);
      return;
    }
  }

  private block(bytes: number): void {
    this.blocked = true;
    this.blockedAtMs = this.pool.turn.nowMs;
    this.account(bytes);
  }

  private account(bytes: number): void {
    if (this.closed && bytes > 0) return;
    this.waitingBytes += bytes;
    this.pool.waitingBytes += bytes;
  }
}

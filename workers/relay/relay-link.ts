/**
 * The owner's end of a relay: to the connection on top it is a link like any other. Up to a window of bytes comes after
 * `pause`, for it was on its way. Runs on the owner shard's thread.
 */
import { RELAY_CREDIT_BYTES, RELAY_WINDOW_BYTES } from '../../src/limits.js';
import { type Link, type LinkEnd, type LinkHandler, NO_HANDLER } from '../transport/link.js';
import type { Runnable } from '../turn.js';
import { CREDIT_DOWN, DATA_DOWN, DESTROY, END } from './records.js';
import type { RelayChannel, RoomWaiter } from './relay-channel.js';

export class RelayLink implements Link, Runnable, RoomWaiter {
  // The turn's.
  queued = false;
  handler: LinkHandler = NO_HANDLER;
  readonly headroomBytes = 0;
  readonly isRelayed = true;
  /** Written, and not yet taken by the client as far as is known here. */
  private underWayBytes = 0;
  /** Whoever writes waits for `onDrain`. */
  private isFull = false;
  /** Kept until the channel has room. */
  private held: readonly Uint8Array[] | null = null;
  /** Taken here, and the edge does not know yet. */
  private owedBytes = 0;
  private isPaused = false;
  private isDestroyed = false;
  /** Why the client's link is closed, once it is. */
  private closedAs: LinkEnd | null = null;
  private isTold = false;

  constructor(
    private readonly channel: RelayChannel,
    private readonly relay: number,
  ) {}

  write(chunk: Uint8Array, start: number, end: number): boolean {
    if (this.channel.isFull && this.isOpen) return this.hold([chunk.subarray(start, end)]);
    this.send(chunk, start, end);
    return !this.isFull;
  }

  writeAll(chunks: readonly Uint8Array[]): boolean {
    if (this.channel.isFull && this.isOpen) return this.hold(chunks);
    for (let i = 0; i < chunks.length; i++) this.send(chunks[i]!, 0, chunks[i]!.length);
    return !this.isFull;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    if (this.closedAs !== null) this.channel.turn.queue(this);
    else this.giveCredit();
  }

  end(): void {
    // Nobody waits for what is not used any more.
    this.isPaused = false;
    if (this.closedAs !== null) this.channel.turn.queue(this);
    else if (!this.isDestroyed) this.channel.command(END, this.relay, 0);
  }

  destroy(): void {
    if (this.closedAs !== null) this.channel.turn.queue(this);
    else if (!this.isDestroyed) this.channel.command(DESTROY, this.relay, 0);
    this.isDestroyed = true;
    this.sendHeld();
  }

  /** Bytes from the client, valid during the call. */
  onData(bytes: Buffer, start: number, end: number): void {
    if (this.isDestroyed) return;
    this.owedBytes += end - start;
    this.handler.onBytes(bytes, start, end);
    this.giveCredit();
  }

  /** The client has taken so many bytes. */
  onCredit(bytes: number): void {
    this.underWayBytes -= bytes;
    this.drain();
  }

  onRoom(): void {
    this.sendHeld();
    this.drain();
  }

  /** The client's link is closed, or its shard has died. Nothing else comes. */
  onClosed(end: LinkEnd): void {
    this.closedAs = end;
    this.sendHeld();
    // A handler that has paused has not used all that came: from a socket, too, it would hear of the end behind that.
    if (!this.isPaused || this.isDestroyed) {
      this.run();
      return;
    }
    // It may be waiting for the client to take something, and nobody else will.
    if (!this.isFull) return;
    this.isFull = false;
    this.handler.onDrain();
  }

  /** Tells the handler of the end. */
  run(): boolean {
    const end = this.closedAs;
    if (end === null || this.isTold) return false;
    this.isTold = this.isDestroyed = true;
    this.handler.onLinkClosed(end);
    return false;
  }

  private get isOpen(): boolean {
    return !this.isDestroyed && this.closedAs === null;
  }

  private send(bytes: Uint8Array, start: number, end: number): void {
    if (!this.isOpen) return;
    this.underWayBytes += end - start;
    this.channel.data(DATA_DOWN, this.relay, bytes, start, end);
    if (this.underWayBytes >= RELAY_WINDOW_BYTES) this.isFull = true;
  }

  /** What is written goes on its way when others have made room. */
  private hold(chunks: readonly Uint8Array[]): boolean {
    this.held = chunks;
    this.isFull = true;
    this.channel.awaitRoom(this);
    return false;
  }

  /** Where nobody wants it any more it is dropped. */
  private sendHeld(): void {
    const { held } = this;
    this.held = null;
    if (held === null) return;
    for (let i = 0; i < held.length; i++) this.send(held[i]!, 0, held[i]!.length);
  }

  private drain(): void {
    // Only from half a window on: else every little bit of credit would be used up by a post of its own.
    if (!this.isFull || this.held !== null || this.underWayBytes > RELAY_WINDOW_BYTES / 2) return;
    this.isFull = false;
    if (!this.isDestroyed) this.handler.onDrain();
  }

  private giveCredit(): void {
    if (this.owedBytes < RELAY_CREDIT_BYTES || this.isPaused || this.isDestroyed) return;
    this.channel.command(CREDIT_DOWN, this.relay, this.owedBytes);
    this.owedBytes = 0;
  }
}

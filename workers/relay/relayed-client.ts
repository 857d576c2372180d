/**
 * The edge's end of a relay: what the client sends goes to the owner of its ClientId, what the owner sends gathers in
 * an output and leaves in one write per turn. It watches whether the client takes what is sent: the owner sees only
 * that its window is used up. Runs on the edge shard's thread.
 */
import { WheelItem } from '../../src/base/timer-wheel.js';
import {
  LINK_CLOSE_TIMEOUT_MS,
  OUTPUT_CHUNK_BYTES,
  RELAY_CREDIT_BYTES,
  RELAY_WINDOW_BYTES,
} from '../../src/limits.js';
import type { Origin } from '../connection/origin.js';
import type { Waiter } from '../memory-budget.js';
import type { Link, LinkEnd, LinkHandler } from '../transport/link.js';
import { Output } from '../transport/output.js';
import { CREDIT_UP, DATA_UP } from './records.js';
import type { RelayChannel, RoomWaiter } from './relay-channel.js';

export class RelayedClient extends WheelItem implements LinkHandler, RoomWaiter, Waiter {
  // The memory budget's.
  budgetClass = -1;
  budgetIndex = 0;
  private readonly output: Output;
  /** Sent to the owner, and not yet taken there as far as is known here. */
  private underWayBytes = 0;
  private isPaused = false;
  private awaitsRoom = false;
  /** Came from the owner, and it has not been told that the client has taken them. */
  private owedBytes = 0;
  private isDue = false;
  /** Nothing more comes from the owner, and nothing goes there. */
  private isEnding = false;
  private isCutOff = false;
  private isClosed = false;
  private isOwnerLost = false;
  /** Why this side has ended it; empty while the link's own reason counts. */
  private reason = '';

  constructor(
    private readonly channel: RelayChannel,
    private readonly relay: number,
    private readonly link: Link,
    readonly origin: Origin,
  ) {
    super();
    this.output = new Output(channel.outputs, link);
    const { sendTimeoutMs } = origin.options;
    if (sendTimeoutMs > 0) channel.wheel.schedule(channel.turn.nowMs + sendTimeoutMs, this);
  }

  /** Bytes that this client has not taken. */
  get waitingBytes(): number {
    return this.output.waitingBytes;
  }

  onBytes(bytes: Uint8Array, start: number, end: number): void {
    this.channel.turn.enter();
    if (this.isEnding) return;
    this.underWayBytes += end - start;
    this.channel.data(DATA_UP, this.relay, bytes, start, end);
    const { isFull } = this.channel;
    if (this.isPaused || (this.underWayBytes < RELAY_WINDOW_BYTES && !isFull)) return;
    this.isPaused = true;
    this.link.pause();
    if (!isFull || this.awaitsRoom) return;
    this.awaitsRoom = true;
    this.channel.awaitRoom(this);
  }

  onRoom(): void {
    this.awaitsRoom = false;
    this.readOn();
  }

  onDrain(): void {
    if (this.isCutOff || this.isClosed || !this.output.blocked) return;
    this.channel.turn.enter();
    const isAllSent = this.output.onDrain();
    if (isAllSent && this.isEnding) this.link.end();
    else this.giveCredit();
  }

  onLinkClosed(end: LinkEnd): void {
    if (this.isClosed) return;
    this.isClosed = this.isEnding = true;
    this.channel.turn.enter();
    this.channel.wheel.cancel(this);
    this.output.close();
    if (this.reason === '') this.reason = end;
    if (this.isOwnerLost) this.channel.forget(this, this.reason);
    else this.channel.closed(this.relay, this.reason);
  }

  /** Looks whether the client takes what is sent, and in time when it is the last. */
  override onDeadline(nowMs: number): void {
    const { turn, wheel } = this.channel;
    turn.enter();
    if (this.isEnding) {
      this.cutOff();
      return;
    }
    const { sendTimeoutMs } = this.origin.options;
    const sinceMs = this.output.blocked ? this.output.blockedAtMs : nowMs;
    if (nowMs - sinceMs > sendTimeoutMs) this.abort('send_timeout');
    else wheel.schedule(Math.max(sinceMs + sendTimeoutMs, nowMs + 1), this);
  }

  /** Bytes from the owner, valid during the call; `isOwn`: large parts of them may be kept. */
  onData(bytes: Buffer, start: number, end: number, isOwn: boolean): void {
    if (this.isEnding) return;
    const size = end - start;
    this.owedBytes += size;
    // Most of a buffer of its own may be kept; less of it would keep what belongs to others.
    const isKept = isOwn && size > OUTPUT_CHUNK_BYTES && size * 2 >= bytes.length;
    if (isKept) this.output.appendOwned(bytes.subarray(start, end));
    else this.output.appendStream(bytes, start, end);
    if (this.owedBytes < RELAY_CREDIT_BYTES || this.isDue) return;
    this.isDue = true;
    this.channel.due(this);
  }

  /** The owner has taken so many bytes. */
  onCredit(bytes: number): void {
    this.underWayBytes -= bytes;
    this.readOn();
  }

  /** The owner sends nothing more. */
  onEnd(): void {
    if (this.isEnding) return;
    this.isEnding = true;
    this.output.flush();
    if (!this.output.blocked) this.link.end();
    this.channel.wheel.schedule(this.channel.turn.nowMs + LINK_CLOSE_TIMEOUT_MS, this);
  }

  /** The owner wants it closed at once. */
  onDestroy(): void {
    if (!this.isClosed) this.cutOff();
  }

  /** The owner has done with it. */
  onFinished(reason: string): void {
    this.channel.forget(this, reason);
  }

  /** The owner has died. */
  onOwnerLost(): void {
    this.isOwnerLost = true;
    if (this.isClosed) this.channel.forget(this, this.reason);
    else this.abort('shard_crashed');
  }

  /** Closes the client's link without sending anything more. */
  abort(reason: string): void {
    if (this.isClosed) return;
    if (this.reason === '') this.reason = reason;
    this.cutOff();
  }

  /** After the outputs were flushed: tells the owner what the client has taken. */
  settle(): void {
    this.isDue = false;
    if (!this.isEnding) this.giveCredit();
  }

  private readOn(): void {
    if (!this.isPaused || this.awaitsRoom || this.underWayBytes > RELAY_WINDOW_BYTES / 2) return;
    this.isPaused = false;
    if (!this.isClosed) this.link.resume();
  }

  private cutOff(): void {
    this.isEnding = true;
    this.isCutOff = true;
    this.output.abandon();
  }

  private giveCredit(): void {
    const takenBytes = this.owedBytes - this.output.waitingBytes;
    if (takenBytes < RELAY_CREDIT_BYTES) return;
    this.owedBytes -= takenBytes;
    this.channel.command(CREDIT_UP, this.relay, takenBytes);
  }
}

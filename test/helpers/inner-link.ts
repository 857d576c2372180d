/** The link below a layer under test: it holds its user to the contract, and does what the test says. */
import { SystemClock } from '../../src/base/clock.js';
import { TimerWheel } from '../../src/base/timer-wheel.js';
import { type Link, type LinkHandler, NO_HANDLER } from '../../workers/transport/link.js';
import { Turn } from '../../workers/turn.js';

export class InnerLink implements Link {
  handler: LinkHandler = NO_HANDLER;
  /** Everything that was sent; what a link keeps is looked at only when it lets go of it. */
  readonly taken: Buffer[] = [];
  isPaused = false;
  /** `end` or `destroy` was called. */
  ended: 'end' | 'destroy' | null = null;
  /** From the next write on, until `drain`. */
  isSlow = false;
  /** The client leaves its side open after `end`. */
  isStubborn = false;
  isClosed = false;
  private held: readonly Uint8Array[] | null = null;

  constructor(readonly headroomBytes = 0) {}

  get sent(): Buffer {
    return Buffer.concat(this.taken);
  }

  /** A copy comes from the client, in memory that is overwritten as soon as the handler has had its look. */
  receive(...chunks: readonly Uint8Array[]): void {
    const bytes = Buffer.concat(chunks);
    if (!this.isClosed) this.handler.onBytes(bytes, 0, bytes.length);
    bytes.fill(0xee);
  }

  drain(): void {
    this.isSlow = false;
    if (this.held === null) return;
    this.take(this.held);
    this.held = null;
    if (!this.isClosed) this.handler.onDrain();
  }

  drop(reason = 'closed'): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.handler.onLinkClosed(reason);
  }

  write(chunk: Uint8Array, start: number, end: number): boolean {
    if (start < this.headroomBytes) throw new Error('no headroom');
    chunk.fill(0xdd, start - this.headroomBytes, start);
    return this.writeAll([chunk.subarray(start, end)]);
  }

  writeAll(chunks: readonly Uint8Array[]): boolean {
    if (this.held !== null) throw new Error('written to while it is busy');
    if (this.ended === 'end') throw new Error('written to behind its end');
    if (this.isSlow) this.held = chunks;
    else this.take(chunks);
    return !this.isSlow;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(): void {
    this.ended ??= 'end';
    if (!this.isStubborn) setImmediate(() => this.drop());
  }

  destroy(): void {
    this.ended = 'destroy';
    setImmediate(() => this.drop());
  }

  private take(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) this.taken.push(Buffer.from(chunk));
  }
}

/** Notes what a link tells; what it does in answer is for the test to say. */
export class Listener implements LinkHandler {
  readonly chunks: Buffer[] = [];
  drains = 0;
  readonly ends: string[] = [];

  constructor(private readonly react: (bytes: Buffer) => void = () => {}) {}

  get received(): Buffer {
    return Buffer.concat(this.chunks);
  }

  onBytes(bytes: Uint8Array, start: number, end: number): void {
    const copy = Buffer.from(bytes.subarray(start, end));
    this.chunks.push(copy);
    this.react(copy);
  }

  onDrain(): void {
    this.drains++;
  }

  onLinkClosed(end: string): void {
    this.ends.push(end);
  }
}

/** A turn and a timer wheel of their own. */
export function timing(): { readonly turn: Turn; readonly wheel: TimerWheel; advance(ms: number): void } {
  const turn = new Turn(new SystemClock());
  const wheel = new TimerWheel({ tickMs: 100, slots: 64, nowMs: turn.nowMs });
  return { turn, wheel, advance: (ms) => void wheel.advance(turn.nowMs + ms, 100) };
}

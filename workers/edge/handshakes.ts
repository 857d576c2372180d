/**
 * The order in which a shard's TLS handshakes start. A handshake computes up to a millisecond with no way to interrupt
 * it, so a few are started per turn and the rest wait, unread, in the order in which they came. One that has started
 * computes when its client goes on, which cannot be put off: their number is bounded. Runs on the shard's thread.
 */
import {
  TLS_HANDSHAKES_OPEN_MAX,
  TLS_HANDSHAKES_PER_TURN,
  TLS_HANDSHAKES_WAITING_MAX,
} from '../../src/limits.js';
import type { Runnable, Turn } from '../turn.js';

/** A handshake that starts when it is its turn. */
export interface QueuedHandshake {
  /** True while it stands in line; only the queue writes it. */
  waiting: boolean;
  /** Must not throw. */
  start(): void;
  /** Ends it, whether it has started or not. */
  fail(reason: string): void;
}

export class Handshakes implements Runnable {
  queued = false;
  /** Those that wait, from `next` on, and between them those that do so no more. */
  private line: QueuedHandshake[] = [];
  private next = 0;
  private waiting = 0;
  /** Started and not over, the oldest first. */
  private readonly open = new Set<QueuedHandshake>();

  constructor(private readonly turn: Turn) {}

  /** Handshakes that wait. */
  get count(): number {
    return this.waiting;
  }

  /** Handshakes that have started and are not over. */
  get openCount(): number {
    return this.open.size;
  }

  /** @returns false when too many wait already. */
  add(handshake: QueuedHandshake): boolean {
    if (this.waiting >= TLS_HANDSHAKES_WAITING_MAX) return false;
    this.waiting++;
    handshake.waiting = true;
    this.line.push(handshake);
    this.turn.queue(this);
    return true;
  }

  /** It is over, or will not be started any more. */
  remove(handshake: QueuedHandshake): void {
    this.open.delete(handshake);
    if (!handshake.waiting) return;
    handshake.waiting = false;
    this.waiting--;
  }

  run(): boolean {
    const { line } = this;
    for (let started = 0; started < TLS_HANDSHAKES_PER_TURN && this.next < line.length; this.next++) {
      const handshake = line[this.next]!;
      if (!handshake.waiting) continue;
      this.remove(handshake);
      this.open.add(handshake);
      handshake.start();
      if (this.open.size > TLS_HANDSHAKES_OPEN_MAX) this.failOldest();
      started++;
    }
    if (this.next === line.length) {
      this.line = [];
      this.next = 0;
      return false;
    }
    if (this.next >= TLS_HANDSHAKES_WAITING_MAX) {
      this.line = line.slice(this.next);
      this.next = 0;
    }
    return true;
  }

  // Whoever has not finished while so many others have begun is very slow, or waits on purpose.
  private failOldest(): void {
    for (const oldest of this.open) {
      this.open.delete(oldest);
      oldest.fail('tls_busy');
      return;
    }
  }
}

/**
 * Bounds messages from one thread to another that wants no answer: the receiver reports how many it has looked at.
 * Any thread.
 */
import { PLUGIN_MESSAGES_PER_REPORT, PLUGIN_MESSAGES_WAITING_MAX } from '../limits.js';

/** The sender's side. */
export class SendWindow {
  private waiting = 0;

  get isFull(): boolean {
    return this.waiting >= PLUGIN_MESSAGES_WAITING_MAX;
  }

  sent(): void {
    this.waiting++;
  }

  /** The receiver has looked at so many. */
  heard(count: number): void {
    this.waiting = Math.max(0, this.waiting - count);
  }

  /** The receiver is gone, and what waited for it. */
  reset(): void {
    this.waiting = 0;
  }
}

/** The receiver's side. */
export class ReceiveCount {
  private unreported = 0;

  /** One more has been looked at. @returns how many to report now; mostly 0 */
  count(): number {
    if (++this.unreported < PLUGIN_MESSAGES_PER_REPORT) return 0;
    const { unreported } = this;
    this.unreported = 0;
    return unreported;
  }
}

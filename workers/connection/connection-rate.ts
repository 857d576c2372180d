/**
 * The rate limits of one connection: bytes per second of its listener, messages per second of the configuration. What
 * comes too fast is not refused but read later. Runs on the shard's thread.
 */

import { WheelItem } from '../../src/base/timer-wheel.js';
import { TokenBucket } from '../../src/base/token-bucket.js';
import type { Core } from '../core.js';
import { type Connection, STALL_RATE } from './connection.js';

export class ConnectionRate extends WheelItem {
  private readonly messages: TokenBucket | null;
  private readonly bytes: TokenBucket | null;

  constructor(
    private readonly core: Core,
    private readonly connection: Connection,
    messagesPerSecond: number,
    limit: { readonly burstBytes: number; readonly bytesPerSecond: number } | null,
  ) {
    super();
    const { nowMs } = core.turn;
    this.messages =
      messagesPerSecond === 0 ? null : new TokenBucket(messagesPerSecond, messagesPerSecond, nowMs);
    this.bytes = limit === null ? null : new TokenBucket(limit.bytesPerSecond, limit.burstBytes, nowMs);
  }

  /** Counts one packet that was handled. @returns true when nothing more may be read until `unstall`. */
  spend(bytes: number, isPublish: boolean): boolean {
    const { nowMs } = this.core.turn;
    let pauseMs = this.bytes === null ? 0 : this.bytes.spend(bytes, nowMs);
    if (isPublish && this.messages !== null) pauseMs = Math.max(pauseMs, this.messages.spend(1, nowMs));
    if (pauseMs === 0) return false;
    this.core.wheel.schedule(nowMs + pauseMs, this);
    return true;
  }

  override onDeadline(): void {
    this.connection.unstall(STALL_RATE);
  }

  cancel(): void {
    this.core.wheel.cancel(this);
  }
}

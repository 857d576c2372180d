/**
 * Notices clients that connect again and again: two that share a ClientId and throw each other out, or one that breaks
 * off at once. Only connects that were accepted count, so that nobody can have another one's ClientId banned without
 * its password. Runs on the shard's thread.
 */
import type { Config } from '../../src/config/schema.js';
import { FLAPPING_CLIENTS_MAX } from '../../src/limits.js';
import type { ClientId } from '../../src/protocol/ids.js';

interface Connects {
  count: number;
  /** Monotonic milliseconds of the first of them. */
  readonly sinceMs: number;
}

export class Flapping {
  private connectsMax = 0;
  private windowMs = 0;
  /** The oldest windows first. */
  private readonly recent = new Map<ClientId, Connects>();

  constructor(config: Config) {
    this.onConfig(config);
  }

  onConfig(config: Config): void {
    this.connectsMax = config['mqtt.flapping.max_connects'];
    this.windowMs = config['mqtt.flapping.window'];
  }

  /** Counts a connect. @returns whether it is one too many */
  isTooOften(clientId: ClientId, nowMs: number): boolean {
    if (this.connectsMax === 0) return false;
    const { recent } = this;
    const known = recent.get(clientId);
    if (known !== undefined && nowMs - known.sinceMs < this.windowMs) {
      if (++known.count <= this.connectsMax) return false;
      recent.delete(clientId);
      return true;
    }
    recent.delete(clientId);
    recent.set(clientId, { count: 1, sinceMs: nowMs });
    if (recent.size > FLAPPING_CLIENTS_MAX) this.forgetOldest();
    return false;
  }

  private forgetOldest(): void {
    const [oldest] = this.recent.keys();
    if (oldest !== undefined) this.recent.delete(oldest);
  }
}

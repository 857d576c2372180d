/** Remembers for a while which retained topics were removed, and when. Lives in one retained store, in its shard. */
import { RETAINED_REMOVALS_MAX, RETAINED_SKEW_MAX_MS } from '../../src/limits.js';

interface Removal {
  /** When the message was received that has removed the topic, in milliseconds since 1970. */
  readonly receivedAtMs: number;
  /** From then on it is remembered. */
  readonly sinceMs: number;
  /** Null where nobody wants to know what is forgotten. */
  readonly topic: Buffer | null;
}

/** A removal is forgotten. */
export type OnForgotten = (topic: Buffer) => void;

/**
 * Two shards' writes may arrive out of order: one that is older than a removal must not bring the topic back. Topics
 * are remembered by 53 bits of a secret hash; were two to share it, a write would have to be late as well to be lost.
 */
export class Removals {
  private readonly seed: number;
  /** In the order of insertion, and so about in the order of time. */
  private readonly removed = new Map<number, Removal>();

  constructor(
    hashSeed: number,
    private readonly onForgotten: OnForgotten | null = null,
  ) {
    this.seed = Math.imul(hashSeed ^ 0x165667b1, 0x9e3779b1);
  }

  /** Removals remembered. */
  get size(): number {
    return this.removed.size;
  }

  /** The topic `bytes[0, length)` was removed by a message received at `receivedAtMs`; remembered from `sinceMs` on. */
  remember(bytes: Uint8Array, length: number, receivedAtMs: number, sinceMs: number): void {
    const key = this.key(bytes, length);
    const topic = this.onForgotten === null ? null : Buffer.from(bytes.subarray(0, length));
    // Taken out first, to be the youngest in the map's order.
    this.removed.delete(key);
    this.removed.set(key, { receivedAtMs, sinceMs, topic });
    if (this.removed.size > RETAINED_REMOVALS_MAX) this.forgetOldest();
  }

  /** @returns when the topic was removed last; -Infinity: not lately. */
  lastOf(bytes: Uint8Array, length: number): number {
    if (this.removed.size === 0) return Number.NEGATIVE_INFINITY;
    return this.removed.get(this.key(bytes, length))?.receivedAtMs ?? Number.NEGATIVE_INFINITY;
  }

  /** Forgets what no write under way can be older than, `max` of them at most. */
  expire(nowMs: number, max: number): void {
    for (const [key, removal] of this.removed) {
      if (Math.abs(nowMs - removal.sinceMs) <= RETAINED_SKEW_MAX_MS || max === 0) return;
      this.forget(key, removal);
      max -= 1;
    }
  }

  private forgetOldest(): void {
    for (const [key, removal] of this.removed) {
      this.forget(key, removal);
      return;
    }
  }

  private forget(key: number, { topic }: Removal): void {
    this.removed.delete(key);
    if (topic !== null) this.onForgotten?.(topic);
  }

  private key(bytes: Uint8Array, length: number): number {
    let low = this.seed;
    let high = ~this.seed;
    for (let i = 0; i < length; i += 1) {
      low = Math.imul(low ^ (low >>> 15) ^ bytes[i]!, 0x2c1b3c6d);
      high = Math.imul(high ^ (high >>> 13) ^ bytes[i]!, 0x297a2d39);
    }
    return (high & 0x1fffff) * 0x1_0000_0000 + ((low ^ (low >>> 16)) >>> 0);
  }
}

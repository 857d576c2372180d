/** When a shard that has ended is started again, and when the broker gives up. Main thread. */
import {
  SHARD_BACKOFF_MAX_MS,
  SHARD_BACKOFF_MIN_MS,
  SHARD_CRASH_WINDOW_MS,
  SHARD_CRASHES_MAX,
} from '../limits.js';
import type { ShardId } from '../protocol/ids.js';

interface Crash {
  readonly shard: ShardId;
  readonly atMs: number;
}

export class CrashPolicy {
  /** Crashes of all shards within the window; never more than the maximum. */
  #recent: Crash[] = [];

  /** @returns milliseconds to wait before this shard's restart, or null: too many crashes, the broker must stop. */
  crashed(shard: ShardId, nowMs: number): number | null {
    this.#recent = this.#recent.filter((crash) => crash.atMs > nowMs - SHARD_CRASH_WINDOW_MS);
    this.#recent.push({ shard, atMs: nowMs });
    if (this.#recent.length >= SHARD_CRASHES_MAX) return null;
    const before = this.#recent.filter((crash) => crash.shard === shard).length - 1;
    return Math.min(SHARD_BACKOFF_MAX_MS, SHARD_BACKOFF_MIN_MS * 2 ** before);
  }
}

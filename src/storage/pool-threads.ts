/**
 * How the threads of the libuv pool are shared out. There is one pool for the whole process; each commit holds a thread
 * until its sync is over. Used on shards and on main.
 */
import { POOL_THREADS_BESIDE_SHARDS, UNSYNCED_COMMITS_MAX } from '../limits.js';

/** What libuv makes where nothing is said, and the most that it makes. */
const THREADS_DEFAULT = 4;
const THREADS_MAX = 1_024;

/** As many as `shards` have use for. */
export function poolThreadsWanted(shards: number): number {
  return shards * UNSYNCED_COMMITS_MAX + POOL_THREADS_BESIDE_SHARDS;
}

/** @returns the number of threads that the pool has, if `env` is what it was when the pool was first used */
export function poolThreads(env: NodeJS.ProcessEnv): number {
  const text = env['UV_THREADPOOL_SIZE'];
  if (text === undefined) return THREADS_DEFAULT;
  return Math.min(Math.max(Number.parseInt(text, 10) || 1, 1), THREADS_MAX);
}

/**
 * @returns how many commits of one shard may be in the pool. All shards together leave threads for other work; where
 * the pool is too small for that, a shard has one, and its next commit waits for the sync.
 */
export function unsyncedMax(threads: number, shards: number): number {
  const each = Math.floor((threads - POOL_THREADS_BESIDE_SHARDS) / shards);
  return Math.min(Math.max(each, 1), UNSYNCED_COMMITS_MAX);
}

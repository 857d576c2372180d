/** What tests put in the place of the real thing when they start a broker. Main thread. Types only. */
import type { OpenThreads } from './supervisor/thread-pool.js';

export interface Replacements {
  /** Module that Piscina runs as a shard. */
  readonly shardEntry?: URL | undefined;
  readonly openThreads?: OpenThreads | undefined;
  /** All memory that there is said to be. */
  readonly memoryBytes?: number | undefined;
  /** How passwords of users of the API are hashed; see `parseHashFormat`. */
  readonly userPasswordFormat?: string | undefined;
}

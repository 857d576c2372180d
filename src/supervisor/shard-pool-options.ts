/** What the shard pool is given, and what it tells. Main thread. Types only. */
import type {
  AccessStart,
  Alarm,
  PluginFailed,
  PluginHeard,
  PluginMessage,
  PluginStart,
  Seams,
  ShardFigures,
  TlsMaterial,
} from '../actor/shard-protocol.js';
import type { BrokerError } from '../base/errors.js';
import type { Config } from '../config/schema.js';
import type { ClientId, ShardId } from '../protocol/ids.js';
import type { OpenThreads } from './thread-pool.js';

export interface ShardPoolOptions {
  /** At first; see `configure`. */
  readonly config: Config;
  readonly shards: number;
  readonly hashSeed: number;
  readonly slotKey: string;
  /** An absolute path. */
  readonly dataDirectory: string;
  /** Certificates as they are now; see `updateAll`. */
  readonly tls: () => readonly TlsMaterial[];
  /** Rules and bans as they are now; see `updateAll`. */
  readonly access: () => AccessStart;
  /** Plugins as they run now; see `everywhere`. */
  readonly plugins: () => readonly PluginStart[];
  readonly seams: Seams;
  /** Module that runs a shard; see workers/shard.worker.ts. */
  readonly entry: URL;
  /** All that the process may use. */
  readonly memoryBytes: number;
  /** Where the threads come from, if not from `ThreadPool` itself. */
  readonly openThreads?: OpenThreads | undefined;
}

/** What the pool tells the rest of main. */
export interface ShardPoolEvents {
  /** Somebody waits for an answer, which has a deadline. */
  asked(): void;
  /** The shard is about to run, and will count there; whoever ran it before is gone. */
  started(shard: ShardId, counters: SharedArrayBuffer): void;
  figures(shard: ShardId, figures: ShardFigures): void;
  alarmRaised(shard: ShardId, alarm: Alarm): void;
  alarmCleared(shard: ShardId, id: string): void;
  /** Its part of a plugin says something to the main part. */
  pluginTold(shard: ShardId, message: PluginMessage): void;
  pluginHeard(shard: ShardId, heard: PluginHeard): void;
  /** Its part does not start in the shard, which is just starting and goes on without it. */
  pluginFailed(shard: ShardId, failed: PluginFailed): void;
  /** New connections wait for the shard, because it is late by so many milliseconds, or wait no longer (0). */
  overloadChanged(shard: ShardId, lateMs: number): void;
  /** A client connects too often. */
  flapping(clientId: ClientId): void;
  /** The shard is down: what it counted and raised has ended with it. */
  ended(shard: ShardId): void;
  /** Too many crashes. The pool goes on with the shards that are left until it is stopped. */
  failed(error: BrokerError): void;
}

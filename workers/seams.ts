/**
 * Puts together the seams of a shard: the trivial ones, or what a test has put in their place. On the shard's
 * thread.
 */
import { join } from 'node:path';
import type { ShardEvent, ShardStart } from '../src/actor/shard-protocol.js';
import { SystemClock } from '../src/base/clock.js';
import { messageOf } from '../src/base/errors.js';
import type { ShardHooks } from '../src/plugins/api.js';
import { poolThreads, unsyncedMax } from '../src/storage/pool-threads.js';
import { StoreRefusal } from '../src/storage/refusal.js';
import { type KeepingLevel, LmdbStore } from './store/lmdb-store.js';
import { mendStore } from './store/mended.js';
import { MemoryStore, type Store, type StoreModule } from './store/store.js';
import type { Link } from './transport/link.js';
import { SocketLink } from './transport/socket-link.js';

/** Opens the link of a connection that main has handed over. */
export type OpenLink = (fd: number, nodelay: boolean) => Link;

/** What a module that replaces links exports: it may wrap the real one. */
export interface LinkModule {
  wrapLink(open: OpenLink): OpenLink;
}

/** What a module with hooks exports. */
export interface HooksModule {
  createHooks(): ShardHooks;
}

export interface LoadedSeams {
  readonly openLink: OpenLink;
  readonly store: Store;
  /** Registered before any plugin's; null: none. */
  readonly hooks: ShardHooks | null;
  /** Tests may turn the clock and break the shard. */
  readonly faults: boolean;
}

const openSocket: OpenLink = (fd, nodelay) => new SocketLink(fd, nodelay);

/** @param tell what main is to hear meanwhile */
export async function loadSeams(start: ShardStart, tell: (event: ShardEvent) => void): Promise<LoadedSeams> {
  const { seams } = start;
  const link = seams.link === undefined ? null : ((await import(seams.link)) as LinkModule);
  const store = seams.store === undefined ? null : ((await import(seams.store)) as StoreModule);
  const hooks = seams.hooks === undefined ? null : ((await import(seams.hooks)) as HooksModule);
  return {
    openLink: link === null ? openSocket : link.wrapLink(openSocket),
    store: store === null ? await openStore(start, tell) : store.createStore(start),
    hooks: hooks === null ? null : hooks.createHooks(),
    faults: seams.faults === true,
  };
}

async function openStore(start: ShardStart, tell: (event: ShardEvent) => void): Promise<Store> {
  const { config, dataDirectory, shard } = start;
  const level = config['mqtt.persistence.level'];
  if (level === 'memory') return new MemoryStore();
  const directory = join(dataDirectory, `shard-${shard}`);
  try {
    await mendStore(directory, shard, tell);
    return openLmdb(start, level);
  } catch (error) {
    // Later starts are those of a shard that has crashed: the disk may be itself again with the next one.
    if (start.incarnation > 1 || error instanceof StoreRefusal) throw error;
    const can = 'see that it can be read and written, and that the disk has room';
    throw new StoreRefusal(`${directory} cannot be opened (${messageOf(error)}): ${can}`);
  }
}

/** The real store, at a level of one's choice. @throws Error */
export function openLmdb({ config, dataDirectory, shard, shards }: ShardStart, level: KeepingLevel): Store {
  return new LmdbStore(
    {
      level,
      directory: join(dataDirectory, `shard-${shard}`),
      flushIntervalMs: config['mqtt.persistence.flush_interval'],
      unsyncedMax: unsyncedMax(poolThreads(process.env), shards),
      maxBytes: config['mqtt.persistence.max_bytes'] / shards,
    },
    new SystemClock(),
  );
}

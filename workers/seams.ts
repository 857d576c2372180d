/**
 * Puts together the seams of a shard: the trivial ones, or what a test has put in their place. On the shard's
 * thread.
 */
import type { ShardEvent, ShardStart } from '../src/actor/shard-protocol.js';
import type { ShardHooks } from '../src/plugins/api.js';
import { MemoryStore, type Store, type StoreModule } from './store/store.js';
import type { Link } from './transport/link.js';
import { SocketLink } from './transport/socket-link.js';

/** Opens the link of a connection that main has handed over. */
export type OpenLink = (fd: number) => Link;

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

const openSocket: OpenLink = (fd) => new SocketLink(fd);

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
  const level = start.config['mqtt.persistence.level'];
  if (level === 'memory') return new MemoryStore();
  const { openStore: open } = await import('./store/open-store.js');
  return open(start, level, tell);
}

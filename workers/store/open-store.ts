/**
 * Opens what a shard keeps. Loaded by shards that keep something only: lmdb takes a third of the time in which another
 * shard is there. Runs on the shard's thread.
 */
import { join } from 'node:path';
import type { ShardEvent, ShardStart } from '../../src/actor/shard-protocol.js';
import { SystemClock } from '../../src/base/clock.js';
import { messageOf } from '../../src/base/errors.js';
import { poolThreads, unsyncedMax } from '../../src/storage/pool-threads.js';
import { StoreRefusal } from '../../src/storage/refusal.js';
import { type KeepingLevel, LmdbStore } from './lmdb-store.js';
import { mendStore } from './mended.js';
import type { Store } from './store.js';

/** What is damaged is put aside; `tell` is for what main is to hear meanwhile. @throws StoreRefusal; Error */
export async function openStore(
  start: ShardStart,
  level: KeepingLevel,
  tell: (event: ShardEvent) => void,
): Promise<Store> {
  const directory = directoryOf(start);
  try {
    await mendStore(directory, start.shard, tell);
    return openLmdb(start, level);
  } catch (error) {
    // Later starts are those of a shard that has crashed: the disk may be itself again with the next one.
    if (start.incarnation > 1 || error instanceof StoreRefusal) throw error;
    const can = 'see that it can be read and written, and that the disk has room';
    throw new StoreRefusal(`${directory} cannot be opened (${messageOf(error)}): ${can}`);
  }
}

/** The real store, at a level of one's choice. @throws Error */
export function openLmdb(start: ShardStart, level: KeepingLevel): Store {
  const { config } = start;
  return new LmdbStore(
    {
      level,
      directory: directoryOf(start),
      flushIntervalMs: config['mqtt.persistence.flush_interval'],
      unsyncedMax: unsyncedMax(poolThreads(process.env), start.shards),
      maxBytes: config['mqtt.persistence.max_bytes'] / start.shards,
    },
    new SystemClock(),
  );
}

function directoryOf({ dataDirectory, shard }: ShardStart): string {
  return join(dataDirectory, `shard-${shard}`);
}

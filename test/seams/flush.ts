/**
 * The product's store at level `disk`, whose flushes are withheld from the word `hold` to the word `release`: commits go on, and nobody
 * hears that they are on the disk. Loaded by every shard.
 */
import type { ShardStart } from '../../src/actor/shard-protocol.js';
import { Environment, type Write, type WriteEnd } from '../../src/storage/environment.js';
import { openLmdb } from '../../workers/store/open-store.js';
import type { Store } from '../../workers/store/store.js';
import { seamSide } from './remote.js';

const side = seamSide(import.meta.url);
let isHolding = false;
let held: (() => void)[] = [];

side.onWord((word) => {
  // What other shards say is heard as well.
  if (word !== 'hold' && word !== 'release') return;
  isHolding = word === 'hold';
  side.say(`${word}: done`);
  if (isHolding) return;
  const flushes = held;
  held = [];
  for (const flushed of flushes) flushed();
});

const { write } = Environment.prototype;

function writeUnflushed<Table extends string>(
  this: Environment<Table>,
  writes: readonly Write<Table>[],
  end: WriteEnd,
): void {
  // One that was committed before the word goes on: no other could begin behind it.
  let isConcerned = false;
  write.call(this, writes, {
    committed: () => {
      end.committed();
      isConcerned = isHolding;
      if (isHolding) side.say('committed');
    },
    flushed: () => {
      if (isConcerned && isHolding) held.push(() => end.flushed());
      else end.flushed();
    },
    failed: (error) => end.failed(error),
  });
}

Environment.prototype.write = writeUnflushed;

export function createStore(start: ShardStart): Store {
  return openLmdb(start, 'disk');
}

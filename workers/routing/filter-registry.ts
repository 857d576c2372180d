/** The topic filters of a shard: when they come, when they go, and which routes they make stale. On its thread. */
import type { InterestChange } from '../../src/actor/peer-protocol.js';
import type { ByteHash } from './byte-hash.js';
import {
  FIRST_SUBSCRIPTION,
  FilterColumns,
  HAS_GROUPS,
  HAS_LOCAL_GROUPS,
  LOCAL,
  PEERS,
  PENDING,
  SOLE,
  TOLD_DURABLE,
  TOLD_PLAIN,
} from './filter-columns.js';
import { FilterScopes } from './filter-scopes.js';
import { FilterTree } from './filter-tree.js';
import { IntVector } from './int-arrays.js';
import type { Subscriber } from './route.js';
import type { TopicCache } from './topic-cache.js';

/** Whoever changes a filter's row calls `touch` and then `settle`. */
export class FilterRegistry<S extends Subscriber> {
  readonly tree: FilterTree;
  readonly columns = new FilterColumns();
  readonly scopes = new FilterScopes();
  /** Is told of filters that have come, have changed, or are about to go; null: nobody wants to know. */
  watcher: ((filter: number) => void) | null = null;
  /** Filters with a local subscription or a local member of a group. */
  localCount = 0;
  /** Filters of which peers may have to be told. */
  private pending = new IntVector();
  private taken = new IntVector();

  constructor(
    hash: ByteHash,
    hashSeed: number,
    private readonly cache: TopicCache<S>,
  ) {
    this.tree = new FilterTree(hash, hashSeed);
  }

  /** @returns the filter's number, added when it is new; `settle` takes it out again if nothing came of it. */
  open(filter: string): number {
    const id = this.tree.intern(filter);
    this.columns.reach(id);
    return id;
  }

  /** As `open`, of `bytes[start, end)`. */
  openBytes(bytes: Uint8Array, start: number, end: number): number {
    const id = this.tree.internBytes(bytes, start, end);
    this.columns.reach(id);
    return id;
  }

  /** The routes of all topics that the filter matches may have changed. */
  touch(filter: number): void {
    if (this.cache.size === 0) return;
    const topic = this.tree.exactBytesOf(filter);
    if (topic === null) this.cache.clear();
    else this.cache.forget(topic);
  }

  /** Lets the tree answer for the filter if all that a route needs of it fits. To be called where `settle` is not. */
  answer(filter: number): void {
    const columns = this.columns;
    const isAll = columns.get(filter, PEERS) === 0 && !columns.hasFlag(filter, HAS_GROUPS);
    this.tree.setAnswer(filter, isAll ? columns.get(filter, SOLE) : 0);
  }

  /** Draws the conclusions from a filter's row: what to count, what to tell peers, whether it may go. */
  settle(filter: number): void {
    const columns = this.columns;
    this.answer(filter);
    const isPlain = columns.get(filter, FIRST_SUBSCRIPTION) !== 0;
    const isLocal = isPlain || columns.hasFlag(filter, HAS_LOCAL_GROUPS);
    if (columns.hasFlag(filter, LOCAL) !== isLocal) {
      columns.setFlag(filter, LOCAL, isLocal);
      this.localCount += isLocal ? 1 : -1;
    }
    this.watcher?.(filter);
    if (columns.hasFlag(filter, PENDING)) return;
    if (this.isNews(filter)) {
      columns.setFlag(filter, PENDING, true);
      this.pending.push(filter);
    } else if (!isPlain && columns.get(filter, PEERS) === 0 && !columns.hasFlag(filter, HAS_GROUPS)) {
      this.tree.remove(filter);
    }
  }

  private isNews(filter: number): boolean {
    const columns = this.columns;
    return (
      columns.hasFlag(filter, TOLD_PLAIN) !== columns.isPlain(filter) ||
      columns.hasFlag(filter, TOLD_DURABLE) !== columns.isDurable(filter) ||
      this.scopes.isNews(filter)
    );
  }

  /** Appends what peers must be told to `changes`, and takes it as told. Null: nobody is there to be told. */
  takeChanges(changes: InterestChange[] | null): void {
    const taken = this.pending;
    this.pending = this.taken;
    this.taken = taken;
    for (let i = 0; i < taken.length; i += 1) {
      const filter = taken.items[i]!;
      this.columns.setFlag(filter, PENDING, false);
      if (this.isNews(filter)) {
        this.columns.setFlag(filter, TOLD_PLAIN, this.columns.isPlain(filter));
        this.columns.setFlag(filter, TOLD_DURABLE, this.columns.isDurable(filter));
        this.scopes.setTold(filter, this.scopes.localityOf(filter));
        changes?.push(this.interestIn(filter));
      }
      this.settle(filter);
    }
    taken.length = 0;
  }

  /** This shard's interest in a filter. */
  interestIn(filter: number): InterestChange {
    const local = this.scopes.localityOf(filter);
    const change = {
      filter: this.tree.filterOf(filter),
      plain: this.columns.isPlain(filter),
      durable: this.columns.isDurable(filter),
    };
    return local === undefined ? change : { ...change, local };
  }
}

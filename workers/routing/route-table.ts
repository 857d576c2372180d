/** All filters that a shard knows of, for lists of routes. On the shard's worker thread. */
import { TOPIC_BYTES_MAX } from '../../src/protocol/topic.js';
import { HAS_GROUPS, PEERS } from './filter-columns.js';
import type { FilterRegistry } from './filter-registry.js';
import type { GroupRegistry } from './group-registry.js';
import type { Subscriber } from './route.js';
import { LOCAL_PREFIX, type ShareGroup } from './share-group.js';

/** Who subscribes to a filter. */
export interface RouteScope {
  /** Somebody does so without `$local/`. */
  readonly isGlobal: boolean;
  /** Somebody does so with it. */
  readonly isLocal: boolean;
}

const NOBODY: RouteScope = { isGlobal: false, isLocal: false };

export class RouteTable<S extends Subscriber> {
  constructor(
    private readonly filters: FilterRegistry<S>,
    private readonly groups: GroupRegistry<S>,
  ) {}

  /** Every filter's number is below this. */
  get end(): number {
    return this.filters.tree.idsEnd;
  }

  /** Calls back with filters that have come, have changed or are about to go; null: no more. */
  watch(watcher: ((filter: number) => void) | null): void {
    this.filters.watcher = watcher;
  }

  /** @returns the text of the filter with this number, valid until the next call; null: there is none */
  bytesAt(filter: number): Buffer | null {
    const { tree } = this.filters;
    return tree.has(filter) ? tree.bytesOf(filter) : null;
  }

  /** @param text need not be a valid filter */
  of(text: string): RouteScope {
    const { tree } = this.filters;
    if (Buffer.byteLength(text) > TOPIC_BYTES_MAX) return NOBODY;
    const filter = tree.find(text);
    // The tree takes `a/#/b` for `a/#`.
    return filter === -1 || tree.filterOf(filter) !== text ? NOBODY : this.at(filter);
  }

  at(filter: number): RouteScope {
    const { columns, scopes } = this.filters;
    let isGlobal = scopes.hasOthers(filter, columns.isPlain(filter), columns.get(filter, PEERS));
    let isLocal = scopes.hasLocal(filter);
    if (columns.hasFlag(filter, HAS_GROUPS)) {
      const groups: ShareGroup<S>[] = [];
      this.groups.collect(filter, groups);
      for (const { isEmpty, name } of groups) {
        if (isEmpty) continue;
        if (name.startsWith(LOCAL_PREFIX)) isLocal = true;
        else isGlobal = true;
      }
    }
    return { isGlobal, isLocal };
  }
}

/** What a shard tells its peers about its subscriptions, and what they have told it. On its worker thread. */
import { InterestReader, type InterestWriter } from '../../src/actor/interest-lot.js';
import type { GroupChange, InterestChange, Locality } from '../../src/actor/peer-protocol.js';
import { TOPIC_BYTES_MAX } from '../../src/protocol/topic.js';
import { DURABLE_PEERS, LOCAL, PEERS } from './filter-columns.js';
import type { FilterRegistry } from './filter-registry.js';
import { FilterSet } from './filter-set.js';
import type { GroupRegistry } from './group-registry.js';
import { ROOT } from './node-store.js';
import type { Subscriber } from './route.js';
import type { ShareGroup } from './share-group.js';

/** How far the forgetting of a shard has come. */
interface Drop {
  readonly what: What;
  filter: number;
  group: number;
}

/** This shard's whole interest on its way to a peer that is new. */
export class OwnInterest<S extends Subscriber> {
  private filter = 0;
  private group = 0;
  /** What the filter that was told last has in front of its last level: the node, and bytes with the slash. */
  private parent = ROOT;
  private parentBytes = 0;

  constructor(
    private readonly filters: FilterRegistry<S>,
    private readonly groups: GroupRegistry<S>,
  ) {}

  /** Adds filters to `filters` until it is full, and up to `groupsMax` groups. @returns true when nothing is left */
  next(filters: InterestWriter, groups: GroupChange[], groupsMax: number): boolean {
    const { tree, columns, scopes } = this.filters;
    for (; this.filter < tree.idsEnd; this.filter += 1) {
      if (filters.isFull) return false;
      const { filter } = this;
      if (!tree.has(filter) || !columns.hasFlag(filter, LOCAL) || !columns.isPlain(filter)) continue;
      const same = this.sameBytes(filter, filters.isEmpty);
      const start = tree.writeText(filter, same === 0 ? ROOT : this.parent);
      filters.add(
        same,
        tree.text,
        start,
        TOPIC_BYTES_MAX,
        columns.isDurable(filter),
        scopes.localityOf(filter),
      );
    }
    for (let left = groupsMax; this.group < this.groups.indexEnd; this.group += 1, left -= 1) {
      if (left === 0) return false;
      const group = this.groups.at(this.group);
      if (group !== null && group.memberCount > 0) groups.push(this.groups.membersOf(group));
    }
    return true;
  }

  // Nothing changes between filters of one lot, so a node stands for the same text.
  private sameBytes(filter: number, isFirst: boolean): number {
    const { tree } = this.filters;
    const parent = tree.parentOf(filter);
    if (!isFirst && parent === this.parent) return this.parentBytes;
    this.parent = parent;
    this.parentBytes = tree.bytesBefore(parent);
    return 0;
  }
}

/**
 * What of a shard's interest is forgotten: all; all but what is durable, which becomes stale; or what is stale, that
 * is, has not been said by the shard's next life.
 */
type What = 'all' | 'passing' | 'stale';

export class PeerInterest<S extends Subscriber> {
  /** By shard: the filters in which its interest is stale. */
  private readonly stale: (FilterSet | undefined)[] = [];
  private readonly drops: (Drop | undefined)[] = [];

  constructor(
    private readonly filters: FilterRegistry<S>,
    private readonly groups: GroupRegistry<S>,
  ) {}

  /** Everything that peers have not been told yet, each filter and group with its last word; null for nothing. */
  takeInterestChanges(): { filters: InterestChange[]; groups: GroupChange[] } | null {
    const filters: InterestChange[] = [];
    const groups: GroupChange[] = [];
    this.groups.takeChanges(groups);
    this.filters.takeChanges(filters);
    return filters.length === 0 && groups.length === 0 ? null : { filters, groups };
  }

  /** What has changed is told to nobody: whoever comes is told everything. */
  forgetInterestChanges(): void {
    this.groups.takeChanges(null);
    this.filters.takeChanges(null);
  }

  /**
   * Begins to tell this shard's whole interest. Between its slices subscriptions may change: what changes behind it is
   * in `takeChanges`, and what the peer hears twice is the same or newer the second time.
   */
  announce(): OwnInterest<S> {
    return new OwnInterest(this.filters, this.groups);
  }

  applyInterest(shard: number, change: InterestChange): void {
    this.finishDrop(shard);
    if (change.plain) {
      this.setPeer(this.filters.open(change.filter), shard, true, change.durable, change.local);
    } else {
      const filter = this.filters.tree.find(change.filter);
      if (filter !== -1) this.setPeer(filter, shard, false, false);
    }
  }

  /** As `applyInterest`, for all filters of a lot. */
  applyInterestLot(shard: number, lot: ArrayBuffer): void {
    this.finishDrop(shard);
    const reader = new InterestReader(lot);
    while (reader.next()) {
      const filter = this.filters.openBytes(reader.bytes, 0, reader.end);
      this.setPeer(filter, shard, true, reader.durable, reader.local);
    }
  }

  private isStale(filter: number, shard: number): boolean {
    return this.stale[shard]?.has(filter) === true;
  }

  private setPeer(
    filter: number,
    shard: number,
    plain: boolean,
    durable: boolean,
    locality?: Locality | undefined,
  ): void {
    const columns = this.filters.columns;
    const bit = 1 << shard;
    this.stale[shard]?.delete(filter);
    const peers = columns.get(filter, PEERS);
    const durablePeers = columns.get(filter, DURABLE_PEERS);
    const peersNow = plain ? peers | bit : peers & ~bit;
    const durablePeersNow = plain && durable ? durablePeers | bit : durablePeers & ~bit;
    const isScopeNew = this.filters.scopes.setPeer(filter, bit, locality);
    if (peers === peersNow && durablePeers === durablePeersNow && !isScopeNew) return;
    columns.set(filter, PEERS, peersNow);
    columns.set(filter, DURABLE_PEERS, durablePeersNow);
    this.filters.touch(filter);
    this.filters.settle(filter);
  }

  applyGroup(shard: number, change: GroupChange): void {
    this.finishDrop(shard);
    const { online, offline, durable, groupId } = change;
    let filter = this.filters.tree.find(change.filter);
    let group = filter === -1 ? undefined : this.groups.find(filter, change.group);
    if (group === undefined) {
      if (online + offline === 0) return;
      filter = this.filters.open(change.filter);
      group = this.groups.open(filter, change.filter, change.group);
    }
    group.setPeer(shard, groupId, online, offline, durable);
    this.groups.settle(group, group.memberCount);
  }

  /**
   * Forgets the interest of a shard, looking at up to `max` filters and groups. It must be called until it says that
   * all is forgotten; news from that shard meanwhile finishes it at once. With `keepsDurable` that shard will be back:
   * what is durable stays until `dropStaleSome`, unless its next life says it.
   */
  dropShardSome(shard: number, max: number, keepsDurable = false): boolean {
    if (!keepsDurable) return this.drop(shard, 'all', max);
    this.stale[shard] ??= new FilterSet();
    return this.drop(shard, 'passing', max);
  }

  /** Forgets what is still stale, likewise. */
  dropStaleSome(shard: number, max: number): boolean {
    if (this.stale[shard] === undefined) return true;
    if (!this.drop(shard, 'stale', max)) return false;
    this.stale[shard] = undefined;
    return true;
  }

  private drop(shard: number, what: What, max: number): boolean {
    let drop = this.drops[shard];
    if (drop?.what !== what) {
      drop = { what, filter: 0, group: 0 };
      this.drops[shard] = drop;
    }
    const { tree } = this.filters;
    let left = max;
    for (; left > 0 && drop.filter < tree.idsEnd; drop.filter += 1, left -= 1) {
      this.dropFilter(drop.filter, shard, what);
    }
    for (; left > 0 && drop.group < this.groups.indexEnd; drop.group += 1, left -= 1) {
      const group = this.groups.at(drop.group);
      if (group?.hasMembersOn(shard)) this.dropGroup(group, shard, what);
    }
    if (drop.filter < tree.idsEnd || drop.group < this.groups.indexEnd) return false;
    this.drops[shard] = undefined;
    return true;
  }

  private dropFilter(filter: number, shard: number, what: What): void {
    const { tree, columns } = this.filters;
    const bit = 1 << shard;
    if (!tree.has(filter) || (columns.get(filter, PEERS) & bit) === 0) return;
    if (what === 'stale' && !this.isStale(filter, shard)) return;
    if (what === 'passing' && (columns.get(filter, DURABLE_PEERS) & bit) !== 0)
      this.stale[shard]!.add(filter);
    else this.setPeer(filter, shard, false, false);
  }

  private dropGroup(group: ShareGroup<S>, shard: number, what: What): void {
    if (what === 'stale' && !group.isStaleOn(shard)) return;
    if (what === 'passing') group.leaveDurable(shard);
    else group.setPeer(shard, -1, 0, 0, 0);
    this.groups.settle(group, group.memberCount);
  }

  private finishDrop(shard: number): void {
    const drop = this.drops[shard];
    if (drop !== undefined && drop.what !== 'stale') this.drop(shard, drop.what, Number.POSITIVE_INFINITY);
  }
}

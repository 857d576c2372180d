/** The share groups of a shard, by filter and name, by number, and what peers must be told. On its worker thread. */
import type { GroupChange } from '../../src/actor/peer-protocol.js';
import { HAS_GROUPS, HAS_LOCAL_GROUPS } from './filter-columns.js';
import type { FilterRegistry } from './filter-registry.js';
import type { Subscriber } from './route.js';
import { ShareGroup } from './share-group.js';

/** The groups of one filter. */
interface FilterGroups<S extends Subscriber> {
  readonly byName: Map<string, ShareGroup<S>>;
  /** Those with a member on this shard. */
  local: number;
}

/** A group lives while anybody is a member anywhere, or a peer must yet be told that nobody is. */
export class GroupRegistry<S extends Subscriber> {
  private readonly byFilter = new Map<number, FilterGroups<S>>();
  private readonly byId = new Map<number, ShareGroup<S>>();
  private readonly byIndex: (ShareGroup<S> | null)[] = [];
  private readonly freeIndexes: number[] = [];
  private nextId = 1;
  private pending = new Set<ShareGroup<S>>();

  constructor(
    private readonly shard: number,
    private readonly filters: FilterRegistry<S>,
  ) {}

  /** Groups are at indexes below this; some of them are gone. */
  get indexEnd(): number {
    return this.byIndex.length;
  }

  at(index: number): ShareGroup<S> | null {
    return this.byIndex[index] ?? null;
  }

  withId(id: number): ShareGroup<S> | undefined {
    return this.byId.get(id);
  }

  find(filter: number, name: string): ShareGroup<S> | undefined {
    return this.byFilter.get(filter)?.byName.get(name);
  }

  /** Appends the groups of a filter to `out`. */
  collect(filter: number, out: ShareGroup<S>[]): void {
    const groups = this.byFilter.get(filter);
    if (groups === undefined) return;
    for (const group of groups.byName.values()) out.push(group);
  }

  /** @returns the group, made when it is new. The caller adds a member or a peer's members, then calls `settle`. */
  open(filter: number, text: string, name: string): ShareGroup<S> {
    let groups = this.byFilter.get(filter);
    if (groups === undefined) {
      groups = { byName: new Map(), local: 0 };
      this.byFilter.set(filter, groups);
      this.filters.columns.setFlag(filter, HAS_GROUPS, true);
    }
    const known = groups.byName.get(name);
    if (known !== undefined) return known;
    const index = this.freeIndexes.pop() ?? this.byIndex.length;
    const group = new ShareGroup<S>(text, name, this.nextId, this.shard, filter, index);
    this.nextId += 1;
    groups.byName.set(name, group);
    this.byId.set(group.id, group);
    this.byIndex[index] = group;
    this.filters.touch(filter);
    return group;
  }

  /** Draws the conclusions after members have come, gone or changed: what to tell peers, whether the group may go. */
  settle(group: ShareGroup<S>, membersBefore: number): void {
    if ((membersBefore === 0) !== (group.memberCount === 0)) {
      const groups = this.byFilter.get(group.filterId)!;
      groups.local += group.memberCount === 0 ? -1 : 1;
      this.filters.columns.setFlag(group.filterId, HAS_LOCAL_GROUPS, groups.local > 0);
    }
    if (this.isNews(group)) this.pending.add(group);
    else if (group.isEmpty && !this.pending.has(group)) this.close(group);
    this.filters.settle(group.filterId);
  }

  private isNews(group: ShareGroup<S>): boolean {
    return (
      group.toldOnline !== group.onlineCount ||
      group.toldOffline !== group.offlineCount ||
      group.toldDurable !== group.durableCount
    );
  }

  private close(group: ShareGroup<S>): void {
    const groups = this.byFilter.get(group.filterId)!;
    groups.byName.delete(group.name);
    this.byId.delete(group.id);
    this.byIndex[group.index] = null;
    this.freeIndexes.push(group.index);
    this.filters.touch(group.filterId);
    if (groups.byName.size > 0) return;
    this.byFilter.delete(group.filterId);
    this.filters.columns.setFlag(group.filterId, HAS_GROUPS, false);
  }

  /** Appends what peers must be told to `changes`, and takes it as told. Null: nobody is there to be told. */
  takeChanges(changes: GroupChange[] | null): void {
    if (this.pending.size === 0) return;
    const taken = this.pending;
    this.pending = new Set();
    for (const group of taken) {
      if (this.isNews(group)) {
        group.toldOnline = group.onlineCount;
        group.toldOffline = group.offlineCount;
        group.toldDurable = group.durableCount;
        changes?.push(this.membersOf(group));
      }
      this.settle(group, group.memberCount);
    }
  }

  /** This shard's members of a group. */
  membersOf(group: ShareGroup<S>): GroupChange {
    return {
      filter: group.filter,
      group: group.name,
      groupId: group.id,
      online: group.onlineCount,
      offline: group.offlineCount,
      durable: group.durableCount,
    };
  }
}

/**
 * The subscription routing of one shard: who gets a topic's messages, here and on other shards. On its worker thread,
 * which alone touches it.
 */
import { TOPIC_CACHE_BYTES_PER_TOPIC } from '../../src/limits.js';
import { TOPIC_BYTES_MAX } from '../../src/protocol/topic.js';
import { ByteHash } from './byte-hash.js';
import { FilterRegistry } from './filter-registry.js';
import { GroupRegistry } from './group-registry.js';
import { Matcher } from './matcher.js';
import { PeerInterest } from './peer-interest.js';
import type { Route, Subscriber } from './route.js';
import { RouteTable } from './route-table.js';
import { groupName, LOCAL_PREFIX, type ShareGroup } from './share-group.js';
import type {
  KeptSubscription,
  RouterOptions,
  SubscriptionInfo,
  SubscriptionKeeper,
} from './subscription-info.js';
import { Subscriptions, VARIANT_GROUPS, VARIANT_LOCAL, VARIANT_PLAIN } from './subscriptions.js';
import { TopicCache } from './topic-cache.js';

export type { Route, Subscriber } from './route.js';
export type { SubscriptionInfo } from './subscription-info.js';

/**
 * Filters must be valid (`checkTopicFilter`). A session may hold several subscriptions to one filter: its own, one
 * with `$local/`, and one per share group. `interest.takeInterestChanges` must be called now and then even where
 * there are no peers, for a filter nobody wants any more is kept until it has been reported.
 */
export class Router<S extends Subscriber> {
  private readonly cache: TopicCache<S>;
  private readonly filters: FilterRegistry<S>;
  private readonly subscriptions: Subscriptions;
  private readonly groups: GroupRegistry<S>;
  /** What other shards want, and are told that this one wants. */
  readonly interest: PeerInterest<S>;
  /** All filters that are known, other shards' included. */
  readonly routes: RouteTable<S>;
  private readonly matcher: Matcher<S>;
  /** By slot. */
  private readonly sessions: (S | null)[] = [];
  private readonly freeSlots: number[] = [];
  /** By slot: whether its subscriptions are counted as durable. */
  private readonly durable: boolean[] = [];
  private readonly onSubscriptions: (s: S) => void;
  private readonly keeper: SubscriptionKeeper<S> | null;
  private readonly countPlain = (filter: number): number => this.subscriptions.countOfFilter(filter);
  /** The route of all remembered topics that nobody wants, while it is current. */
  private nowhere: Route<S> | null = null;

  constructor(options: RouterOptions<S>) {
    const { hashSeed, topicsCachedMax, targetsCachedMax, onSubscriptions = () => {} } = options;
    this.onSubscriptions = onSubscriptions;
    this.keeper = options.keeper ?? null;
    const hash = new ByteHash(hashSeed);
    const bytesCachedMax = Math.max(TOPIC_BYTES_MAX, topicsCachedMax * TOPIC_CACHE_BYTES_PER_TOPIC);
    this.cache = new TopicCache(hash, { topicsCachedMax, targetsCachedMax, bytesCachedMax });
    this.filters = new FilterRegistry(hash, hashSeed, this.cache);
    this.subscriptions = new Subscriptions(this.filters.columns, hashSeed);
    this.groups = new GroupRegistry(options.shard, this.filters);
    this.routes = new RouteTable(this.filters, this.groups);
    this.interest = new PeerInterest(this.filters, this.groups);
    this.matcher = new Matcher(this.filters, this.subscriptions, this.groups, this.sessions);
  }

  /** A route that somebody has kept is still right if its version is this one. */
  get version(): number {
    return this.cache.version;
  }

  /** Subscriptions of this shard's sessions, memberships in share groups included. */
  get subscriptionCount(): number {
    return this.subscriptions.size;
  }

  /** Filters with a subscription of this shard. */
  get filterCount(): number {
    return this.filters.localCount;
  }

  /** All filters, other shards' included. */
  get routeCount(): number {
    return this.filters.tree.size;
  }

  /** Bytes of all tables, which `process.memoryUsage` does not count; topic cache and share groups left out. */
  get tableBytes(): number {
    const { tree, columns } = this.filters;
    return tree.tableBytes + columns.words.byteLength + this.subscriptions.tableBytes;
  }

  /** The remembered route of a topic, null when there is none; a topic that has one is a valid topic name. */
  lookup(bytes: Uint8Array, start: number, end: number): Route<S> | null {
    return this.cache.lookup(bytes, start, end);
  }

  /** Forgets all routes, and with them which topics are valid. */
  forgetRoutes(): void {
    this.cache.clear();
  }

  /** Whether some filter matches a valid topic name. Remembers nothing: it is for topics that seldom come twice. */
  isWanted(topic: Uint8Array): boolean {
    return this.matcher.isMatched(topic);
  }

  /** Finds the route of a valid topic name, and remembers it if it seems worth it. */
  match(bytes: Uint8Array, start: number, end: number): Route<S> {
    const route = this.matcher.match(bytes, start, end);
    if (route.subscribers.length === 0 && route.shards === 0 && route.groups.length === 0)
      return this.matchNobody(bytes, start, end, route);
    this.cache.insert(bytes, start, end, route);
    return route;
  }

  private matchNobody(bytes: Uint8Array, start: number, end: number, made: Route<S>): Route<S> {
    const known = this.nowhere;
    const { version } = this.cache;
    if (known?.version === version) {
      if (!this.cache.insert(bytes, start, end, known)) return made;
      if (known.version === version) return known;
      // The cache was emptied to make room: for most topics that have this route nobody could make it stale now.
      known.version = -1;
    }
    if (this.cache.insert(bytes, start, end, made)) this.nowhere = made;
    return made;
  }

  /**
   * Subscribes, or changes options and identifier of the subscription that the session already has.
   * @returns whether it is new
   */
  subscribe(
    s: S,
    filter: string,
    group: string | null,
    local: boolean,
    options: number,
    identifier: number,
  ): boolean {
    const slot = s.slot === -1 ? this.openSlot(s) : s.slot;
    const filterId = this.filters.open(filter);
    const isNew =
      group === null
        ? this.add(slot, filterId, local, options, identifier)
        : this.join(s, filterId, filter, groupName(group, local), options, identifier);
    if (isNew) this.onSubscriptions(s);
    if (this.keeper?.keeps(s) === true) {
      this.keeper.subscribed(s, { filter, group, local, options, identifier }, isNew);
    }
    return isNew;
  }

  /** So many subscriptions are coming back, and about as many to each of the other shards. */
  expect(subscriptions: number, shards: number): void {
    this.filters.tree.expect(subscriptions * shards);
  }

  /** Brings back a subscription that is new, of a session that was here before. */
  restore(s: S, kept: KeptSubscription): void {
    const { bytes, start, end, group, local, options, identifier } = kept;
    if (group !== null) {
      this.subscribe(s, bytes.toString('utf8', start, end), group, local, options, identifier);
      return;
    }
    const slot = s.slot === -1 ? this.openSlot(s) : s.slot;
    this.addNew(slot, this.filters.openBytes(bytes, start, end), local, options, identifier);
  }

  private add(slot: number, filterId: number, local: boolean, options: number, identifier: number): boolean {
    const known = this.subscriptions.find(slot, filterId, local ? VARIANT_LOCAL : VARIANT_PLAIN);
    if (known === -1) {
      this.addNew(slot, filterId, local, options, identifier);
      return true;
    }
    this.subscriptions.update(known, options, identifier);
    this.filters.answer(filterId);
    this.filters.touch(filterId);
    return false;
  }

  private addNew(slot: number, filterId: number, local: boolean, options: number, identifier: number): void {
    const variant = local ? VARIANT_LOCAL : VARIANT_PLAIN;
    this.filters.scopes.add(filterId, local, this.countPlain);
    this.subscriptions.add(slot, filterId, variant, options, identifier);
    if (this.durable[slot]) this.filters.columns.addDurable(filterId, 1);
    this.filters.touch(filterId);
    this.filters.settle(filterId);
  }

  private join(
    s: S,
    filterId: number,
    filter: string,
    name: string,
    options: number,
    identifier: number,
  ): boolean {
    const group = this.groups.open(filterId, filter, name);
    const variant = VARIANT_GROUPS + group.index;
    const known = this.subscriptions.find(s.slot, filterId, variant);
    if (known !== -1) {
      this.subscriptions.update(known, options, identifier);
      group.update(s, options, identifier);
      return false;
    }
    this.subscriptions.add(s.slot, filterId, variant, options, identifier);
    const membersBefore = group.memberCount;
    group.add(s, s.online, options, identifier);
    if (this.durable[s.slot]) group.durableCount++;
    this.groups.settle(group, membersBefore);
    return true;
  }

  /** @returns false when there was no such subscription. */
  unsubscribe(s: S, filter: string, group: string | null, local: boolean): boolean {
    const id = this.find(s, filter, group, local);
    if (id === -1) return false;
    this.removeSubscription(s, id);
    return true;
  }

  has(s: S, filter: string, group: string | null, local: boolean): boolean {
    return this.find(s, filter, group, local) !== -1;
  }

  /** @returns the subscription to exactly this, null where the session has none */
  subscriptionTo(s: S, filter: string, group: string | null, local: boolean): SubscriptionInfo | null {
    const id = this.find(s, filter, group, local);
    return id === -1 ? null : this.infoOf(id);
  }

  private find(s: S, filter: string, group: string | null, local: boolean): number {
    const filterId = s.slot === -1 ? -1 : this.filters.tree.find(filter);
    if (filterId === -1) return -1;
    let variant = local ? VARIANT_LOCAL : VARIANT_PLAIN;
    if (group !== null) {
      const found = this.groups.find(filterId, groupName(group, local));
      if (found === undefined) return -1;
      variant = VARIANT_GROUPS + found.index;
    }
    return this.subscriptions.find(s.slot, filterId, variant);
  }

  /** Ends all subscriptions of a session and takes its slot back. */
  removeAll(s: S): void {
    this.removeSome(s, Number.POSITIVE_INFINITY);
  }

  /** Ends up to `max` subscriptions of a session. @returns true when none is left and its slot is taken back. */
  removeSome(s: S, max: number): boolean {
    const slot = s.slot;
    if (slot === -1) return true;
    for (let left = max; left > 0; left -= 1) {
      // Groups first: until it has left them, a session that is over could still be chosen.
      let id = this.subscriptions.firstInGroup(slot);
      if (id === -1) id = this.subscriptions.firstPlain(slot);
      if (id === -1) break;
      this.removeSubscription(s, id);
    }
    if (this.subscriptions.countOf(slot) > 0) return false;
    this.sessions[slot] = null;
    this.freeSlots.push(slot);
    s.slot = -1;
    return true;
  }

  private removeSubscription(s: S, id: number): void {
    const filterId = this.subscriptions.filterOf(id);
    const variant = this.subscriptions.variantOf(id);
    if (this.keeper?.keeps(s) === true) this.keeper.unsubscribed(s, this.infoOf(id));
    this.subscriptions.remove(id);
    this.onSubscriptions(s);
    if (variant >= VARIANT_GROUPS) {
      const group = this.groups.at(variant - VARIANT_GROUPS)!;
      const membersBefore = group.memberCount;
      group.remove(s);
      if (this.durable[s.slot]) group.durableCount--;
      this.groups.settle(group, membersBefore);
      return;
    }
    this.filters.scopes.remove(filterId, variant === VARIANT_LOCAL);
    if (this.durable[s.slot]) this.filters.columns.addDurable(filterId, -1);
    this.filters.touch(filterId);
    this.filters.settle(filterId);
  }

  /** Lists a session's subscriptions; none may come or go meanwhile. */
  *subscriptionsOf(s: S): Generator<SubscriptionInfo> {
    for (const id of this.subscriptionIdsOf(s)) yield this.infoOf(id);
  }

  /** Numbers of a session's subscriptions, to be looked at one by one while others come and go. */
  subscriptionIdsOf(s: S): number[] {
    const ids: number[] = [];
    if (s.slot === -1) return ids;
    for (let id = this.subscriptionAfter(s, -1); id !== -1; id = this.subscriptionAfter(s, id)) ids.push(id);
    return ids;
  }

  /** @returns the number of the session's subscription behind that one (-1: its first), -1 when there is none */
  subscriptionAfter(s: S, id: number): number {
    const { slot } = s;
    if (slot === -1) return -1;
    const all = this.subscriptions;
    const next = id === -1 ? all.firstPlain(slot) : all.nextOfSlot(id);
    if (next !== -1 || (id !== -1 && all.variantOf(id) >= VARIANT_GROUPS)) return next;
    return all.firstInGroup(slot);
  }

  /** @returns the subscription of the session that has this number now, perhaps another than it was; null: none */
  subscriptionAt(s: S, id: number): SubscriptionInfo | null {
    return s.slot !== -1 && this.subscriptions.isOf(id, s.slot) ? this.infoOf(id) : null;
  }

  private infoOf(id: number): SubscriptionInfo {
    const all = this.subscriptions;
    const filter = this.filters.tree.filterOf(all.filterOf(id));
    const options = all.optionsOf(id);
    const identifier = all.identifierOf(id);
    const variant = all.variantOf(id);
    if (variant < VARIANT_GROUPS) {
      return { filter, group: null, local: variant === VARIANT_LOCAL, options, identifier };
    }
    const { name } = this.groups.at(variant - VARIANT_GROUPS)!;
    const local = name.startsWith(LOCAL_PREFIX);
    return { filter, group: local ? name.slice(LOCAL_PREFIX.length) : name, local, options, identifier };
  }

  /** Subscriptions that a session has. */
  countOf(s: S): number {
    return s.slot === -1 ? 0 : this.subscriptions.countOf(s.slot);
  }

  /** To be called after `s.online` has changed. */
  onlineChanged(s: S): void {
    if (s.slot === -1) return;
    const all = this.subscriptions;
    for (let id = all.firstInGroup(s.slot); id !== -1; id = all.nextOfSlot(id)) {
      const group = this.groups.at(all.variantOf(id) - VARIANT_GROUPS)!;
      group.setOnline(s, s.online);
      this.groups.settle(group, group.memberCount);
    }
  }

  /** To be called after `s.durable` has changed. */
  durableChanged(s: S): void {
    if (s.slot === -1 || this.durable[s.slot] === s.durable) return;
    this.durable[s.slot] = s.durable;
    const all = this.subscriptions;
    for (let id = all.firstPlain(s.slot); id !== -1; id = all.nextOfSlot(id)) {
      this.filters.columns.addDurable(all.filterOf(id), s.durable ? 1 : -1);
      this.filters.settle(all.filterOf(id));
    }
    for (let id = all.firstInGroup(s.slot); id !== -1; id = all.nextOfSlot(id)) {
      const group = this.groups.at(all.variantOf(id) - VARIANT_GROUPS)!;
      group.durableCount += s.durable ? 1 : -1;
      this.groups.settle(group, group.memberCount);
    }
  }

  private openSlot(s: S): number {
    const slot = this.freeSlots.pop() ?? this.sessions.length;
    this.subscriptions.openSlot(slot);
    this.sessions[slot] = s;
    this.durable[slot] = s.durable;
    s.slot = slot;
    return slot;
  }

  /** The share group of this filter, by its name as it has it; undefined when it has no members anywhere. */
  groupNamed(filter: string, name: string): ShareGroup<S> | undefined {
    const filterId = this.filters.tree.find(filter);
    return filterId === -1 ? undefined : this.groups.find(filterId, name);
  }

  /** The share group that this shard announced under `id`; undefined when it has no members anywhere any more. */
  groupById(id: number): ShareGroup<S> | undefined {
    return this.groups.withId(id);
  }
}

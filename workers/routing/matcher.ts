/** Turns the filters that match a topic into a route: each session once. One per shard, on its worker thread. */
import {
  DURABLE_PEERS,
  FILTER_WORDS,
  FIRST_SUBSCRIPTION,
  HAS_GROUPS,
  optionsOfSole,
  PEERS,
  SOLE,
  STATE,
  slotOfSole,
} from './filter-columns.js';
import type { FilterRegistry } from './filter-registry.js';
import type { GroupRegistry } from './group-registry.js';
import { IntVector, makeTable, reach } from './int-arrays.js';
import {
  OPTION_NO_LOCAL,
  OPTION_QOS_MASK,
  OPTION_RETAIN_AS_PUBLISHED,
  type Route,
  type Subscriber,
} from './route.js';
import type { ShareGroup } from './share-group.js';
import {
  IDENTIFIER,
  NEXT_OF_FILTER,
  SLOT,
  SUBSCRIPTION_WORDS,
  type Subscriptions,
  VARIANT_AND_OPTIONS,
} from './subscriptions.js';

const ROUTE_OPTIONS = OPTION_QOS_MASK | OPTION_NO_LOCAL | OPTION_RETAIN_AS_PUBLISHED;
const MARK_MAX = 0x7fff_ffff;

const NOBODY: readonly never[] = [];
/** By options: the list of them that all routes with one session have. */
const LISTED_OPTIONS = Array.from({ length: ROUTE_OPTIONS + 1 }, (_, options): readonly number[] => [
  options,
]);

/** Words per slot of `marks`: the number of the match that met it last, and its place in `slots` then. */
const MARK_WORDS = 2;

/** Its lists are kept between matches; only the route itself is made anew. */
export class Matcher<S extends Subscriber> {
  private readonly matched = new IntVector();
  /** Sessions found, by slot, and their merged options. */
  private readonly slots = new IntVector();
  private readonly options = new IntVector();
  private identifiers: (number[] | null)[] | null = null;
  private groups: ShareGroup<S>[] | null = null;
  private shards = 0;
  private durableShards = 0;
  /** MARK_WORDS per slot. */
  private readonly marks = makeTable();
  private mark = 0;

  constructor(
    private readonly filters: FilterRegistry<S>,
    private readonly subscriptions: Subscriptions,
    private readonly groupRegistry: GroupRegistry<S>,
    /** By slot. */
    private readonly sessions: readonly (S | null)[],
  ) {}

  /** @returns the route of the valid topic name `bytes[start, end)`; its version is the caller's to set. */
  match(bytes: Uint8Array, start: number, end: number): Route<S> {
    const matched = this.matched;
    matched.length = 0;
    this.filters.tree.match(bytes, start, end, matched);
    // Most topics are matched by one filter, to which one session subscribes: nothing is merged or collected then.
    if (matched.length === 1) {
      const found = matched.items[0]!;
      const route = found < 0 ? this.soleRoute(-found, 0, 0) : this.soleRouteOf(found);
      if (route !== null) return route;
    }
    this.begin();
    for (let i = 0; i < matched.length; i += 1) this.addFound(matched.items[i]!);
    return this.finish();
  }

  isMatched(topic: Uint8Array): boolean {
    this.matched.length = 0;
    this.filters.tree.match(topic, 0, topic.length, this.matched);
    return this.matched.length > 0;
  }

  private soleRouteOf(filter: number): Route<S> | null {
    const row = this.filters.columns.words;
    const at = filter * FILTER_WORDS;
    const sole = row[at + SOLE]!;
    if (sole === 0 || (row[at + STATE]! & HAS_GROUPS) !== 0) return null;
    return this.soleRoute(sole, row[at + PEERS]!, row[at + DURABLE_PEERS]!);
  }

  private soleRoute(sole: number, shards: number, durableShards: number): Route<S> {
    return {
      version: -1,
      subscribers: [this.sessions[slotOfSole(sole)]!],
      options: LISTED_OPTIONS[optionsOfSole(sole)]!,
      identifiers: null,
      shards,
      durableShards,
      groups: NOBODY,
    };
  }

  private begin(): void {
    this.slots.length = 0;
    this.options.length = 0;
    this.identifiers = null;
    this.groups = null;
    this.shards = 0;
    this.durableShards = 0;
    reach(this.marks, this.sessions.length * MARK_WORDS);
    if (this.mark === MARK_MAX) {
      this.marks.fill(0);
      this.mark = 0;
    }
    this.mark += 1;
  }

  /** @param found a filter, or -its only subscription. */
  private addFound(found: number): void {
    if (found < 0) this.addSession(slotOfSole(-found), optionsOfSole(-found));
    else this.addFilter(found);
  }

  private addFilter(filter: number): void {
    const row = this.filters.columns.words;
    const at = filter * FILTER_WORDS;
    this.shards |= row[at + PEERS]!;
    this.durableShards |= row[at + DURABLE_PEERS]!;
    if ((row[at + STATE]! & HAS_GROUPS) !== 0) {
      this.groups ??= [];
      this.groupRegistry.collect(filter, this.groups);
    }
    const words = this.subscriptions.words;
    for (let next = row[at + FIRST_SUBSCRIPTION]!; next !== 0; ) {
      const subscription = (next - 1) * SUBSCRIPTION_WORDS;
      const options = words[subscription + VARIANT_AND_OPTIONS]! & ROUTE_OPTIONS;
      const place = this.addSession(words[subscription + SLOT]!, options);
      if (words[subscription + IDENTIFIER] !== 0)
        this.addIdentifier(place, words[subscription + IDENTIFIER]!);
      next = words[subscription + NEXT_OF_FILTER]!;
    }
  }

  /** @returns the session's place in the route. */
  private addSession(slot: number, options: number): number {
    const place = this.slots.length;
    // Most routes have one session, which needs no mark until there is another.
    if (place === 1) this.setMark(this.slots.items[0]!, 0);
    if (place > 0) {
      const at = slot * MARK_WORDS;
      if (this.marks[at] === this.mark) return this.mergeInto(this.marks[at + 1]!, options);
      this.setMark(slot, place);
    }
    this.slots.push(slot);
    this.options.push(options);
    if (this.identifiers !== null) this.identifiers.push(null);
    return place;
  }

  private setMark(slot: number, place: number): void {
    this.marks[slot * MARK_WORDS] = this.mark;
    this.marks[slot * MARK_WORDS + 1] = place;
  }

  private mergeInto(place: number, options: number): number {
    this.options.items[place] = mergeOptions(this.options.items[place]!, options);
    return place;
  }

  private addIdentifier(place: number, identifier: number): void {
    if (this.identifiers === null) {
      this.identifiers = [];
      for (let i = 0; i < this.slots.length; i += 1) this.identifiers.push(null);
    }
    const known = this.identifiers[place]!;
    if (known === null) this.identifiers[place] = [identifier];
    // Equal ones too: each matching subscription's is sent (v5 3.3.4).
    else known.push(identifier);
  }

  private finish(): Route<S> {
    return {
      version: -1,
      subscribers: this.takeSubscribers(),
      options: this.takeOptions(),
      identifiers: this.identifiers,
      shards: this.shards,
      durableShards: this.durableShards,
      groups: this.groups ?? NOBODY,
    };
  }

  private takeSubscribers(): readonly S[] {
    const slots = this.slots;
    if (slots.length === 0) return NOBODY;
    // A literal of one has room for exactly one; an empty array that is pushed to takes room for 17.
    const subscribers = [this.sessions[slots.items[0]!]!];
    for (let i = 1; i < slots.length; i += 1) subscribers.push(this.sessions[slots.items[i]!]!);
    return subscribers;
  }

  private takeOptions(): readonly number[] {
    const options = this.options;
    if (options.length === 0) return NOBODY;
    if (options.length === 1) return LISTED_OPTIONS[options.items[0]!]!;
    const taken = [options.items[0]!];
    for (let i = 1; i < options.length; i += 1) taken.push(options.items[i]!);
    return taken;
  }
}

/** The options of one session of which two subscriptions match. */
function mergeOptions(a: number, b: number): number {
  const qos = Math.max(a & OPTION_QOS_MASK, b & OPTION_QOS_MASK);
  return qos | (a & b & OPTION_NO_LOCAL) | ((a | b) & OPTION_RETAIN_AS_PUBLISHED);
}

/** A router as one would write it without caring for speed: the oracle of the router's property test. */
import { filterMatches } from '../../../src/protocol/topic.js';
import type { Route, Subscriber } from '../../../workers/routing/router.js';

export class Session implements Subscriber {
  slot = -1;
  durable = false;
  online = false;

  constructor(readonly name: string) {}
}

export interface Wanted {
  readonly filter: string;
  readonly group: string | null;
  readonly local: boolean;
}

interface Held extends Wanted {
  readonly session: Session;
  options: number;
  identifier: number;
}

/** What a route says, in an order of its own. */
export interface PlainRoute {
  readonly sessions: readonly string[];
  readonly shards: number;
  readonly durableShards: number;
  readonly groups: readonly string[];
}

export class RouterModel {
  held: Held[] = [];
  /** By shard and filter: whether durable. */
  readonly interest = new Map<number, Map<string, boolean>>();
  /** By shard and `name filter`: members there. */
  readonly groups = new Map<number, Map<string, { online: number; offline: number }>>();

  find(session: Session, wanted: Wanted): Held | undefined {
    return this.held.find((held) => held.session === session && keyOf(held) === keyOf(wanted));
  }

  subscribe(session: Session, wanted: Wanted, options: number, identifier: number): boolean {
    const known = this.find(session, wanted);
    if (known === undefined) this.held.push({ ...wanted, session, options, identifier });
    else Object.assign(known, { options, identifier });
    return known === undefined;
  }

  unsubscribe(session: Session, wanted: Wanted): boolean {
    const known = this.find(session, wanted);
    this.held = this.held.filter((held) => held !== known);
    return known !== undefined;
  }

  removeAll(session: Session): void {
    this.held = this.held.filter((held) => held.session !== session);
  }

  /** Groups with members anywhere, and how many: `name filter online/offline`, all shards together. */
  groupsOf(matches: (filter: string) => boolean): string[] {
    const sums = new Map<string, { online: number; offline: number }>();
    const add = (key: string, online: number, offline: number): void => {
      const sum = sums.get(key) ?? { online: 0, offline: 0 };
      sums.set(key, { online: sum.online + online, offline: sum.offline + offline });
    };
    for (const held of this.held) {
      if (held.group !== null) add(groupKey(held), held.session.online ? 1 : 0, held.session.online ? 0 : 1);
    }
    for (const peer of this.groups.values()) {
      for (const [key, members] of peer) add(key, members.online, members.offline);
    }
    const texts: string[] = [];
    for (const [key, { online, offline }] of sums) {
      if (online + offline > 0 && matches(key.slice(key.indexOf(' ') + 1)))
        texts.push(`${key} ${online}/${offline}`);
    }
    return texts.sort();
  }

  route(topic: string): PlainRoute {
    const own = this.held.filter((held) => held.group === null && filterMatches(held.filter, topic));
    const sessions = new Map<string, Held[]>();
    for (const held of own)
      sessions.set(held.session.name, [...(sessions.get(held.session.name) ?? []), held]);
    let shards = 0;
    let durableShards = 0;
    for (const [shard, filters] of this.interest) {
      for (const [filter, durable] of filters) {
        if (!filterMatches(filter, topic)) continue;
        shards |= 1 << shard;
        if (durable) durableShards |= 1 << shard;
      }
    }
    return {
      sessions: [...sessions].map(([name, all]) => sessionText(name, all)).sort(),
      shards,
      durableShards,
      groups: this.groupsOf((filter) => filterMatches(filter, topic)),
    };
  }

  /** Some session that wants the topic for itself outlives its connection. */
  isDurable(topic: string): boolean {
    return this.held.some(
      (held) => held.group === null && held.session.durable && filterMatches(held.filter, topic),
    );
  }

  filters(): Set<string> {
    return new Set(this.held.map((held) => held.filter));
  }

  /** This shard's interest as peers should know it. */
  localInterest(): string[] {
    const filters = new Map<string, boolean>();
    for (const held of this.held) {
      if (held.group === null)
        filters.set(held.filter, (filters.get(held.filter) ?? false) || held.session.durable);
    }
    return [...filters].map(([filter, durable]) => `${filter} ${durable}`).sort();
  }
}

function sessionText(name: string, all: Held[]): string {
  const qos = Math.max(...all.map((held) => held.options & 3));
  const noLocal = all.every((held) => (held.options & 4) !== 0);
  const asPublished = all.some((held) => (held.options & 8) !== 0);
  const identifiers = all.map((held) => held.identifier).filter((identifier) => identifier !== 0);
  return `${name} ${qos} ${noLocal} ${asPublished} ${identifiers.sort((a, b) => a - b)}`;
}

const keyOf = (wanted: Wanted): string => JSON.stringify([wanted.filter, wanted.group, wanted.local]);

/** As the router announces it. */
export const groupKey = (wanted: Wanted): string =>
  `${wanted.local ? '$local/' : ''}${wanted.group} ${wanted.filter}`;

/** A route of the router under test in the model's words. Asserts nothing; a wrong route comes out different. */
export function plainRoute(route: Route<Session>, groupText: (id: number) => string): PlainRoute {
  const sessions = route.subscribers.map((session, i) => {
    const options = route.options[i]!;
    const identifiers = [...(route.identifiers?.[i] ?? [])].sort((a, b) => a - b);
    return `${session.name} ${options & 3} ${(options & 4) !== 0} ${(options & 8) !== 0} ${identifiers}`;
  });
  return {
    sessions: sessions.sort(),
    shards: route.shards,
    durableShards: route.durableShards,
    // A group that nobody is in any more stays in routes until peers have been told.
    groups: route.groups
      .filter((group) => !group.isEmpty)
      .map((group) => groupText(group.id))
      .sort(),
  };
}

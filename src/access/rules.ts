/**
 * Decides by the rules of acl.conf, to EMQ's letter: the first rule whose access, `who` and one of whose topics fit.
 * Who a client is does not change, so the rules that concern it are found once; after that only topics are compared,
 * byte by byte where they lie. Any thread.
 */
import {
  type IpAddress,
  type IpRange,
  parseIpAddress,
  parseIpRange,
  rangeContains,
} from '../base/ip-range.js';
import { ACL_PROFILES_MAX } from '../limits.js';
import type { AclRule, Who } from './acl-rule.js';
import { type Placeholders, TopicMatcher } from './topic-matcher.js';

/** What rules say; `NO_MATCH`: nothing. */
export const NO_MATCH = 0;
export const ALLOW = 1;
export const DENY = 2;
export type Verdict = typeof NO_MATCH | typeof ALLOW | typeof DENY;

export interface RuleSubject {
  readonly clientId: string;
  readonly username: string | null;
  readonly peerAddress: string;
}

/** Whether a client is meant; the address is null where it has none. */
type WhoTest = (subject: RuleSubject, address: IpAddress | null) => boolean;

interface CompiledRule {
  readonly verdict: typeof ALLOW | typeof DENY;
  /** Null: everybody it is filed under. */
  readonly who: WhoTest | null;
  readonly access: AclRule['access'];
  /** Null: every topic. */
  readonly topics: readonly TopicMatcher[] | null;
}

/** The rules that concern a client, for one kind of access. */
export class RuleList {
  /** What is decided whatever the topic; null: the topic matters. */
  readonly fixed: Verdict | null;
  /** Topics that may have to be looked at. */
  readonly length: number;
  readonly #rules: readonly CompiledRule[];

  constructor(rules: readonly CompiledRule[]) {
    const last = rules.findIndex(({ topics }) => topics === null);
    this.#rules = last < 0 ? rules : rules.slice(0, last + 1);
    this.length = this.#rules.reduce((sum, { topics }) => sum + (topics?.length ?? 1), 0);
    const verdicts = new Set<Verdict>(this.#rules.map(({ verdict }) => verdict));
    if (last < 0) verdicts.add(NO_MATCH);
    const [only = NO_MATCH] = verdicts;
    this.fixed = verdicts.size === 1 ? only : null;
  }

  /** Judges the topic, or filter, in `bytes[start, end)`. */
  decide(bytes: Uint8Array, start: number, end: number, client: Placeholders): Verdict {
    const rules = this.#rules;
    for (let i = 0; i < rules.length; i++) {
      const { topics, verdict } = rules[i]!;
      if (topics === null) return verdict;
      for (let k = 0; k < topics.length; k++) {
        if (topics[k]!.matches(bytes, start, end, client)) return verdict;
      }
    }
    return NO_MATCH;
  }
}

/** The rules that concern one client; clients whom the same rules concern share it. */
export class RuleProfile {
  readonly publish: RuleList;
  readonly subscribe: RuleList;
  /** Whether `%c` or `%u` stands in one of them. */
  readonly hasPlaceholders: boolean;

  constructor(rules: readonly CompiledRule[]) {
    this.hasPlaceholders = rules.some(
      ({ topics }) => topics?.some((topic) => topic.hasPlaceholders) === true,
    );
    this.publish = new RuleList(rules.filter(({ access }) => access !== 'subscribe'));
    this.subscribe = new RuleList(rules.filter(({ access }) => access !== 'publish'));
  }
}

/** All rules, filed by whom they concern. */
export class RuleSet {
  readonly isEmpty: boolean;
  readonly #rules: readonly CompiledRule[];
  // Numbers of rules in order: those of one user, of one client, and all others.
  readonly #byUser = new Map<string, number[]>();
  readonly #byClient = new Map<string, number[]>();
  readonly #others: number[] = [];
  readonly #profiles = new Map<string, RuleProfile>();

  /** `rules` as `parseAclConf` gives them. */
  constructor(rules: readonly AclRule[]) {
    this.isEmpty = rules.length === 0;
    this.#rules = rules.map(compile);
    for (const [number, { who }] of rules.entries()) this.#file(number, who);
  }

  profileOf(subject: RuleSubject): RuleProfile {
    const address = parseIpAddress(subject.peerAddress);
    const { username, clientId } = subject;
    const candidates = [
      ...this.#others,
      ...((username === null ? undefined : this.#byUser.get(username)) ?? []),
      ...(this.#byClient.get(clientId) ?? []),
    ].sort((a, b) => a - b);
    const numbers = candidates.filter((number) => this.#rules[number]!.who?.(subject, address) !== false);
    const key = numbers.join();
    const known = this.#profiles.get(key);
    if (known !== undefined) return known;
    const profile = new RuleProfile(numbers.map((number) => this.#rules[number]!));
    if (this.#profiles.size < ACL_PROFILES_MAX) this.#profiles.set(key, profile);
    return profile;
  }

  #file(number: number, who: Who): void {
    if (who.kind === 'user') addTo(this.#byUser, who.name, number);
    else if (who.kind === 'client') addTo(this.#byClient, who.id, number);
    else this.#others.push(number);
  }
}

function addTo(map: Map<string, number[]>, key: string, number: number): void {
  const numbers = map.get(key);
  if (numbers === undefined) map.set(key, [number]);
  else numbers.push(number);
}

function compile({ allow, who, access, topics }: AclRule): CompiledRule {
  const matchers = topics?.map(({ filter, isLiteral }) => new TopicMatcher(filter, isLiteral)) ?? null;
  return {
    verdict: allow ? ALLOW : DENY,
    who: who.kind === 'user' || who.kind === 'client' ? null : compileWho(who),
    access,
    topics: matchers?.some((matcher) => matcher.matchesAll) === true ? null : matchers,
  };
}

function compileWho(who: Who): WhoTest | null {
  switch (who.kind) {
    case 'all':
      return null;
    case 'user':
      return ({ username }) => username === who.name;
    case 'client':
      return ({ clientId }) => clientId === who.id;
    case 'ipaddr': {
      const range: IpRange | null = parseIpRange(who.range);
      return (_subject, address) => range !== null && address !== null && rangeContains(range, address);
    }
    case 'and': {
      const tests = who.of.map(compileWho);
      return (subject, address) => tests.every((test) => test?.(subject, address) !== false);
    }
    default: {
      const tests = who.of.map(compileWho);
      return (subject, address) => tests.some((test) => test?.(subject, address) !== false);
    }
  }
}

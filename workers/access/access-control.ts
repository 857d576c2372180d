/**
 * Who may publish and subscribe to what: superusers everything; then plugins are asked, then the rules of acl.conf,
 * then `mqtt.acl_nomatch` decides. Runs on the shard's thread.
 */
import type { AclRule } from '../../src/access/acl-rule.js';
import { ALLOW, NO_MATCH, type RuleList, RuleSet, type Verdict } from '../../src/access/rules.js';
import type { Config } from '../../src/config/schema.js';
import { ACL_TOPICS_UNCACHED_MAX } from '../../src/limits.js';
import type { Client } from '../connection/client.js';
import type { ConfigFollower, Core } from '../core.js';
import type { AccessVerdict } from '../hooks/chains.js';
import type { Hooks } from '../hooks/hooks.js';
import { Pending } from '../hooks/pending.js';
import { ClientAccess } from './client-access.js';
import { ALLOWED, DecisionCache, UNKNOWN } from './decision-cache.js';

export class AccessControl implements ConfigFollower {
  /** Rises when rules, plugins or the configuration change: what is known of clients is worked out anew. */
  generation = 0;
  private isAllowedByDefault = true;
  private cacheTtlMs = 0;
  /** 0: nothing is remembered. */
  private topicsCachedMax = 0;
  private rules: RuleSet;
  private lastAsked: Hooks['authorize'] = null;

  constructor(
    private readonly core: Core,
    rules: readonly AclRule[],
  ) {
    this.rules = new RuleSet(rules);
    this.onConfig(core.config);
  }

  onConfig(config: Config): void {
    const isAllowedByDefault = config['mqtt.acl_nomatch'] === 'allow';
    const cacheTtlMs = config['mqtt.acl_cache_ttl'];
    const topicsCachedMax = config['mqtt.cache_acl'] ? config['mqtt.acl_cache_size'] : 0;
    // All other keys leave alone what is known of every client.
    if (
      isAllowedByDefault === this.isAllowedByDefault &&
      cacheTtlMs === this.cacheTtlMs &&
      topicsCachedMax === this.topicsCachedMax
    )
      return;
    this.isAllowedByDefault = isAllowedByDefault;
    this.cacheTtlMs = cacheTtlMs;
    this.topicsCachedMax = topicsCachedMax;
    this.generation++;
  }

  /** False: everybody may do everything, and nobody need be asked. */
  get isOn(): boolean {
    return this.core.hooks.authorize !== null || !this.isAllowedByDefault || !this.rules.isEmpty;
  }

  /** New rules, from the next question on. */
  update(rules: readonly AclRule[]): void {
    this.rules = new RuleSet(rules);
    this.generation++;
  }

  /** @returns whether the client may; `topic` is what it knows it by, a filter without its prefixes for subscribe. */
  authorize(client: Client, action: 'publish' | 'subscribe', topic: string): boolean | Pending<boolean> {
    const bytes = Buffer.from(topic, 'utf8');
    if (action === 'publish') return this.authorizePublish(client, bytes, 0, bytes.length);
    if (client.isSuperuser) return true;
    const answer = this.ask(client, 'subscribe', topic);
    return answer instanceof Pending
      ? answer.map((later) => this.decide(client, 'subscribe', bytes, later))
      : this.decide(client, 'subscribe', bytes, answer);
  }

  /** The same for the topic name in `bytes[start, end)`; no string is made of it unless a plugin has to be asked. */
  authorizePublish(
    client: Client,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean | Pending<boolean> {
    if (client.isSuperuser) return true;
    const access = this.accessOf(client);
    const { publish } = access.profile;
    if (this.core.hooks.authorize === null) {
      if (publish.fixed !== null) return this.isAllowed(publish.fixed);
      if (publish.length <= ACL_TOPICS_UNCACHED_MAX) {
        return this.isAllowed(publish.decide(bytes, start, end, access.placeholders));
      }
    }
    return this.decideCached(client, access, bytes, start, end);
  }

  /** Whatever was decided about the client's publishing to exactly this topic is decided anew. */
  forget(client: Client, topic: string): void {
    const bytes = Buffer.from(topic, 'utf8');
    const { length } = bytes;
    client.access?.cache?.forget(this.core.topicHash.hash(bytes, 0, length), bytes, 0, length);
  }

  private decideCached(
    client: Client,
    access: ClientAccess,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean | Pending<boolean> {
    const { turn, topicHash } = this.core;
    const hash = this.topicsCachedMax === 0 ? 0 : topicHash.hash(bytes, start, end);
    const known = access.cache?.find(hash, bytes, start, end, turn.nowMs) ?? UNKNOWN;
    if (known !== UNKNOWN) return known === ALLOWED;
    // There may be thousands of topics in the rules.
    turn.spendWalk();
    // The bytes lie in the read buffer, and the answer may come when others lie there.
    const own = Buffer.from(Uint8Array.prototype.slice.call(bytes, start, end).buffer);
    const answer = this.ask(client, 'publish', own.toString('utf8'));
    return answer instanceof Pending
      ? answer.map((later) => this.decideAndRemember(client, access, hash, own, later))
      : this.decideAndRemember(client, access, hash, own, answer);
  }

  private decideAndRemember(
    client: Client,
    access: ClientAccess,
    hash: number,
    topic: Buffer,
    answer: AccessVerdict,
  ): boolean {
    const isAllowed = this.decide(client, 'publish', topic, answer);
    // Nobody has said no; the plugin may answer next time.
    if (answer !== 'failed') this.remember(access, hash, topic, isAllowed);
    return isAllowed;
  }

  /** @returns what plugins say; `ignore` where there are none */
  private ask(
    client: Client,
    action: 'publish' | 'subscribe',
    topic: string,
  ): AccessVerdict | Pending<AccessVerdict> {
    const { authorize } = this.core.hooks;
    return authorize === null ? 'ignore' : authorize({ client: client.info, action, topic });
  }

  // By the rules that are in force when the plugins have answered.
  private decide(
    client: Client,
    action: 'publish' | 'subscribe',
    bytes: Buffer,
    answer: AccessVerdict,
  ): boolean {
    if (answer !== 'ignore') return answer === 'allow';
    const { profile, placeholders } = this.accessOf(client);
    const list: RuleList = profile[action];
    return this.isAllowed(list.fixed ?? list.decide(bytes, 0, bytes.length, placeholders));
  }

  private isAllowed(verdict: Verdict): boolean {
    return verdict === NO_MATCH ? this.isAllowedByDefault : verdict === ALLOW;
  }

  private remember(access: ClientAccess, hash: number, topic: Buffer, isAllowed: boolean): void {
    if (this.topicsCachedMax === 0 || access.generation !== this.generation) return;
    access.cache ??= new DecisionCache(this.topicsCachedMax, this.cacheTtlMs);
    access.cache.remember(hash, topic, 0, topic.length, this.core.turn.nowMs, isAllowed);
  }

  private accessOf(client: Client): ClientAccess {
    const { authorize } = this.core.hooks;
    if (authorize !== this.lastAsked) {
      this.lastAsked = authorize;
      this.generation++;
    }
    const { access } = client;
    if (access !== null && access.generation === this.generation) return access;
    const { info } = client;
    client.access = new ClientAccess(info, this.rules.profileOf(info), this.generation);
    return client.access;
  }
}

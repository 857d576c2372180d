/**
 * Other topics in place of those that clients name, by rules of three parts: topic filter, regular expression,
 * replacement. The first rule whose filter matches decides, also when its expression does not match. Any thread.
 */
import { type Clock, SystemClock } from '../../base/clock.js';
import { REWRITE_REFUSED_MS, REWRITES_CACHED_MAX, REWRITES_CACHED_TOPIC_CHARS_MAX } from '../../limits.js';
import { checkTopicFilter, filterMatches, NO_TOPIC_LIMITS } from '../../protocol/topic.js';
import type { PluginLog, PluginValues, ShardHooks } from '../api.js';
import { BoundedMatcher } from './bounded-matcher.js';
import { byNumber } from './order.js';

const PREFIX = 'module.rewrite.rule.';
/** What stands before the filter of a subscription and is no part of it. */
const SUBSCRIPTION_PREFIX = /^(?:\$local\/|\$queue\/|\$share\/[^/]+\/)*/;

export interface RewriteRule {
  readonly filter: string;
  readonly expression: RegExp;
  /** `$1` to `$99` stand for what the groups of the expression have matched. */
  readonly replacement: string;
}

export interface ReadRules {
  /** By their index. */
  readonly rules: readonly RewriteRule[];
  readonly problem: string | null;
}

export function readRewriteRules(values: PluginValues): ReadRules {
  const rules: RewriteRule[] = [];
  for (const [index, text] of byNumber(values, PREFIX, '')) {
    const rule = readRule(text);
    if (typeof rule === 'string') return { rules: [], problem: `${PREFIX}${index}: ${rule}` };
    rules.push(rule);
  }
  return { rules, problem: null };
}

/** @returns the rule, or what is wrong with it */
function readRule(text: string): RewriteRule | string {
  const [filter, expression, replacement, ...more] = text.trim().split(/\s+/);
  if (filter === undefined || expression === undefined || replacement === undefined || more.length > 0)
    return 'expected a topic filter, a regular expression and a replacement, with blanks between';
  if (!checkTopicFilter(filter, NO_TOPIC_LIMITS)) return `${filter} is not a topic filter`;
  try {
    return { filter, expression: new RegExp(expression, 'u'), replacement };
  } catch (error) {
    return (error as Error).message;
  }
}

/** What no expression gets done with in time is refused: it might be meant to stay what it is. */
export function rewriteHooks(rules: readonly RewriteRule[], log: PluginLog): ShardHooks {
  if (rules.length === 0) return {};
  const rewriter = new Rewriter(rules, log);
  return {
    'message.publish': (message) => {
      const topic = rewriter.rewrite(message.topic);
      if (topic === null) return null;
      return topic === message.topic ? undefined : { ...message, topic };
    },
    'client.subscribe': (_client, filters) =>
      filters.map((each) => {
        const filter = rewriter.rewriteFilter(each.filter);
        return filter === null ? null : { ...each, filter };
      }),
    'client.unsubscribe': (_client, filters) =>
      filters.map((filter) => rewriter.rewriteFilter(filter) ?? filter),
  };
}

export class Rewriter {
  /** Of topics that were looked at before. */
  private readonly known = new Map<string, string>();
  /** Topics that took too long, and when they may be tried again: it may have been the machine that was busy. */
  private readonly refused = new Map<string, number>();

  constructor(
    private readonly rules: readonly RewriteRule[],
    private readonly log: PluginLog,
    private readonly matcher: Pick<BoundedMatcher, 'match'> = new BoundedMatcher(),
    private readonly clock: Clock = new SystemClock(),
  ) {}

  /** @returns null when it takes too long, or has a moment ago */
  rewrite(topic: string): string | null {
    const known = this.known.get(topic);
    if (known !== undefined) return known;
    const refusedUntilMs = this.refused.get(topic);
    if (refusedUntilMs !== undefined && this.clock.monotonicMs() < refusedUntilMs) return null;
    const rewritten = this.apply(topic);
    if (topic.length > REWRITES_CACHED_TOPIC_CHARS_MAX) return rewritten;
    if (rewritten === null) remember(this.refused, topic, this.clock.monotonicMs() + REWRITE_REFUSED_MS);
    else remember(this.known, topic, rewritten);
    return rewritten;
  }

  /** Its prefixes stay. @returns as `rewrite` */
  rewriteFilter(text: string): string | null {
    const prefix = SUBSCRIPTION_PREFIX.exec(text)![0];
    const filter = this.apply(text.slice(prefix.length));
    return filter === null ? null : prefix + filter;
  }

  private apply(topic: string): string | null {
    const rule = this.rules.find(({ filter }) => filterMatches(filter, topic));
    if (rule === undefined) return topic;
    const groups = this.matcher.match(rule.expression, topic);
    if (groups === undefined) {
      this.log.warn(`${rule.expression} takes too long: a topic is refused`, { topic: topic.slice(0, 100) });
      return null;
    }
    if (groups === null) return topic;
    return rule.replacement.replace(/\$(\d{1,2})/g, (_, number: string) => groups[Number(number)] ?? '');
  }
}

function remember<Value>(topics: Map<string, Value>, topic: string, value: Value): void {
  if (topics.size >= REWRITES_CACHED_MAX) topics.clear();
  topics.set(topic, value);
}

/** Sums of all shards' figures, which never go backward when a shard restarts. Main thread. */
import type { ShardFigures } from '../actor/shard-protocol.js';
import type { ShardId } from '../protocol/ids.js';
import {
  METRICS,
  MetricIndex,
  type MetricName,
  STAT_SUBJECTS,
  type StatName,
  type StatSubject,
} from './names.js';

/** How many of a subject one shard has. */
const STAT_OF_SHARD: Readonly<Record<StatSubject, (figures: ShardFigures) => number>> = {
  clients: (figures) => figures.clients,
  retained: (figures) => figures.retained,
  routes: (figures) => figures.routes,
  sessions: (figures) => figures.sessions,
  subscribers: (figures) => figures.subscriptions,
  subscriptions: (figures) => figures.subscriptions,
  topics: (figures) => figures.routes,
};

/** Each shard knows the filters of all, so these are not added up: the shard that knows most is right. */
const KNOWN_TO_EACH_SHARD: ReadonlySet<StatSubject> = new Set(['routes', 'topics']);

export class MetricsRegistry {
  /** Of the shards that run; undefined where one has yet to report. */
  readonly #figures: (ShardFigures | undefined)[];
  /** What ended shards had counted when they were last heard. */
  readonly #ended = new Float64Array(METRICS.length);
  readonly #highest = new Map<StatSubject, number>();

  constructor(shards: number) {
    this.#figures = new Array<ShardFigures | undefined>(shards).fill(undefined);
  }

  /** The newest figures of a shard, counted since that shard's start. */
  update(shard: ShardId, figures: ShardFigures): void {
    this.#figures[shard] = figures;
    for (const subject of STAT_SUBJECTS) {
      this.#highest.set(subject, Math.max(this.#highest.get(subject) ?? 0, this.count(subject)));
    }
  }

  /** The shard has ended; what it counted stays counted, what it held is gone. */
  shardEnded(shard: ShardId): void {
    const last = this.#figures[shard];
    if (last === undefined) return;
    for (let i = 0; i < this.#ended.length; i++) this.#ended[i]! += last.metrics[i] ?? 0;
    this.#figures[shard] = undefined;
  }

  metric(name: MetricName): number {
    // The one gauge among the counters: what is retained now.
    if (name === 'messages/retained') return this.count('retained');
    const index = MetricIndex[name];
    let sum = this.#ended[index]!;
    for (const figures of this.#figures) sum += figures?.metrics[index] ?? 0;
    return sum;
  }

  count(subject: StatSubject): number {
    const of = STAT_OF_SHARD[subject];
    const isKnownToEach = KNOWN_TO_EACH_SHARD.has(subject);
    let count = 0;
    for (const figures of this.#figures) {
      if (figures === undefined) continue;
      count = isKnownToEach ? Math.max(count, of(figures)) : count + of(figures);
    }
    return count;
  }

  /** @returns all 38, in the order of METRICS */
  metrics(): Record<MetricName, number> {
    return Object.fromEntries(METRICS.map((name) => [name, this.metric(name)])) as Record<MetricName, number>;
  }

  /** @returns all 14, sorted by name */
  stats(): Record<StatName, number> {
    const stats: Partial<Record<StatName, number>> = {};
    for (const subject of STAT_SUBJECTS) {
      stats[`${subject}/count`] = this.count(subject);
      stats[`${subject}/max`] = this.#highest.get(subject) ?? 0;
    }
    return stats as Record<StatName, number>;
  }
}

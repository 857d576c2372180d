/**
 * Sums of all shards' figures. What an ended shard has counted, up to its last instruction, stays counted: it is read
 * from the memory in which it counted. Main thread.
 */
import type { ShardFigures } from '../actor/shard-protocol.js';
import type { ShardId } from '../protocol/ids.js';
import { Counters } from './counters.js';
import { METRICS, type MetricName, STAT_SUBJECTS, type StatName, type StatSubject } from './names.js';

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
  /** Where each shard counts, or counted if it is down; null before its first start. */
  readonly #counters: (Counters | null)[];
  /** What those before them have counted. */
  readonly #earlier = new Counters();
  readonly #highest = new Map<StatSubject, number>();

  constructor(shards: number) {
    this.#figures = new Array<ShardFigures | undefined>(shards).fill(undefined);
    this.#counters = new Array<Counters | null>(shards).fill(null);
  }

  /** A shard starts, and counts there. The thread of the one before it is gone. */
  shardStarted(shard: ShardId, buffer: SharedArrayBuffer): void {
    const before = this.#counters[shard];
    if (before != null) this.#earlier.add(before);
    this.#counters[shard] = new Counters(buffer);
  }

  /** What a shard has now. */
  update(shard: ShardId, figures: ShardFigures): void {
    this.#figures[shard] = figures;
    for (const subject of STAT_SUBJECTS) {
      this.#highest.set(subject, Math.max(this.#highest.get(subject) ?? 0, this.count(subject)));
    }
  }

  /** The shard has ended; what it held is gone. */
  shardEnded(shard: ShardId): void {
    this.#figures[shard] = undefined;
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

  /** @returns what all shards have counted since the broker's start, as of this moment */
  totals(): Counters {
    const totals = new Counters();
    totals.add(this.#earlier);
    for (const counters of this.#counters) if (counters !== null) totals.add(counters);
    return totals;
  }

  /** @returns all 38, in the order of METRICS */
  metrics(): Record<MetricName, number> {
    const counts = this.totals().metrics();
    const metrics = Object.fromEntries(METRICS.map((name, index) => [name, counts[index]!]));
    // The one gauge among the counters: what is retained now.
    return { ...(metrics as Record<MetricName, number>), 'messages/retained': this.count('retained') };
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

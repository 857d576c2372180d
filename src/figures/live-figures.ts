/** Figures of the shards as they are now, where their heartbeats are a second old. Main thread. */
import type { Clock } from '../base/clock.js';
import { FIGURES_AGE_MAX_MS, FIGURES_WAIT_MS } from '../limits.js';
import type { MetricsRegistry } from '../metrics/registry.js';
import type { ShardId } from '../protocol/ids.js';
import type { ShardPool } from '../supervisor/shard-pool.js';

/** What it needs of the pool. */
export type AskedPool = Pick<ShardPool, 'handles' | 'request'>;

export class LiveFigures {
  readonly #pool: AskedPool;
  readonly #registry: MetricsRegistry;
  readonly #clock: Clock;
  #round: Promise<unknown> = Promise.resolve();
  #isUnderWay = false;
  #begunMs = Number.NEGATIVE_INFINITY;

  constructor(pool: AskedPool, registry: MetricsRegistry, clock: Clock) {
    this.#pool = pool;
    this.#registry = registry;
    this.#clock = clock;
  }

  /**
   * Resolves when no shard that runs was heard longer than FIGURES_AGE_MAX_MS ago; one that does not answer keeps
   * nobody waiting longer than FIGURES_WAIT_MS, and what it said last counts on. Never rejects.
   */
  async refresh(): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    // Any number of requests within that time cost the shards one question.
    if (!this.#isUnderWay && nowMs - this.#begunMs > FIGURES_AGE_MAX_MS) {
      this.#begunMs = nowMs;
      this.#isUnderWay = true;
      this.#round = Promise.all(this.#pool.handles.map(({ id }) => this.#ask(id)));
      void this.#round.then(() => {
        this.#isUnderWay = false;
      });
    }
    await this.#round;
  }

  async #ask(shard: ShardId): Promise<void> {
    const handle = this.#pool.handles[shard]!;
    const { incarnation } = handle;
    if (!handle.isAlive) return;
    try {
      const figures = await this.#pool.request(shard, 'shard.figures', null, FIGURES_WAIT_MS);
      if (!handle.isAlive || handle.incarnation !== incarnation) return;
      handle.figures = figures;
      this.#registry.update(shard, figures);
    } catch {
      // It is busy, or has ended: its supervisor sees to that.
    }
  }
}

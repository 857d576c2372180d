/** Everything that is counted on this node, put together for the API. Main thread. */
import type { Alarm, ShardFigures } from '../actor/shard-protocol.js';
import type {
  CommitReport,
  FiguresPort,
  ListenerReport,
  ProcessReport,
  ThreadReport,
  TrafficReport,
} from '../api/broker-port.js';
import type { MetricName, StatName } from '../metrics/names.js';
import type { MetricsRegistry } from '../metrics/registry.js';
import type { ShardPool } from '../supervisor/shard-pool.js';
import type { Alarms } from '../sys/alarms.js';
import { listenerReport, type ReportedListener } from './listener-report.js';
import type { LiveFigures } from './live-figures.js';
import { cpuSeconds, descriptorsMax, loadAverages, memoryFigures } from './process-figures.js';

export interface NodeFiguresParts {
  readonly live: LiveFigures;
  readonly registry: MetricsRegistry;
  readonly pool: ShardPool;
  readonly alarms: Alarms;
  /** In the order in which they were opened. */
  listeners(): readonly ReportedListener[];
  /** `node.process_limit`. */
  readonly processLimit: number;
  /** Of the main thread. */
  loopDelayMs(): number;
}

export class NodeFigures implements FiguresPort {
  readonly #parts: NodeFiguresParts;

  constructor(parts: NodeFiguresParts) {
    this.#parts = parts;
  }

  async metrics(): Promise<Record<MetricName, number>> {
    await this.#parts.live.refresh();
    return this.#parts.registry.metrics();
  }

  async stats(): Promise<Record<StatName, number>> {
    await this.#parts.live.refresh();
    return this.#parts.registry.stats();
  }

  traffic(): TrafficReport {
    const { queueDropped, slowDropped, oversizeDropped, forwardedIn, forwardedDeliveries } =
      this.#parts.registry.totals();
    return { queueDropped, slowDropped, oversizeDropped, forwarded: forwardedIn, forwardedDeliveries };
  }

  commits(): CommitReport {
    const { commits, commitBytes } = this.#parts.registry.totals();
    return { commits, bytes: commitBytes };
  }

  async process(): Promise<ProcessReport> {
    const { live, registry, pool, processLimit } = this.#parts;
    await live.refresh();
    const { residentBytes, heapUsedBytes, externalBytes } = memoryFigures();
    const shards = this.#shards();
    const ofShards = sum(shards, (figures) => figures.heapUsedBytes + figures.externalBytes);
    const connections = sum(this.listeners(), ({ currentClients }) => currentClients);
    return {
      memoryTotalBytes: residentBytes,
      // Of what lies in buffers, some may never have been touched.
      memoryUsedBytes: Math.min(residentBytes, heapUsedBytes + externalBytes + ofShards),
      cpuSeconds: cpuSeconds(),
      processLimit,
      processUsed:
        connections +
        registry.count('sessions') +
        pool.handles.length +
        process.getActiveResourcesInfo().length,
      descriptorsMax: descriptorsMax(),
      clients: registry.count('clients'),
      load: loadAverages(),
    };
  }

  async threads(): Promise<readonly ThreadReport[]> {
    const { live, loopDelayMs, pool } = this.#parts;
    await live.refresh();
    const { heapUsedBytes } = memoryFigures();
    const shards = pool.handles.map(({ id, state, incarnation, figures }): ThreadReport => {
      const isUp = state === 'ready';
      // What one that is down has said last is of no use: it has nothing now.
      const now = isUp ? figures : null;
      return {
        thread: id,
        isUp,
        starts: incarnation?.number ?? 0,
        heapUsedBytes: now?.heapUsedBytes ?? 0,
        loopDelayMs: now?.loopDelayMs ?? 0,
        clients: now?.clients ?? 0,
        sessions: now?.sessions ?? 0,
        waitingBytes: now?.waitingBytes ?? 0,
      };
    });
    const main = { thread: 'main', isUp: true, starts: 1, clients: 0, sessions: 0, waitingBytes: 0 } as const;
    return [{ ...main, heapUsedBytes, loopDelayMs: loopDelayMs() }, ...shards];
  }

  listeners(): readonly ListenerReport[] {
    return this.#parts.listeners().map(listenerReport);
  }

  alarms(): readonly Alarm[] {
    return this.#parts.alarms.list();
  }

  /** Of the shards that run and have said something. */
  #shards(): readonly ShardFigures[] {
    return this.#parts.pool.handles.flatMap(({ isAlive, figures }) =>
      isAlive && figures !== null ? [figures] : [],
    );
  }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

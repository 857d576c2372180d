/** Puts together, from the broker's parts, what the API may ask. Main thread. */

import { ShardActions } from './actions/client-actions.js';
import { ShardTraces } from './actions/traces.js';
import type { SlotMap } from './actor/slots.js';
import type { BrokerPort, Settings, Users } from './api/broker-port.js';
import type { Clock } from './base/clock.js';
import { VERSION } from './base/version.js';
import { LiveFigures } from './figures/live-figures.js';
import { NodeFigures, type NodeFiguresParts } from './figures/node-figures.js';
import { ShardListings } from './listing/listings.js';
import type { Plugins } from './plugins/api.js';
import { askedShards } from './supervisor/asked-shards.js';
import type { ShardPool } from './supervisor/shard-pool.js';

export interface ApiParts {
  readonly name: string;
  readonly clock: Clock;
  readonly pool: ShardPool;
  readonly slots: SlotMap;
  readonly plugins: Plugins;
  readonly settings: Settings;
  readonly users: Users;
  readonly figures: Omit<NodeFiguresParts, 'live' | 'pool'>;
}

export function createApiPort(parts: ApiParts): BrokerPort {
  const { name, clock, pool, slots, plugins, settings, users, figures } = parts;
  const startedMs = clock.monotonicMs();
  const shards = askedShards(pool, slots);
  return {
    node: {
      name,
      version: VERSION,
      uptimeMs: () => clock.monotonicMs() - startedMs,
      nowMs: () => clock.wallMs(),
      isReady: () => pool.handles.every(({ state }) => state === 'ready'),
    },
    plugins,
    users,
    listings: new ShardListings(shards, clock),
    figures: new NodeFigures({ ...figures, pool, live: new LiveFigures(pool, figures.registry, clock) }),
    settings,
    actions: new ShardActions(shards),
    traces: new ShardTraces(shards, clock),
  };
}

/** Puts together, from the broker's parts, what the API may ask. Main thread. */
import type { BrokerPort } from './api/broker-port.js';
import type { Clock } from './base/clock.js';
import { VERSION } from './base/version.js';
import type { Plugins } from './plugins/api.js';
import type { ShardPool } from './supervisor/shard-pool.js';

export interface ApiParts {
  readonly name: string;
  readonly clock: Clock;
  readonly pool: ShardPool;
  readonly plugins: Plugins;
}

export function createApiPort({ name, clock, pool, plugins }: ApiParts): BrokerPort {
  const startedMs = clock.monotonicMs();
  return {
    node: {
      name,
      version: VERSION,
      uptimeMs: () => clock.monotonicMs() - startedMs,
      nowMs: () => clock.wallMs(),
      isReady: () => pool.handles.every(({ state }) => state === 'ready'),
    },
    plugins,
  };
}

/** Joins the plugins to the rest of main: shards, data directory, publishing, figures. Main thread. */
import { join } from 'node:path';
import type { PublishRequest } from '../actor/shard-protocol.js';
import type { Clock } from '../base/clock.js';
import type { Documents } from '../base/document.js';
import type { Logger } from '../base/log.js';
import type { Entry } from '../config/entry.js';
import type { Config } from '../config/schema.js';
import { PLUGIN_MESSAGES_WAITING_MAX } from '../limits.js';
import { asShardId } from '../protocol/ids.js';
import { checkPublish, publishLimits } from '../protocol/publish-request.js';
import type { ShardPool } from '../supervisor/shard-pool.js';
import type { MainContext, ThreadFigures } from './api.js';
import type { Catalogue } from './catalogue.js';
import { pluginConfiguration } from './configuration.js';
import { documentOf } from './documents.js';
import { PluginHost } from './host.js';
import { loadedFileOf } from './loaded-file.js';

export interface HostParts {
  readonly config: Config;
  /** What may change while the broker runs is read from here. */
  currentConfig(): Config;
  /** Settings of plugins in the broker's configuration. */
  readonly entries: readonly Entry[];
  readonly catalogue: Catalogue;
  readonly dataDir: string;
  readonly store: Documents;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly pool: () => ShardPool;
  /** Settles when the message is with the shards, or lost. */
  publish(message: PublishRequest): Promise<void>;
  /** What timers on main wait for their turn. */
  loopDelayMs(): number;
}

export function createPluginHost(parts: HostParts, shards: number): PluginHost {
  const { config, entries, catalogue, dataDir, store, clock, logger, pool } = parts;
  const directory = join(dataDir, 'plugins');
  return new PluginHost({
    catalogue,
    configuration: pluginConfiguration(config, entries, store, logger),
    loadedFile: loadedFileOf(config),
    allReady: () => pool().allReady(),
    everywhere: (type, input, timeoutMs) => pool().everywhere(type, input, timeoutMs),
    around: {
      node: config['node.name'],
      clock,
      logger,
      shards,
      dataDirOf: (name) => join(directory, name),
      documentOf: (plugin, name) => documentOf(store, plugin, name),
      tell: (shard, event) => pool().tell(asShardId(shard), event),
      publish: boundedPublish(parts),
      figures: () => [mainFigures(parts), ...shardFigures(pool())],
    },
  });
}

/** As many messages of plugins may be on their way to a shard as may wait for one of their parts. */
function boundedPublish({ currentConfig, logger, publish }: HostParts): MainContext['publish'] {
  let underWay = 0;
  return (topic, payload, options = {}) => {
    const message = checkPublish(topic, payload, options, publishLimits(currentConfig()));
    if (underWay >= PLUGIN_MESSAGES_WAITING_MAX) {
      logger.debug('a message of a plugin is dropped: too many wait', { topic });
      return;
    }
    underWay++;
    void publish(message).finally(() => {
      underWay--;
    });
  };
}

function mainFigures({ loopDelayMs }: HostParts): ThreadFigures {
  const { heapUsed } = process.memoryUsage();
  return { thread: 'main', heapUsedBytes: heapUsed, loopDelayMs: loopDelayMs(), clients: 0, sessions: 0 };
}

/** Of the shards that have said something yet. */
function shardFigures(pool: ShardPool): ThreadFigures[] {
  return pool.handles.flatMap(({ id, figures }) => {
    if (figures === null) return [];
    const { heapUsedBytes, loopDelayMs, clients, sessions } = figures;
    return [{ thread: id, heapUsedBytes, loopDelayMs, clients, sessions }];
  });
}

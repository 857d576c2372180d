/** Joins the settings to the rest of main: here is said who is told of a changed configuration. Main thread. */
import type { AclFile } from '../access/acl-file.js';
import type { ConfigUpdate } from '../actor/shard-protocol.js';
import type { Documents } from '../base/document.js';
import { type Logger, silentLogger } from '../base/log.js';
import type { Entry } from '../config/entry.js';
import type { Config } from '../config/schema.js';
import type { Catalogue } from '../plugins/catalogue.js';
import { pluginConfiguration } from '../plugins/configuration.js';
import type { PluginHost } from '../plugins/host.js';
import type { ShardPool } from '../supervisor/shard-pool.js';
import { settingsIn } from './kept-settings.js';
import { LiveSettings } from './live-settings.js';
import { PluginSettings } from './plugin-settings.js';

/** A part of main that keeps something of the configuration. */
export interface ConfigFollower {
  /** Something has changed. Must not throw. */
  onConfig(config: Config): void;
}

export interface SettingsSurroundings {
  readonly prepared: {
    readonly config: Config;
    readonly base: Config;
    readonly kept: readonly Entry[];
    readonly catalogue: Catalogue;
    readonly pluginEntries: readonly Entry[];
  };
  readonly store: Documents;
  readonly logger: Logger;
  readonly host: PluginHost;
  readonly acl: AclFile;
  readonly pool: () => ShardPool;
  /** All parts of main that keep something; everybody else reads `config` each time. */
  readonly followers: () => readonly ConfigFollower[];
}

export function createSettings(around: SettingsSurroundings): LiveSettings {
  const { prepared, store, logger, host, acl } = around;
  const { config, base, kept, catalogue, pluginEntries } = prepared;
  const configuration = pluginConfiguration(config, pluginEntries, store, silentLogger);
  logger.setLevel?.(config['log.level']);
  return new LiveSettings({
    ...{ config, base, kept, logger },
    document: settingsIn(store),
    plugins: new PluginSettings(catalogue, host, configuration),
    check: async (changed, before) => {
      const file = changed['mqtt.acl_file'];
      if (file !== before['mqtt.acl_file']) await acl.check(file);
    },
    apply: (update, before) => apply(around, update, before),
  });
}

async function apply(
  { logger, followers, pool, acl }: SettingsSurroundings,
  update: ConfigUpdate,
  before: Config,
): Promise<void> {
  const { config } = update;
  logger.setLevel?.(config['log.level']);
  for (const each of followers()) each.onConfig(config);
  await pool().configure(update);
  const file = config['mqtt.acl_file'];
  // What goes wrong now is logged there, and the rules before stay.
  if (file !== before['mqtt.acl_file']) await acl.use(file).catch(() => undefined);
}

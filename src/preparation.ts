/** What is read and taken before there is a broker: its configuration, its data directory, a password. Main thread. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Alarm } from './actor/shard-protocol.js';
import { BrokerError } from './base/errors.js';
import type { Logger } from './base/log.js';
import type { BrokerOptions } from './broker-api.js';
import type { Source } from './config/entry.js';
import { type Prepared, prepare } from './plugins/prepare.js';
import { readKept, settingsIn } from './settings/kept-settings.js';
import { type DataHold, holdDataDir, lentHold } from './supervisor/data-hold.js';
import { checkStores } from './supervisor/stores-check.js';
import { takeAdminPassword } from './users/first-users.js';

type Ready = Extract<Prepared, { ok: true }>;

export interface Preparation extends Ready {
  /** The data directory. */
  readonly hold: DataHold;
  /** What was found meanwhile, and people have to be told. */
  readonly alarms: readonly Alarm[];
  /** Nobody comes in: it runs, without plugins, for what is on its way between its shards. */
  readonly isAlone: boolean;
  /** What the first user of the API is to have from now on; null: nothing was said. */
  readonly adminPassword: string | null;
}

/** @throws BrokerError; nothing is held then */
export async function prepareStart(options: BrokerOptions, logger: Logger): Promise<Preparation> {
  const { platform } = process;
  if (platform !== 'linux' && platform !== 'darwin') {
    throw new BrokerError('PLATFORM_UNSUPPORTED', `shardmq runs on Linux and macOS, not on ${platform}`);
  }
  const adminPassword = takeAdminPassword(options.env);
  const directory = new HeldDirectory(logger);
  try {
    const ready = await readConfig(options, logger, directory);
    const { config } = ready;
    const hold = await directory.hold(config['node.data_dir']);
    checkStores(resolve(config['node.data_dir']), config['mqtt.persistence.level'], logger);
    const { damage } = hold.store;
    return { ...ready, hold, adminPassword, isAlone: false, alarms: damage === null ? [] : [damage] };
  } catch (error) {
    await directory.release();
    throw error;
  }
}

/** @returns the same for a broker that runs alone; the data directory stays held when that ends */
export function preparedAlone(preparation: Preparation, shards: number): Preparation {
  const config = { ...preparation.config, 'node.shards': shards, listeners: [], apiListeners: [] };
  return { ...preparation, config, hold: lentHold(preparation.hold), alarms: [], isAlone: true };
}

/** The data directory, held from the moment at which something in it is to be read. */
class HeldDirectory {
  #held: DataHold | null = null;

  constructor(private readonly logger: Logger) {}

  async hold(dataDir: string): Promise<DataHold> {
    this.#held ??= await holdDataDir(resolve(dataDir), this.logger);
    return this.#held;
  }

  /** What was set while a broker ran here; a directory that is not there is not made. */
  async settings(dataDir: string): Promise<Source> {
    if (!existsSync(dataDir)) return { entries: [], issues: [] };
    const { store } = await this.hold(dataDir);
    return readKept(settingsIn(store));
  }

  async release(): Promise<void> {
    await this.#held?.release();
  }
}

async function readConfig(options: BrokerOptions, logger: Logger, directory: HeldDirectory): Promise<Ready> {
  const { config: values, configFile: file, env, set, plugins } = options;
  const result = await prepare({ values, file, env, set }, plugins, (dataDir) => directory.settings(dataDir));
  for (const warning of result.warnings) logger.warn(warning.line);
  if (result.ok) return result;
  const issues = result.issues.map((issue) => issue.line);
  const message = issues.length === 1 ? issues[0]! : `the configuration has ${issues.length} errors`;
  throw new BrokerError('CONFIG_INVALID', message, issues);
}

/** What is read and taken before there is a broker: its configuration, its data directory, a password. Main thread. */
import { resolve } from 'node:path';
import { BrokerError } from './base/errors.js';
import type { Logger } from './base/log.js';
import type { BrokerOptions } from './broker-api.js';
import type { Config } from './config/schema.js';
import { type Prepared, prepare } from './plugins/prepare.js';
import { readKept } from './settings/kept-file.js';
import { type DataLock, heldLock, lockDataDir } from './supervisor/data-lock.js';
import { checkStores } from './supervisor/stores-check.js';
import { takeAdminPassword } from './users/first-users.js';

type Ready = Extract<Prepared, { ok: true }>;

export interface Preparation extends Ready {
  /** Of the data directory. */
  readonly lock: DataLock;
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
  const ready = await readConfig(options, logger);
  const directory = resolve(ready.config['node.data_dir']);
  const lock = lockDataDir(directory);
  try {
    checkStores(directory, ready.config['mqtt.persistence.level'], logger);
  } catch (error) {
    lock.release();
    throw error;
  }
  return { ...ready, lock, adminPassword };
}

/** @returns the same for another configuration; the data directory stays held when what it is for ends */
export function preparedAlike(preparation: Preparation, config: Config): Preparation {
  return { ...preparation, config, lock: heldLock };
}

async function readConfig(options: BrokerOptions, logger: Logger): Promise<Ready> {
  const { config: values, configFile: file, env, set, plugins } = options;
  const result = await prepare({ values, file, env, set, kept: readKept }, plugins);
  for (const warning of result.warnings) logger.warn(warning.line);
  if (result.ok) return result;
  const issues = result.issues.map((issue) => issue.line);
  const message = issues.length === 1 ? issues[0]! : `the configuration has ${issues.length} errors`;
  throw new BrokerError('CONFIG_INVALID', message, issues);
}

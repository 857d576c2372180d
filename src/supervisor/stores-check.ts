/** Looks at the stores of the data directory before any shard does: a start fails at once and in one line. On main. */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BrokerError } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import type { Config } from '../config/schema.js';
import { DATA_FILE } from '../storage/open-check.js';
import { shardDirectory } from '../storage/redistribution.js';
import { storedShards } from '../storage/shard-swap.js';

/**
 * Shards will be able to write where they keep something, as far as rights are concerned. With level `memory` what is
 * there is left alone, which is said.
 * @throws BrokerError DATA_DIR_FAILED
 */
export function checkStores(
  directory: string,
  level: Config['mqtt.persistence.level'],
  logger: Logger,
): void {
  const stores = storedShards(directory).map((shard) => shardDirectory(directory, shard));
  if (level !== 'memory') {
    for (const path of [directory, ...stores, ...stores.map((store) => join(store, DATA_FILE))]) {
      checkRights(path);
    }
  } else if (stores.length > 0) {
    logger.warn(
      `what is kept in ${directory} is left alone, since mqtt.persistence.level is memory: sessions, queues and ` +
        'retained messages of before are there again with another level',
    );
  }
}

function checkRights(path: string): void {
  if (!existsSync(path)) return;
  try {
    const { R_OK, W_OK, X_OK } = constants;
    accessSync(path, statSync(path).isDirectory() ? R_OK | W_OK | X_OK : R_OK | W_OK);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw new BrokerError(
      'DATA_DIR_FAILED',
      `${path} cannot be written (${code}): let the user that runs the broker do so, name another node.data_dir, or ` +
        'set mqtt.persistence.level to memory',
    );
  }
}

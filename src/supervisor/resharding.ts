/**
 * Another number of shards than last time: what is kept is given to them before they start. Main thread.
 *
 * Batches that are still on their way between the old shards are delivered first, by those shards themselves: they run
 * for a while without listeners. Only then everything is where it stays.
 */
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BrokerError, messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import type { Config } from '../config/schema.js';
import { RESHARDING_ROUND_MS, RESHARDING_ROUNDS_MAX } from '../limits.js';
import { describeMended, mendEnvironment } from '../storage/mending.js';
import { countPending, redistribute, shardDirectory } from '../storage/redistribution.js';
import { beginSwap, commitSwap, finishSwap, storedShards } from '../storage/shard-swap.js';
import { TABLES } from '../storage/tables.js';
import { rememberedShards, rememberShards } from './data-dir.js';

/** Starts a broker on the same data directory. */
export type Launch = (config: Config) => Promise<{ stop(): Promise<void> }>;

/**
 * Makes the stores in the data directory those of `node.shards`; 0: of as many as there were. Also where the level is
 * `memory` now: another start may need them.
 * @throws BrokerError DATA_DIR_FAILED; what was kept is as it was, or goes on with the next start
 */
export async function reshard(config: Config, logger: Logger, launch: Launch): Promise<void> {
  const directory = resolve(config['node.data_dir']);
  const to = config['node.shards'];
  try {
    const remember = (shards: number): void => rememberShards(directory, shards);
    if (finishSwap(directory, remember)) logger.info('what is kept was given to another number of shards');
    const from = rememberedShards(directory);
    const isOther = from !== null && to !== 0 && to !== from;
    if (!isOther || storedShards(directory).length === 0) return;
    logger.info(`what ${from} shards have kept is given to ${to}`);
    await mendAll(directory, from, logger);
    await deliver(directory, from, logger, () => runAlone(config, from, launch));
    await move(directory, from, to, logger);
    finishSwap(directory, remember);
  } catch (error) {
    if (error instanceof BrokerError) throw error;
    throw new BrokerError(
      'DATA_DIR_FAILED',
      `${directory} cannot be given to other shards: ${messageOf(error)}`,
    );
  }
}

/** The shards of before run for a while, and nobody can come in. */
async function runAlone(config: Config, shards: number, launch: Launch): Promise<void> {
  const level = config['mqtt.persistence.level'] === 'memory' ? 'process' : config['mqtt.persistence.level'];
  const alone = { ...config, 'node.shards': shards, 'mqtt.persistence.level': level, listeners: [] };
  const broker = await launch(alone);
  await sleep(RESHARDING_ROUND_MS);
  await broker.stop();
}

async function mendAll(directory: string, shards: number, logger: Logger): Promise<void> {
  for (let shard = 0; shard < shards; shard++) {
    const mended = await mendEnvironment(shardDirectory(directory, shard), TABLES);
    if (mended !== null) logger.error(`shard ${shard}: ${describeMended(mended)}`);
  }
}

async function deliver(
  directory: string,
  shards: number,
  logger: Logger,
  run: () => Promise<void>,
): Promise<void> {
  for (let round = 0; round < RESHARDING_ROUNDS_MAX; round++) {
    const pending = await countPending(directory, shards);
    if (pending === 0) return;
    logger.info(`${pending} batches between shards are delivered first`);
    await run();
  }
  const pending = await countPending(directory, shards);
  if (pending === 0) return;
  throw new Error(
    `${pending} batches between shards could not be delivered; start it with node.shards = ${shards} first`,
  );
}

async function move(directory: string, from: number, to: number, logger: Logger): Promise<void> {
  const target = beginSwap(directory);
  const moved = await redistribute(directory, from, target, to, (shard, rows) =>
    logger.info(`shard ${shard} of ${from}: ${rows} rows were read`),
  );
  commitSwap(directory, to);
  const { sessions, subscriptions, retained, messages, left } = moved;
  logger.info(
    `${to} shards have ${sessions} sessions, ${subscriptions} subscriptions, ${messages} messages on their way, ` +
      `${retained} retained ones`,
  );
  if (left > 0) logger.warn(`${left} rows were damaged or belonged to nothing, and are left out`);
}

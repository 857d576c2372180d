/**
 * Another number of shards than last time: what is kept is given to them before they start. Main thread.
 *
 * Batches that are still on their way between the old shards are delivered first, by those shards themselves: they run
 * for a while, and nobody can come in. To deliver one is to match it with the subscriptions of its target, choose
 * members of groups and fill queues; what does all that is a shard. Only then everything is where it stays.
 */
import { statfsSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Alarm } from '../actor/shard-protocol.js';
import { shardOfSlot } from '../actor/slots.js';
import { SystemClock } from '../base/clock.js';
import { BrokerError, messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import type { Config } from '../config/schema.js';
import {
  RESHARDING_IDLE_ROUNDS_MAX,
  RESHARDING_POLL_MS,
  RESHARDING_ROOM_SHARE,
  RESHARDING_ROUND_MS,
} from '../limits.js';
import { asShardId } from '../protocol/ids.js';
import { rowsLostAlarm } from '../storage/damage-report.js';
import { mendShard } from '../storage/mended-shard.js';
import { redistribute, shardDirectory, survey } from '../storage/redistribution.js';
import { abandonSwap, beginSwap, commitSwap, finishSwap, storedShards } from '../storage/shard-swap.js';
import { rememberedShards, rememberShards } from './data-dir.js';
import { LoadingLog } from './loading-log.js';

/** Starts a broker with so many shards on the same data directory, which nobody can connect to. */
export type LaunchAlone = (shards: number) => Promise<LoneBroker>;

export interface LoneBroker {
  alarms(): readonly Alarm[];
  stop(): Promise<void>;
}

/** Of an alone broker's alarms those that are true when it has ended. */
const LASTING_ALARM = /^store_(damaged|rows_lost)\./;

const MIB = 2 ** 20;

/**
 * Makes the stores in the data directory those of `node.shards`; 0: of as many as there were. With the level `memory`
 * nothing is touched.
 * @returns alarms about stores that were damaged
 * @throws BrokerError DATA_DIR_FAILED; what was kept is as it was, or goes on with the next start
 */
export async function reshard(
  config: Config,
  logger: Logger,
  launchAlone: LaunchAlone,
): Promise<readonly Alarm[]> {
  if (config['mqtt.persistence.level'] === 'memory') return [];
  const directory = resolve(config['node.data_dir']);
  const to = config['node.shards'];
  try {
    const remember = (shards: number): void => rememberShards(directory, shards);
    if (finishSwap(directory, remember)) logger.info('what is kept was given to another number of shards');
    abandonSwap(directory);
    const from = rememberedShards(directory);
    if (from === null || storedShards(directory).length === 0) return [];
    const resharding = new Resharding(directory, from, logger);
    resharding.missStores();
    if (to !== 0 && to !== from) {
      logger.info(`what ${from} shards have kept is given to ${to}`);
      await resharding.mend();
      await resharding.deliver(launchAlone);
      await resharding.move(to);
      finishSwap(directory, remember);
    }
    return resharding.alarms;
  } catch (error) {
    if (error instanceof BrokerError) throw error;
    const what = `what is kept in ${directory} cannot be given to ${to} shards`;
    throw new BrokerError('DATA_DIR_FAILED', `${what}: ${messageOf(error)}`);
  }
}

class Resharding {
  readonly alarms: Alarm[] = [];
  private readonly clock = new SystemClock();
  private readonly progress: LoadingLog;

  constructor(
    private readonly directory: string,
    private readonly from: number,
    private readonly logger: Logger,
  ) {
    this.progress = new LoadingLog(this.clock, logger);
  }

  /** Of shards that are made together all have a store, or none. */
  missStores(): void {
    const there = new Set(storedShards(this.directory));
    for (let shard = 0; shard < this.from; shard++) {
      if (there.has(shard)) continue;
      const title = `Shard ${shard} has no store`;
      const summary =
        `${shardDirectory(this.directory, shard)} is missing, where other shards have what they kept: whatever it ` +
        'held is lost. Stop the broker and restore it, or a backup, if it was there before';
      this.logger.error(summary);
      const raisedAt = this.clock.wallMs();
      this.alarms.push({ id: `store_missing.${shard}`, severity: 'error', title, summary, raisedAt });
    }
  }

  async mend(): Promise<void> {
    for (let shard = 0; shard < this.from; shard++) {
      const { logger, progress } = this;
      const path = shardDirectory(this.directory, shard);
      const alarm = await mendShard(path, shard, () => this.clock.wallMs(), {
        error: (line) => logger.error(`shard ${shard}: ${line}`),
        warn: (detail) => logger.warn(detail),
        progress: (what, done, of) => progress.say(asShardId(shard), what, done, of),
      });
      if (alarm !== null) this.alarms.push(alarm);
    }
  }

  /** As long as that helps, the shards of before run and deliver what is on its way between them. */
  async deliver(launchAlone: LaunchAlone): Promise<void> {
    let pending = await this.pending();
    for (let idleRounds = 0; pending > 0; ) {
      this.logger.info(`${pending} batches of messages are delivered between the ${this.from} shards first`);
      await this.runAlone(launchAlone);
      const left = await this.pending();
      idleRounds = left < pending ? 0 : idleRounds + 1;
      pending = left;
      if (idleRounds < RESHARDING_IDLE_ROUNDS_MAX) continue;
      throw new Error(
        `${pending} batches of messages between shards cannot be delivered; start it with node.shards = ` +
          `${this.from}, with which they are kept, and see what it says in its log`,
      );
    }
  }

  /** Until nothing is on its way, and no longer than a round. */
  private async runAlone(launchAlone: LaunchAlone): Promise<void> {
    const broker = await launchAlone(this.from);
    try {
      for (let ms = 0; ms < RESHARDING_ROUND_MS; ms += RESHARDING_POLL_MS) {
        await sleep(RESHARDING_POLL_MS);
        if ((await this.pending()) === 0) return;
      }
    } finally {
      const known = new Set(this.alarms.map(({ id }) => id));
      const found = broker.alarms().filter(({ id }) => LASTING_ALARM.test(id) && !known.has(id));
      this.alarms.push(...found);
      await broker.stop();
    }
  }

  private async pending(): Promise<number> {
    return (await survey(this.directory, this.from)).pending;
  }

  async move(to: number): Promise<void> {
    const { bytes } = await survey(this.directory, this.from);
    this.checkRoom(bytes);
    const { sessions, subscriptions, retained, messages, lost } = await this.write(to, bytes);
    this.logger.info(
      `${to} shards have ${sessions} sessions, ${subscriptions} subscriptions, ${messages} messages on their way, ` +
        `${retained} retained ones`,
    );
    for (const [shard, rows] of lost) {
      const alarm = rowsLostAlarm(shard, rows, this.clock.wallMs());
      this.logger.error(alarm.summary);
      this.alarms.push(alarm);
    }
  }

  private async write(to: number, bytes: number): ReturnType<typeof redistribute> {
    const { directory, from } = this;
    try {
      const plan = { source: directory, from, target: beginSwap(directory), to, shardOfSlot };
      const moved = await redistribute(plan, (shard, table, rows, ofRows) =>
        this.progress.say(asShardId(shard), `rows of ${table}`, rows, ofRows),
      );
      commitSwap(directory, to);
      return moved;
    } catch (error) {
      // Before the room is given back that the new ones have taken.
      const { bavail, bsize } = statfsSync(directory);
      abandonSwap(directory);
      if (bavail * bsize > bytes) throw error;
      throw new Error(`${messageOf(error)}; ${roomNeeded(bytes)}`);
    }
  }

  /** @throws Error where it is clear that there is not enough */
  private checkRoom(bytes: number): void {
    const { bavail, bsize } = statfsSync(this.directory);
    if (bavail * bsize >= bytes) return;
    throw new Error(`${Math.floor((bavail * bsize) / MIB)} MiB are free there; ${roomNeeded(bytes)}`);
  }
}

function roomNeeded(bytes: number): string {
  const mebibytes = Math.ceil((bytes * RESHARDING_ROOM_SHARE) / MIB) + 1;
  return (
    `the new stores need some ${mebibytes} MiB beside the old ones, which are as they were: make room, or start with ` +
    'the number of shards of before'
  );
}

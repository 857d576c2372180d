/** Starts and stops every part of the broker that runs on the main thread, in one visible order. Main thread. */
import { resolve as resolvePath } from 'node:path';
import type { Bans } from './access/bans.js';
import type {
  Alarm,
  PluginStart,
  PublishRequest,
  ShardRequests,
  ShardRequestType,
  TlsMaterial,
} from './actor/shard-protocol.js';
import { SlotMap } from './actor/slots.js';
import { ApiServer } from './api/http/server.js';
import { createApiPort } from './api-port.js';
import { type Clock, SystemClock } from './base/clock.js';
import { BrokerError } from './base/errors.js';
import { type Logger, silentLogger } from './base/log.js';
import { Ticker } from './base/ticker.js';
import { VERSION } from './base/version.js';
import type { Broker, BrokerOptions, OpenListener } from './broker-api.js';
import type { Config } from './config/schema.js';
import { REST_TICK_MS, SUPERVISOR_SWEEP_INTERVAL_MS } from './limits.js';
import type { MetricName, StatName } from './metrics/names.js';
import { MetricsRegistry } from './metrics/registry.js';
import type { Plugins } from './plugins/api.js';
import { createPluginHost } from './plugins/create-host.js';
import type { PluginHost } from './plugins/host.js';
import { type Preparation, preparedAlone, prepareStart } from './preparation.js';
import { asClientId, type ShardId } from './protocol/ids.js';
import { peekClientId } from './protocol/mqtt/decode-connect.js';
import type { Replacements } from './replacements.js';
import { createSettings } from './settings/create-settings.js';
import type { LiveSettings } from './settings/live-settings.js';
import { Acceptor } from './supervisor/acceptor.js';
import { AccessFiles } from './supervisor/access-files.js';
import { ArrivalGate } from './supervisor/arrival-gate.js';
import { Certificates } from './supervisor/certificates.js';
import { type NodeRecord, openDataDir } from './supervisor/data-dir.js';
import { Handover } from './supervisor/handover.js';
import { ListenerFigures } from './supervisor/listener-figures.js';
import { defaultShards, usableCores, usableMemoryBytes } from './supervisor/machine.js';
import { openListener } from './supervisor/open-listener.js';
import { OpeningReader, openingLimits } from './supervisor/opening-reader.js';
import { reshard } from './supervisor/resharding.js';
import { overloadLimits } from './supervisor/shard-handle.js';
import { ShardPool } from './supervisor/shard-pool.js';
import { ofFirst } from './supervisor/tls-material.js';
import { Alarms } from './sys/alarms.js';
import { Monitor } from './sys/monitor.js';
import { OverloadReports } from './sys/overload-reports.js';
import { SysPublisher } from './sys/sys-publisher.js';
import { UsersPart } from './users/users-part.js';

const SHARD_ENTRY = new URL('../workers/shard.worker.js', import.meta.url);

/**
 * Starts a broker; it takes connections when the promise resolves.
 * @throws BrokerError; nothing of the broker is left then.
 */
export function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  return launchBroker(options);
}

/** As `startBroker`, with what the broker shows to its own parts and to tests only. */
export async function launchBroker(
  options: BrokerOptions,
  replacements: Replacements = {},
): Promise<RunningBroker> {
  const logger = options.logger === undefined || options.logger === 'silent' ? silentLogger : options.logger;
  const preparation = await prepareStart(options, logger);
  const run = (ready: Preparation) => new RunningBroker(ready, options, logger, replacements).start();
  try {
    const alarms = await reshard(preparation.config, logger, (shards) =>
      run(preparedAlone(preparation, shards)),
    );
    return await run({ ...preparation, alarms: [...preparation.alarms, ...alarms] });
  } catch (error) {
    await preparation.hold.release();
    throw error;
  }
}

/** A broker from its start to its stop. The interface for users is `Broker`. */
export class RunningBroker implements Broker {
  readonly name: string;
  readonly shards: number;
  readonly failed: Promise<BrokerError>;
  readonly #logger: Logger;
  readonly #clock: Clock = new SystemClock();
  readonly #slots: SlotMap;
  readonly #registry: MetricsRegistry;
  readonly #pool: ShardPool;
  readonly #reader: OpeningReader;
  readonly #gate: ArrivalGate;
  readonly #api: ApiServer;
  readonly #acceptors: readonly Acceptor[];
  readonly #sys: SysPublisher;
  readonly #alarms: Alarms;
  readonly #overloads: OverloadReports;
  readonly #certificates: Certificates;
  readonly #access: AccessFiles;
  readonly #plugins: PluginHost;
  readonly #settings: LiveSettings;
  readonly #preparation: Preparation;
  readonly #users: UsersPart;
  readonly #ticker: Ticker;
  #resolveFailed: (error: BrokerError) => void = () => {};
  leavesThreads = false; // A disk does not answer them after `stop`; `process.exit` would wait for that.
  #stopped: Promise<void> | null = null;

  /** Reads the data directory and starts the threads. */
  constructor(preparation: Preparation, options: BrokerOptions, logger: Logger, replacements: Replacements) {
    const { config, catalogue, pluginEntries: entries, hold } = preparation;
    this.name = config['node.name'];
    this.#logger = logger;
    this.#preparation = preparation;
    this.failed = new Promise((resolve) => {
      this.#resolveFailed = resolve;
    });
    const directory = resolvePath(config['node.data_dir']);
    const isKeeping = config['mqtt.persistence.level'] !== 'memory';
    const node = openDataDir(directory, config['node.shards'], defaultShards(usableCores()), isKeeping);
    this.shards = node.shards;
    this.#slots = new SlotMap(node.slotKey, node.shards);
    this.#registry = new MetricsRegistry(node.shards);
    this.#sys = new SysPublisher(
      { node: this.name, version: VERSION, intervalMs: config['mqtt.broker.sys_interval'] },
      this.#registry,
      this.#clock,
      (message) => void this.#publish(message),
    );
    const say = (topic: string, payload: string): void => this.#sys.say(topic, payload);
    this.#alarms = new Alarms(this.#clock, say);
    this.#overloads = new OverloadReports(this.#alarms, this.#clock, logger);
    this.#certificates = this.#createCertificates(config);
    this.#access = new AccessFiles(config['mqtt.acl_file'], hold.store, {
      ...{ clock: this.#clock, logger, alarms: this.#alarms.ofMain },
      update: (change) => this.#pool.updateAll('access.update', change),
    });
    const host = {
      config,
      currentConfig: () => this.config,
      entries,
      catalogue,
      dataDir: directory,
      store: hold.store,
      clock: this.#clock,
      logger,
      pool: () => this.#pool,
      publish: (message: PublishRequest) => this.#publish(message),
      loopDelayMs: () => this.#gate.delayMs,
    };
    this.#plugins = createPluginHost(host, this.shards);
    this.#settings = createSettings({
      ...{ prepared: preparation, store: hold.store, logger, host: this.#plugins, acl: this.#access.acl },
      pool: () => this.#pool,
      followers: () => [this.#gate, this.#reader, this.#sys],
    });
    const isBanned = (peerAddress: string): boolean => this.#access.bans.bansAddress(peerAddress);
    this.#pool = this.#createPool(options, node, replacements, say);
    const handover = new Handover(this.#pool.handles, this.#slots, peekClientId, this.#clock, logger);
    this.#reader = new OpeningReader(
      openingLimits(config),
      this.#clock.monotonicMs(),
      isBanned,
      (arrived, held, head, openingBytes) => handover.take(arrived, held, head, openingBytes),
    );
    this.#ticker = new Ticker(this.#clock, {
      ...{ intervalMs: SUPERVISOR_SWEEP_INTERVAL_MS, restMs: REST_TICK_MS },
      tick: (lateMs, elapsedMs) => this.#sweep(lateMs, elapsedMs),
    });
    this.#gate = new ArrivalGate(overloadLimits(config), this.#clock, {
      reader: this.#reader,
      arrived: () => this.#ticker.wake(),
      overloadChanged: (lateMs) => this.#overloads.changed(null, lateMs),
    });
    this.#acceptors = config.listeners
      .map((listener, id) => new ListenerFigures(id, listener))
      .map((figures) => new Acceptor(figures, this.#gate, isBanned, this.#clock, logger));
    this.#users = new UsersPart(preparation, hold.store, this.#clock, replacements.userPasswordFormat);
    this.#api = this.#createApi(config);
  }

  /** Shards first, so that the first connection finds its own. @throws BrokerError after stopping what had started */
  async start(): Promise<this> {
    this.#ticker.start();
    try {
      await this.#certificates.load();
      await this.#access.acl.load();
      await this.#users.prepare();
      const failure = await Promise.race([this.#pool.start(), this.failed]);
      if (failure instanceof BrokerError) throw failure;
      const { alarms, isAlone } = this.#preparation;
      for (const alarm of alarms) this.#alarms.raise(null, alarm);
      if (isAlone) return this;
      // Before the listeners: nobody gets in who a plugin would refuse.
      const failedLater = await Promise.race([this.#plugins.boot(), this.failed]);
      if (failedLater instanceof BrokerError) throw failedLater;
      for (const acceptor of this.#acceptors) await acceptor.open();
      await this.#api.open(this.#certificates.material);
      await this.#preparation.hold.adoptFiles();
      return this;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  get listeners(): readonly OpenListener[] {
    return [...this.#acceptors, ...this.#api.listeners].map(openListener);
  }

  /** As it is now; it may be changed while the broker runs. */
  get config(): Config {
    return this.#settings.config;
  }

  shardOf(clientId: string): ShardId {
    return this.#slots.shardOf(asClientId(clientId));
  }

  reloadCertificates(): Promise<void> {
    return this.#certificates.reload();
  }

  reloadAcl(): Promise<void> {
    return this.#access.acl.reload();
  }

  get usersWithPublicPassword(): readonly string[] {
    return this.#users.users.withPublicPassword();
  }

  get bans(): Bans {
    return this.#access.bans;
  }

  get plugins(): Plugins {
    return this.#plugins;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stopParts();
    return this.#stopped;
  }

  /** The 38 counters since start. */
  metrics(): Record<MetricName, number> {
    return this.#registry.metrics();
  }

  /** The 14 statistics. */
  stats(): Record<StatName, number> {
    return this.#registry.stats();
  }

  /** Alarms that are active now. */
  alarms(): Alarm[] {
    return this.#alarms.list();
  }

  /** Who is connected through each listener, those of the API last, and why others are not. */
  listenerFigures(): readonly ListenerFigures[] {
    return [...this.#acceptors, ...this.#api.listeners].map(({ figures }) => figures);
  }

  /** Port of the first listener of the API; 0 where there is none. */
  get apiPort(): number {
    return this.#api.listeners[0]?.port ?? 0;
  }

  /** Asks one shard. @throws BrokerError when it does not answer in time, or cannot */
  request<T extends ShardRequestType>(
    shard: ShardId,
    type: T,
    input: ShardRequests[T]['input'],
  ): Promise<ShardRequests[T]['output']> {
    return this.#pool.request(shard, type, input);
  }

  #createCertificates({ listeners, apiListeners }: Config): Certificates {
    return new Certificates([...listeners, ...apiListeners], this.#clock, this.#logger, {
      ...this.#alarms.ofMain,
      update: (tls) => {
        this.#api.updateTls(tls);
        return this.#pool.updateAll('tls.update', { tls: ofFirst(listeners, tls) });
      },
    });
  }

  #createApi(config: Config): ApiServer {
    const broker = createApiPort({
      name: this.name,
      clock: this.#clock,
      pool: this.#pool,
      slots: this.#slots,
      plugins: this.#plugins,
      settings: this.#settings,
      figures: {
        registry: this.#registry,
        alarms: this.#alarms,
        listeners: () => [...this.#acceptors, ...this.#api.listeners],
        processLimit: config['node.process_limit'],
        loopDelayMs: () => this.#gate.delayMs,
      },
      users: this.#users.users,
    });
    const around = { broker, clock: this.#clock, logger: this.#logger };
    return new ApiServer(config.apiListeners, config.listeners.length, around);
  }

  #createPool(
    options: BrokerOptions,
    { hashSeed, slotKey }: NodeRecord,
    replacements: Replacements,
    say: (topic: string, payload: string) => void,
  ): ShardPool {
    const { config, shards } = this;
    const { seams = {} } = options;
    const tls = (): readonly TlsMaterial[] => ofFirst(config.listeners, this.#certificates.material);
    const plugins = (): readonly PluginStart[] => this.#plugins.starts();
    const { shardEntry: entry = SHARD_ENTRY, memoryBytes = usableMemoryBytes() } = replacements;
    const pool: ShardPool = new ShardPool(
      {
        ...{ config, shards, hashSeed, slotKey, seams, tls, plugins, entry, memoryBytes },
        openThreads: replacements.openThreads,
        dataDirectory: resolvePath(config['node.data_dir']),
        access: () => this.#access.atStart(),
      },
      this.#clock,
      this.#logger,
      {
        asked: () => this.#ticker.wake(),
        started: (shard, counters) => this.#registry.shardStarted(shard, counters),
        figures: (shard, figures) => {
          this.#registry.update(shard, figures);
          monitor.look(shard, figures);
        },
        pluginTold: (shard, message) => this.#plugins.told(shard, message),
        pluginHeard: (shard, heard) => this.#plugins.heard(shard, heard),
        pluginFailed: (_shard, failed) => this.#plugins.failed(failed),
        alarmRaised: (shard, alarm) => this.#alarms.raise(shard, alarm),
        alarmCleared: (_shard, id) => this.#alarms.clear(id),
        overloadChanged: (shard, lateMs) => this.#overloads.changed(shard, lateMs),
        flapping: (clientId) =>
          this.#access.bans.addFlapping(clientId, this.config['mqtt.flapping.ban_time']),
        ended: (shard) => {
          this.#registry.shardEnded(shard);
          this.#alarms.shardEnded(shard);
          this.#plugins.shardEnded(shard);
        },
        failed: (error) => void this.#fail(error),
      },
    );
    const monitor = new Monitor(pool.heapLimitBytes, this.#logger, say);
    return pool;
  }

  /** Any shard will do: it passes the message on to those that want it, or own its topic's retained message. */
  async #publish(message: PublishRequest): Promise<void> {
    const shard = this.#pool.handles.find((handle) => handle.state === 'ready');
    if (shard === undefined) return;
    try {
      await this.#pool.request(shard.id, 'message.publish', message);
    } catch (error) {
      this.#logger.debug(`${message.topic} was not published: ${String(error)}`);
    }
  }

  #sweep(lateMs: number, elapsedMs: number): boolean {
    this.#gate.sweep(lateMs, elapsedMs);
    const nowMs = this.#clock.monotonicMs();
    this.#reader.sweep(nowMs);
    this.#pool.sweep(nowMs, lateMs);
    this.#sys.sweep(nowMs);
    this.#certificates.sweep(nowMs);
    this.#access.bans.sweep();
    return this.#gate.count > 0 || this.#reader.count > 0 || this.#pool.isAwaiting;
  }

  async #fail(error: BrokerError): Promise<void> {
    this.#logger.fatal(error.message);
    await this.stop();
    this.#resolveFailed(error);
  }

  /** Nobody new comes in, then nobody is left, then nothing runs. */
  async #stopParts(): Promise<void> {
    const closed = this.#acceptors.map((acceptor) => acceptor.close());
    this.#settings.stop();
    this.#gate.stop();
    this.#reader.stop();
    await this.#api.close(); // First, since requests that are under way may need the shards.
    this.leavesThreads = !(await this.#pool.stop(this.config['shutdown.timeout']));
    await this.#plugins.shutDown();
    this.#ticker.stop();
    await Promise.all([...closed, this.#access.bans.stop(), this.#users.stop()]);
    await this.#preparation.hold.release();
  }
}

/** Starts the shards, joins them into a mesh, watches over them and restarts those that end. Main thread. */
import { MessageChannel } from 'node:worker_threads';
import { PortClient } from '../actor/port-client.js';
import type {
  ConfigUpdate,
  MainEvent,
  ShardEvent,
  ShardRequests,
  ShardRequestType,
} from '../actor/shard-protocol.js';
import { unreachable } from '../base/assert.js';
import type { Clock } from '../base/clock.js';
import { settlesInTime } from '../base/deadline.js';
import { BrokerError } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import type { Config } from '../config/schema.js';
import {
  SHARD_CRASH_WINDOW_MS,
  SHARD_CRASHES_MAX,
  SHARD_EXIT_TIMEOUT_MS,
  SHARD_START_TIMEOUT_MS,
  SHARD_STOP_GRACE_MS,
  SUPERVISOR_LATE_SWEEP_MS,
  THREAD_LOAD_TIMEOUT_MS,
  WAITING_MEMORY_SHARE,
} from '../limits.js';
import { Counters } from '../metrics/counters.js';
import { asShardId, type ShardId } from '../protocol/ids.js';
import { CrashPolicy } from './crash-policy.js';
import { describe, firstLine } from './failure-text.js';
import { join } from './join.js';
import { LoadingLog } from './loading-log.js';
import { type Incarnation, overloadLimits, ShardHandle } from './shard-handle.js';
import type { ShardPoolEvents, ShardPoolOptions } from './shard-pool-options.js';
import { type OpenThreads, ThreadPool } from './thread-pool.js';
import { abort, configureShard, updateShard } from './update.js';

export class ShardPool {
  readonly handles: readonly ShardHandle[];
  readonly #options: Omit<ShardPoolOptions, 'config'>;
  #config: Config;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #events: ShardPoolEvents;
  readonly #threads: ThreadPool;
  readonly #crashes = new CrashPolicy();
  readonly #restarts = new Set<NodeJS.Timeout>();
  readonly #loadingLog: LoadingLog;
  readonly #waitForAll: (() => void)[] = [];
  #isStopping = false;

  /** Starts the threads, which takes a moment; `start` gives them their shards. */
  constructor(options: ShardPoolOptions, clock: Clock, logger: Logger, events: ShardPoolEvents) {
    this.#options = options;
    this.#config = options.config;
    this.#clock = clock;
    this.#logger = logger;
    this.#events = events;
    this.#loadingLog = new LoadingLog(clock, logger);
    const overload = overloadLimits(options.config);
    this.handles = Array.from(
      { length: options.shards },
      (_, id) => new ShardHandle(asShardId(id), clock, overload),
    );
    const openThreads: OpenThreads = options.openThreads ?? ((...args) => new ThreadPool(...args));
    this.#threads = openThreads(options.entry, options.shards, options.memoryBytes, (error) =>
      logger.warn(`an idle thread has ended: ${firstLine(error.message)}`),
    );
  }

  /** Bytes of one shard's heap above which its thread is ended. */
  get heapLimitBytes(): number {
    return this.#threads.heapLimitBytes;
  }

  /** Resolves when every shard takes connections; stays pending if one never does, and `failed` says so. */
  start(): Promise<void> {
    for (const handle of this.handles) this.#launch(handle);
    return this.allReady();
  }

  /** Resolves when every shard takes connections, at once if they do; not before one that is down is back. */
  allReady(): Promise<void> {
    if (this.handles.every(({ state }) => state === 'ready')) return Promise.resolve();
    return new Promise((resolve) => this.#waitForAll.push(resolve));
  }

  /** Asks one shard; see `PortClient.request`. */
  request<T extends ShardRequestType>(
    shard: ShardId,
    type: T,
    input: ShardRequests[T]['input'],
    timeoutMs?: number,
  ): Promise<ShardRequests[T]['output']> {
    const incarnation = this.handles[shard]?.incarnation ?? null;
    this.#events.asked();
    if (incarnation !== null) return incarnation.client.request(type, input, timeoutMs);
    return Promise.reject(new BrokerError('SHARD_UNAVAILABLE', `shard ${shard} is not running`));
  }

  /**
   * Tells all shards that run of something new; those that start later get it with their start. Rejects when one does
   * not answer and is still there.
   */
  async updateAll<T extends 'tls.update' | 'access.update'>(
    type: T,
    input: ShardRequests[T]['input'],
  ): Promise<void> {
    await Promise.all(this.handles.map((handle) => updateShard(handle, type, input)));
  }

  /** Shards that start have this configuration from now on; resolves when all that run have it too. Never rejects. */
  async configure(update: ConfigUpdate): Promise<void> {
    this.#config = update.config;
    for (const handle of this.handles) handle.overload = overloadLimits(update.config);
    await Promise.all(this.handles.map((handle) => configureShard(handle, update)));
  }

  /** Asks all shards that run or are just starting. Rejects when one of them refuses, is late or ends meanwhile. */
  async everywhere<T extends ShardRequestType>(
    type: T,
    input: ShardRequests[T]['input'],
    timeoutMs?: number,
  ): Promise<void> {
    const running = this.handles.filter(({ state }) => state !== 'down' && state !== 'stopped');
    await Promise.all(running.map(({ id }) => this.request(id, type, input, timeoutMs)));
  }

  /** @returns whether the shard is there to be told. @throws DOMException for what cannot be cloned */
  tell(shard: ShardId, event: MainEvent): boolean {
    const handle = this.handles[shard];
    if (handle === undefined || handle.state === 'down' || handle.state === 'stopped') return false;
    handle.incarnation!.client.tell(event);
    return true;
  }

  /** Somebody waits for a shard, with a deadline: for an answer, to be adopted. */
  get isAwaiting(): boolean {
    return this.handles.some(
      ({ isAwaited, incarnation }) => isAwaited || incarnation?.client.isAwaiting === true,
    );
  }

  /** To be called by main's timer; `lateMs`: by how much that fires too late. */
  sweep(nowMs: number, lateMs: number): void {
    if (this.#isStopping) return;
    // Main stood still itself (or the machine slept), so the shards' heartbeats lie unread: nobody was silent.
    const wasLate = lateMs > SUPERVISOR_LATE_SWEEP_MS;
    for (const handle of this.handles) {
      handle.sweep(nowMs);
      const { incarnation } = handle;
      if (incarnation === null) continue;
      incarnation.client.sweep(nowMs);
      if (wasLate) {
        incarnation.lastHeardMs = nowMs;
      } else {
        this.#judgeOverload(handle);
        this.#checkSilence(handle, incarnation, nowMs);
      }
    }
  }

  /**
   * Stops the shards, those that do not stop in time too. Resolves when every thread has ended, or will not soon.
   * @returns whether all have
   */
  async stop(deadlineMs: number): Promise<boolean> {
    this.#isStopping = true;
    for (const timer of this.#restarts) clearTimeout(timer);
    const running = this.handles.filter((handle) => handle.state !== 'down' && handle.state !== 'stopped');
    for (const { incarnation } of running) {
      // Whether it answers does not matter: what counts is that its task ends.
      incarnation!.client.request('shard.stop', { deadlineMs }).catch(ignore);
    }
    const stopped = Promise.all(running.map((handle) => handle.incarnation!.ended));
    const isInTime = await settlesInTime(
      stopped,
      running.length === 0 ? 0 : deadlineMs + SHARD_STOP_GRACE_MS,
    );
    if (!isInTime) this.#logger.warn('shards did not stop in time and are ended');
    // From now on a thread that ends is none that has crashed.
    for (const handle of this.handles) handle.stop();
    const isClean = await this.#threads.destroy(isInTime ? SHARD_EXIT_TIMEOUT_MS : SHARD_STOP_GRACE_MS);
    if (!isClean) this.#logger.error('a thread did not end and is left behind');
    for (const handle of this.handles) {
      handle.incarnation?.client.close('the broker has stopped');
      if (isClean) handle.threadExited('broker_stopped');
    }
    return isClean;
  }

  #launch(handle: ShardHandle): void {
    const { shards, hashSeed, slotKey, dataDirectory, seams, tls, access, plugins, memoryBytes } =
      this.#options;
    const config = this.#config;
    const { port1, port2 } = new MessageChannel();
    const nowMs = this.#clock.monotonicMs();
    const incarnation: Incarnation = {
      number: (handle.incarnation?.number ?? 0) + 1,
      client: new PortClient(port1, `shard ${handle.id}`, this.#clock, (event) =>
        this.#onEvent(handle, incarnation, event),
      ),
      adopted: handle.newAdoptedWord(),
      ended: Promise.resolve(),
      controller: new AbortController(),
      worker: null,
      startedAtMs: nowMs,
      lastHeardMs: nowMs,
      abortReason: null,
    };
    handle.incarnation = incarnation;
    handle.state = 'starting';
    const budgetBytes = config['shard.memory_budget'] || (memoryBytes * WAITING_MEMORY_SHARE) / shards;
    const counters = new Counters().buffer;
    this.#events.started(handle.id, counters);
    const task = this.#threads.run(
      {
        shard: handle.id,
        shards,
        incarnation: incarnation.number,
        config,
        dataDirectory,
        memoryBudgetBytes: Math.floor(budgetBytes),
        port: port2,
        handover: incarnation.adopted.buffer as SharedArrayBuffer,
        counters,
        hashSeed,
        slotKey,
        seams,
        tls: tls(),
        access: access(),
        plugins: plugins(),
      },
      incarnation.controller.signal,
    );
    incarnation.ended = task.then(
      () => (this.#isStopping ? undefined : this.#ended(handle, incarnation, 'its task ended unasked')),
      (error: unknown) => this.#ended(handle, incarnation, describe(error)),
    );
  }

  #onEvent(handle: ShardHandle, incarnation: Incarnation, event: ShardEvent): void {
    incarnation.lastHeardMs = this.#clock.monotonicMs();
    switch (event.type) {
      case 'shard.started':
        incarnation.worker = this.#threads.thread(event.thread);
        incarnation.startedAtMs = incarnation.lastHeardMs;
        break;
      case 'shard.loading':
        incarnation.startedAtMs = incarnation.lastHeardMs;
        this.#loadingLog.say(handle.id, event.what, event.rows, event.ofRows);
        break;
      case 'shard.refused':
        handle.isRefusing = true;
        this.#events.failed(
          new BrokerError('DATA_DIR_FAILED', `shard ${handle.id} cannot start: ${event.why}`),
        );
        break;
      case 'shard.ready':
        void this.#mesh(handle, incarnation);
        break;
      case 'shard.open':
        this.#open(handle, incarnation);
        break;
      case 'shard.heartbeat':
        handle.figures = event.figures;
        this.#events.figures(handle.id, event.figures);
        break;
      case 'shard.overload':
        handle.lateMs = event.isOverloaded ? event.delayMs : 0;
        this.#judgeOverload(handle);
        break;
      case 'connections.closed':
        for (const [i, number] of event.numbers.entries()) handle.connectionClosed(number, event.reasons[i]!);
        break;
      case 'client.flapping':
        this.#events.flapping(event.clientId);
        break;
      case 'plugin.told':
        this.#events.pluginTold(handle.id, event.message);
        break;
      case 'plugin.heard':
        this.#events.pluginHeard(handle.id, event.heard);
        break;
      case 'plugin.failed':
        this.#events.pluginFailed(handle.id, event.failed);
        break;
      case 'alarm.raised':
        this.#events.alarmRaised(handle.id, event.alarm);
        break;
      case 'alarm.cleared':
        this.#events.alarmCleared(handle.id, event.id);
        break;
      case 'log':
        this.#logger[event.level](event.message, { shard: handle.id, ...event.fields });
        break;
      default:
        unreachable(event);
    }
  }

  /** Joins a shard that is built with all that are alive. Of two, the one that is built later does it. */
  async #mesh(handle: ShardHandle, incarnation: Incarnation): Promise<void> {
    if (handle.state !== 'starting') return;
    handle.state = 'meshing';
    const peers = this.handles.filter((peer) => peer !== handle && peer.isAlive);
    const slow = await Promise.all(peers.map((peer) => join(handle, peer)));
    if (!this.#isStopping) for (const line of slow.flat()) this.#logger.warn(line);
    if (handle.incarnation !== incarnation || handle.state !== 'meshing') return;
    incarnation.client.tell({ kind: 'event', type: 'peers.joined' });
    for (const peer of peers) if (peer.isOverloaded) tellOverload(handle, peer);
  }

  #open(handle: ShardHandle, incarnation: Incarnation): void {
    if (handle.state !== 'meshing') return;
    handle.open();
    if (incarnation.number > 1) this.#logger.info(`shard ${handle.id} is back`);
    if (this.handles.some((each) => each.state !== 'ready')) return;
    for (const resolve of this.#waitForAll.splice(0)) resolve();
  }

  #judgeOverload(handle: ShardHandle): void {
    const nowMs = this.#clock.monotonicMs();
    if (!handle.judgeOverload(nowMs)) return;
    const lateMs = handle.isOverloaded ? Math.max(handle.lateMs, handle.unadoptedMs(nowMs)) : 0;
    this.#events.overloadChanged(handle.id, lateMs);
    for (const peer of this.handles) if (peer !== handle && peer.isAlive) tellOverload(peer, handle);
  }

  #checkSilence(handle: ShardHandle, incarnation: Incarnation, nowMs: number): void {
    if (incarnation.abortReason !== null) return;
    const timeoutMs = incarnation.worker === null ? THREAD_LOAD_TIMEOUT_MS : SHARD_START_TIMEOUT_MS;
    if (handle.state === 'starting' && nowMs - incarnation.startedAtMs > timeoutMs) {
      abort(incarnation, `not ready ${timeoutMs} ms after its start`);
      return;
    }
    const silentMs = nowMs - incarnation.lastHeardMs;
    if (handle.isAlive && silentMs > this.#config['shard.silence_timeout']) {
      abort(incarnation, `silent for ${Math.round(silentMs)} ms`);
    }
  }

  /** The task has ended; its thread may still be on its way out. */
  async #ended(handle: ShardHandle, incarnation: Incarnation, taskReason: string): Promise<void> {
    const reason = incarnation.abortReason ?? taskReason;
    if (handle.state === 'stopped') return;
    handle.state = 'down';
    incarnation.client.close(`it has ended: ${reason}`);
    for (const peer of this.handles) {
      if (peer.isAlive) peer.incarnation!.client.tell({ kind: 'event', type: 'peer.lost', shard: handle.id });
    }
    this.#logger.error(`shard ${handle.id} has ended: ${reason}`, { connections: handle.connectionCount });
    this.#events.ended(handle.id);
    if (incarnation.worker !== null) await this.#threads.exited(incarnation.worker);
    if (this.#isStopping || handle.isRefusing) return;
    handle.threadExited('shard_crashed');
    this.#restartLater(handle, reason);
  }

  #restartLater(handle: ShardHandle, reason: string): void {
    const delayMs = this.#crashes.crashed(handle.id, this.#clock.monotonicMs());
    if (delayMs === null) {
      const rate = `${SHARD_CRASHES_MAX} crashes of shards within ${SHARD_CRASH_WINDOW_MS / 1000} s`;
      this.#events.failed(
        new BrokerError('SHARD_FAILED', `${rate}; the last, of shard ${handle.id}: ${reason}`),
      );
      return;
    }
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      this.#launch(handle);
    }, delayMs);
    this.#restarts.add(timer);
  }
}

function tellOverload(to: ShardHandle, { id: shard, isOverloaded }: ShardHandle): void {
  to.incarnation!.client.tell({ kind: 'event', type: 'peer.overload', shard, isOverloaded });
}

function ignore(): void {}

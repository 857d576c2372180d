/**
 * One run of a plugin: its main part from start to stop, and its conversation with its parts in the shards. Main
 * thread.
 */
import { mkdirSync } from 'node:fs';
import { ReceiveCount, SendWindow } from '../actor/message-window.js';
import type { MainEvent, PluginStart } from '../actor/shard-protocol.js';
import type { Clock } from '../base/clock.js';
import { inTime } from '../base/deadline.js';
import { messageOf } from '../base/errors.js';
import { guarded } from '../base/guarded.js';
import { limitedLog } from '../base/limited-log.js';
import type { LogFields, Logger } from '../base/log.js';
import { PLUGIN_START_TIMEOUT_MS, PLUGIN_STOP_TIMEOUT_MS } from '../limits.js';
import type {
  MainContext,
  MainPart,
  PluginCommand,
  PluginDocument,
  PluginLog,
  Plugins,
  PluginValues,
  ThreadFigures,
} from './api.js';
import { type KnownPlugin, shardModuleOf } from './catalogue.js';

/** What a run needs of the broker. */
export interface PluginSurroundings {
  readonly node: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly shards: number;
  readonly plugins: Plugins;
  dataDirOf(name: string): string;
  /** @throws Error for a name that is none */
  documentOf(plugin: string, name: string): PluginDocument;
  /** @returns whether the shard is there to be told. @throws DOMException for what cannot be cloned */
  tell(shard: number, event: MainEvent): boolean;
  /** @throws Error that says what is wrong with it */
  readonly publish: MainContext['publish'];
  figures(): readonly ThreadFigures[];
}

export class PluginRun {
  /** It runs in all shards. */
  isReady = false;
  /** Of this run, among all runs of plugins. */
  readonly number: number;
  readonly #known: KnownPlugin;
  readonly #values: PluginValues;
  readonly #around: PluginSurroundings;
  readonly #windows: readonly SendWindow[];
  readonly #received: readonly ReceiveCount[];
  readonly #log: PluginLog;
  #part: MainPart | undefined;
  #isEnded = false;
  /** The shards have been, or are being, told to start their parts. */
  #hasParts = false;

  constructor(known: KnownPlugin, values: PluginValues, number: number, around: PluginSurroundings) {
    this.#known = known;
    this.#values = values;
    this.number = number;
    this.#around = around;
    this.#windows = Array.from({ length: around.shards }, () => new SendWindow());
    this.#received = Array.from({ length: around.shards }, () => new ReceiveCount());
    const write = (level: keyof PluginLog, message: string, fields: LogFields): void =>
      around.logger[level](message, fields);
    this.#log = limitedLog(this.name, write, around.clock);
  }

  get name(): string {
    return this.#known.plugin.name;
  }

  /** What it runs with; null: it does not run in all shards. */
  get values(): PluginValues | null {
    return this.isReady ? this.#values : null;
  }

  get hasShardPart(): boolean {
    return this.#known.plugin.shard !== undefined;
  }

  /** Starts the main part. @throws whatever it throws; and when it is late: what comes of it then is stopped */
  async start(): Promise<void> {
    const { plugin } = this.#known;
    const starting = (async () => plugin.start?.(this.#context()))();
    try {
      this.#part = await inTime(starting, PLUGIN_START_TIMEOUT_MS, 'it did not start in time');
    } catch (error) {
      this.#isEnded = true;
      starting.then((part) => part?.stop?.()).catch(ignore);
      throw error;
    }
  }

  /** What a shard is to start. @throws what `shardState` throws */
  shardStart(): PluginStart {
    const state = this.#part?.shardState?.() ?? null;
    this.#hasParts = true;
    return {
      name: this.name,
      run: this.number,
      module: shardModuleOf(this.#known),
      isGuard: this.#known.plugin.isGuard === true,
      values: this.#values,
      state,
    };
  }

  get commands(): Readonly<Record<string, PluginCommand>> {
    return this.#part?.commands ?? {};
  }

  /** Its part in a shard says something. */
  told(shard: number, run: number, data: unknown): void {
    if (run !== this.number || this.#isEnded) return;
    const count = this.#received[shard]!.count();
    if (count > 0) this.#heard(shard, count);
    guarded(
      () => this.#part?.onMessage?.(data, shard),
      (error) => this.#log.error(`a message of shard ${shard} was not handled: ${messageOf(error)}`),
    );
  }

  /** Its part in a shard has looked at messages. */
  heard(shard: number, run: number, count: number): void {
    if (run === this.number) this.#windows[shard]!.heard(count);
  }

  shardEnded(shard: number): void {
    this.#windows[shard]!.reset();
  }

  /** Stops the main part; never rejects. */
  async stop(): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.isReady = false;
    try {
      const stopping = (async () => this.#part?.stop?.())();
      stopping.catch(ignore);
      await inTime(stopping, PLUGIN_STOP_TIMEOUT_MS, 'it takes too long');
    } catch (error) {
      this.#log.error(`it did not stop in order: ${messageOf(error)}`);
    }
  }

  #heard(shard: number, count: number): void {
    const heard = { name: this.name, run: this.number, count };
    this.#around.tell(shard, { kind: 'event', type: 'plugin.heard', heard });
  }

  #context(): MainContext {
    const { node, dataDirOf, documentOf, plugins, figures, publish } = this.#around;
    return {
      node,
      values: this.#values,
      log: this.#log,
      plugins,
      dataDir: () => {
        const directory = dataDirOf(this.name);
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        return directory;
      },
      document: (name) => documentOf(this.name, name),
      tell: (data) => this.#tell(this.#windows.keys(), data),
      tellShard: (shard, data) => shard in this.#windows && this.#tell([shard], data),
      publish: (topic, payload, options) => {
        if (!this.#isEnded) publish(topic, payload, options);
      },
      figures: () => figures(),
    };
  }

  /** To all of these shards or none. */
  #tell(shards: Iterable<number>, data: unknown): boolean {
    if (this.#isEnded || !this.#hasParts) return false;
    const all = [...shards];
    if (all.some((shard) => this.#windows[shard]!.isFull)) {
      this.#log.warn('messages to its shards are dropped: too many wait');
      return false;
    }
    const message = { name: this.name, run: this.number, data };
    try {
      for (const shard of all) {
        if (this.#around.tell(shard, { kind: 'event', type: 'plugin.told', message })) {
          this.#windows[shard]!.sent();
        }
      }
    } catch (error) {
      // Refused by the first shard already: it is the data that cannot be cloned.
      this.#log.error(`a message to its shards is dropped: ${messageOf(error)}`);
      return false;
    }
    return true;
  }
}

function ignore(): void {}

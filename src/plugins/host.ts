/**
 * Starts, stops, configures and reloads plugins, one operation after the other, each on all shards or none, and
 * remembers which are to run. Main thread.
 */
import type {
  PluginFailed,
  PluginHeard,
  PluginMessage,
  PluginStart,
  ShardRequests,
} from '../actor/shard-protocol.js';
import { inTime, settlesInTime } from '../base/deadline.js';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { VERSION } from '../base/version.js';
import {
  PLUGIN_OPERATIONS_WAITING_MAX,
  PLUGIN_SHARD_TIMEOUT_MS,
  PLUGIN_START_TIMEOUT_MS,
  PLUGIN_STOP_TIMEOUT_MS,
} from '../limits.js';
import type {
  PluginAnswer,
  PluginCommandSummary,
  PluginOutcome,
  PluginSetting,
  PluginSummary,
  Plugins,
} from './api.js';
import { type Catalogue, filesOf, type KnownPlugin, readAgain } from './catalogue.js';
import { checkGuards } from './check.js';
import { commandsOf, runCommand } from './commands.js';
import type { PluginConfiguration } from './configuration.js';
import type { LoadedFile } from './loaded-file.js';
import { PluginRun, type PluginSurroundings } from './plugin-run.js';

export interface PluginHostOptions {
  readonly catalogue: Catalogue;
  readonly configuration: PluginConfiguration;
  readonly loadedFile: LoadedFile;
  readonly around: Omit<PluginSurroundings, 'plugins'>;
  /** Resolves when every shard takes clients. */
  allReady(): Promise<void>;
  /** Asks all shards that run; rejects when one of them refuses, is late or ends meanwhile. */
  everywhere<T extends 'plugin.start' | 'plugin.stop'>(
    type: T,
    input: ShardRequests[T]['input'],
    timeoutMs: number,
  ): Promise<void>;
}

/** A plugin that runs, or keeps its place: it is being restarted, or guards the broker and could not start. */
interface Place {
  run: PluginRun | null;
  /** As it was last read. */
  isGuard: boolean;
}

type Failure = Extract<PluginOutcome, { ok: false }>;

const DONE: PluginOutcome = { ok: true };

export class PluginHost implements Plugins {
  readonly #options: PluginHostOptions;
  readonly #logger: Logger;
  /** In the order in which the shards have them. */
  readonly #places = new Map<string, Place>();
  #lastRun = 0;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #isStopping = false;

  constructor(options: PluginHostOptions) {
    this.#options = options;
    this.#logger = options.around.logger;
  }

  /**
   * Starts what is remembered, or the defaults, then users' plugins. One that fails is logged; a guard that fails lets
   * nobody pass. @throws BrokerError when what is remembered cannot be read, or the files of a guard are wrong
   */
  boot(): Promise<void> {
    const { loadedFile, catalogue } = this.#options;
    const remembered = loadedFile.read();
    if (remembered === null) loadedFile.write(catalogue.defaults);
    const booting = this.#bootAll(catalogue.toStart(remembered));
    this.#last = booting.catch(() => undefined);
    return booting;
  }

  async #bootAll(names: readonly string[]): Promise<void> {
    await checkGuards(names, this.#options, this.#options.around);
    for (const name of names) {
      if (this.#isStopping) return;
      const known = this.#options.catalogue.get(name);
      if (known === undefined) {
        this.#logger.error(this.#options.loadedFile.unknown(name));
        continue;
      }
      const place: Place = { run: null, isGuard: known.plugin.isGuard === true };
      this.#places.set(name, place);
      const why = await this.#launch(known, place);
      if (why === null) this.#logger.debug(`plugin ${name} runs`);
      else await this.#leaveUnlessGuard(name, place);
    }
    const { catalogue, configuration } = this.#options;
    configuration.warnOfIdle(catalogue, (name) => this.#places.has(name), this.#logger);
  }

  /** Stops the main parts, the last one first. The shards have ended by then. */
  async shutDown(): Promise<void> {
    this.#isStopping = true;
    await settlesInTime(this.#last, PLUGIN_STOP_TIMEOUT_MS);
    for (const { run } of [...this.#places.values()].reverse()) await run?.stop();
    this.#places.clear();
  }

  list(): readonly PluginSummary[] {
    return this.#options.catalogue.list().map((known) => {
      const { name, version = VERSION, description } = known.plugin;
      const active = this.#places.get(name)?.run?.isReady === true;
      return { name, version, description, active, files: filesOf(known) };
    });
  }

  config(name: string): readonly PluginSetting[] | null {
    const known = this.#options.catalogue.get(name);
    if (known === undefined) return null;
    try {
      return this.#options.configuration.settings(known.plugin);
    } catch (error) {
      this.#logger.error(`the configuration of ${name} cannot be read: ${messageOf(error)}`);
      return null;
    }
  }

  /** @returns what it runs with; null: it does not run */
  values(name: string): PluginRun['values'] {
    return this.#places.get(name)?.run?.values ?? null;
  }

  start(name: string): Promise<PluginOutcome> {
    return this.#operate(name, (known) => this.#start(known));
  }

  stop(name: string): Promise<PluginOutcome> {
    return this.#operate(name, (known) => this.#stop(known));
  }

  configure(name: string, values: Readonly<Record<string, string>>): Promise<PluginOutcome> {
    return this.#operate(name, (known) => this.#configure(known, values));
  }

  reload(name: string): Promise<PluginOutcome> {
    return this.#operate(name, (known) => this.#reload(known));
  }

  commands(name: string): readonly PluginCommandSummary[] {
    return commandsOf(this.#places.get(name)?.run);
  }

  async run(name: string, command: string, args: readonly string[]): Promise<PluginAnswer> {
    if (this.#options.catalogue.get(name) === undefined)
      return { ok: false, why: 'not_found', message: `there is no plugin ${name}` };
    const run = this.#places.get(name)?.run;
    if (run?.isReady !== true) return { ok: false, why: 'not_started', message: `${name} does not run` };
    return runCommand(run, command, args);
  }

  /** What a shard that starts has to run. */
  starts(): PluginStart[] {
    return [...this.#places].flatMap(([name, { run, isGuard }]) => {
      if (run === null) return isGuard ? [emptyPlace(name, isGuard)] : [];
      return run.hasShardPart ? [this.#startOf(name, run)] : [];
    });
  }

  /** For a shard that starts while others run it already. */
  #startOf(name: string, run: PluginRun): PluginStart {
    try {
      return run.shardStart();
    } catch (error) {
      this.#giveUp(name, run, messageOf(error));
      return emptyPlace(name, this.#places.get(name)!.isGuard);
    }
  }

  /** Its part has not started in a shard that started while others ran it already. */
  failed({ name, run: number, why }: PluginFailed): void {
    const run = this.#places.get(name)?.run;
    if (run?.number === number) this.#giveUp(name, run, why);
  }

  /** Shards must not differ. */
  #giveUp(name: string, run: PluginRun, why: string): void {
    this.#logger.error(`plugin ${name} cannot go on in a shard that starts, and is stopped: ${why}`);
    this.#last = this.#last.then(() => this.#takeOut(name, run));
  }

  async #takeOut(name: string, run: PluginRun): Promise<void> {
    const place = this.#places.get(name);
    if (place === undefined || place.run !== run) return;
    place.run = null;
    await this.#empty(name, place);
    await run.stop();
    await this.#leaveUnlessGuard(name, place);
  }

  told(shard: number, { name, run, data }: PluginMessage): void {
    this.#places.get(name)?.run?.told(shard, run, data);
  }

  heard(shard: number, { name, run, count }: PluginHeard): void {
    this.#places.get(name)?.run?.heard(shard, run, count);
  }

  shardEnded(shard: number): void {
    for (const { run } of this.#places.values()) run?.shardEnded(shard);
  }

  /** One after the other; whatever goes wrong is an outcome. */
  #operate(name: string, operation: (known: KnownPlugin) => Promise<PluginOutcome>): Promise<PluginOutcome> {
    if (this.#waiting >= PLUGIN_OPERATIONS_WAITING_MAX) {
      return Promise.resolve(failure('failed', 'too many operations on plugins are waiting'));
    }
    this.#waiting++;
    const outcome = this.#last.then(async () => {
      this.#waiting--;
      if (this.#isStopping) return failure('failed', 'the broker is being stopped');
      // Looked up only now: an earlier operation may have reloaded it.
      const known = this.#options.catalogue.get(name);
      if (known === undefined) return failure('not_found', `there is no plugin ${name}`);
      try {
        return await operation(known);
      } catch (error) {
        return failure('failed', `${name}: ${messageOf(error)}`);
      }
    });
    this.#last = outcome;
    return outcome;
  }

  async #start(known: KnownPlugin): Promise<PluginOutcome> {
    const { name, isGuard = false } = known.plugin;
    const present = this.#places.get(name);
    if (present?.run?.isReady === true) return failure('already_started', `${name} runs already`);
    const place = present ?? { run: null, isGuard };
    this.#places.set(name, place);
    const why = (await this.#launch(known, place)) ?? this.#remember(name, true);
    if (why === null) {
      this.#logger.info(`plugin ${name} has started`);
      return DONE;
    }
    // A guard that ought to have run before goes on to let nobody pass.
    if (present === undefined) await this.#leave(name, place);
    return failure('failed', why);
  }

  async #stop(known: KnownPlugin): Promise<PluginOutcome> {
    const { name } = known.plugin;
    const place = this.#places.get(name);
    if (place === undefined) return failure('not_started', `${name} does not run`);
    const why = this.#remember(name, false);
    if (why !== null) return failure('failed', why);
    await this.#leave(name, place);
    this.#logger.info(`plugin ${name} has stopped`);
    return DONE;
  }

  async #configure(known: KnownPlugin, values: Readonly<Record<string, string>>): Promise<PluginOutcome> {
    const { configuration } = this.#options;
    try {
      configuration.check(known.plugin, values);
    } catch (error) {
      return failure('invalid', messageOf(error));
    }
    const takeBack = await configuration.replace(known.plugin, values);
    return this.#restart(known, async () => {
      await takeBack();
      return known;
    });
  }

  async #reload(known: KnownPlugin): Promise<PluginOutcome> {
    const { catalogue } = this.#options;
    const changed = await readAgain(known);
    catalogue.replace(changed);
    return this.#restart(changed, async () => {
      catalogue.replace(known);
      return known;
    });
  }

  /** Restarts it in its place if it runs. Where it does not start, it runs again as it was after `takeBack`. */
  async #restart(known: KnownPlugin, takeBack: () => Promise<KnownPlugin>): Promise<PluginOutcome> {
    const { name } = known.plugin;
    const place = this.#places.get(name);
    if (place === undefined) return DONE;
    const { run } = place;
    place.run = null;
    await this.#empty(name, place);
    await run?.stop();
    const why = await this.#launch(known, place);
    if (why === null) {
      this.#logger.info(`plugin ${name} has restarted`);
      return DONE;
    }
    const stillWhy = await this.#launchAgain(takeBack, place);
    if (stillWhy === null) return failure('failed', `${why}; it runs again as it was`);
    await this.#leaveUnlessGuard(name, place);
    return failure('failed', `${why}; and it does not start again as it was: ${stillWhy}`);
  }

  async #launchAgain(takeBack: () => Promise<KnownPlugin>, place: Place): Promise<string | null> {
    try {
      return await this.#launch(await takeBack(), place);
    } catch (error) {
      return messageOf(error);
    }
  }

  /** Starts it in its place, everywhere or nowhere. @returns why it does not run; null: it does */
  async #launch(known: KnownPlugin, place: Place): Promise<string | null> {
    const { configuration, around, allReady, everywhere } = this.#options;
    const { plugin } = known;
    place.isGuard = plugin.isGuard === true;
    let run: PluginRun | null = null;
    try {
      const values = configuration.values(plugin);
      run = new PluginRun(known, values, ++this.#lastRun, { ...around, plugins: this });
      await run.start();
      // Else it would run nowhere, or end shards as often as they come back.
      await inTime(allReady(), PLUGIN_START_TIMEOUT_MS, 'a shard is not running');
      if (this.#isStopping) throw new Error('the broker is being stopped');
      // From here on a shard that starts is told of it.
      place.run = run;
      if (run.hasShardPart) await everywhere('plugin.start', run.shardStart(), PLUGIN_SHARD_TIMEOUT_MS);
      run.isReady = true;
      if (configuration.isSetAtRunTime(plugin)) {
        this.#logger.info(`plugin ${plugin.name} has the configuration that was set at run time`);
      }
      return null;
    } catch (error) {
      const why = messageOf(error);
      this.#logger.error(`plugin ${plugin.name} did not start: ${why}`);
      place.run = null;
      await this.#empty(plugin.name, place);
      await run?.stop();
      return `${plugin.name}: ${why}`;
    }
  }

  /** Takes its hooks out of all shards and keeps its place: if it is a guard, nobody passes. */
  async #empty(name: string, { isGuard }: Place): Promise<void> {
    await this.#inShards('plugin.start', emptyPlace(name, isGuard));
  }

  async #leaveUnlessGuard(name: string, place: Place): Promise<void> {
    if (!place.isGuard) await this.#leave(name, place);
    else this.#logger.error(`nobody may connect, publish or subscribe until ${name} runs or is stopped`);
  }

  /** It is taken out of all shards, then its main part is stopped. */
  async #leave(name: string, place: Place): Promise<void> {
    this.#places.delete(name);
    await this.#inShards('plugin.stop', { name });
    await place.run?.stop();
    place.run = null;
  }

  /** A shard that does not answer has ended, or is about to be: the next one starts with what is right by then. */
  async #inShards<T extends 'plugin.start' | 'plugin.stop'>(
    type: T,
    input: ShardRequests[T]['input'],
  ): Promise<void> {
    if (this.#isStopping) return;
    try {
      await this.#options.everywhere(type, input, PLUGIN_STOP_TIMEOUT_MS);
    } catch (error) {
      this.#logger.warn(`a shard did not let plugin ${input.name} go: ${messageOf(error)}`);
    }
  }

  /** @returns what went wrong */
  #remember(name: string, shallRun: boolean): string | null {
    const { loadedFile } = this.#options;
    try {
      loadedFile.change(name, shallRun);
      return null;
    } catch (error) {
      return messageOf(error);
    }
  }
}

function emptyPlace(name: string, isGuard: boolean): PluginStart {
  return { name, run: 0, module: null, isGuard, values: new Map(), state: null };
}

const failure = (why: Failure['why'], message: string): Failure => ({ ok: false, why, message });

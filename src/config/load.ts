/**
 * Puts a configuration together: defaults, then values of the program, a file, the environment, what was changed while
 * the broker ran, and `--set`, each winning over those before. Main thread, at start only.
 */
import { EMQ_LOG_LEVELS, reasonForNoEffect } from './emq-keys.js';
import {
  type ConfigInput,
  type ConfigIssue,
  type ConfigWarning,
  type Entry,
  entriesOfInput,
  issueOf,
  type Source,
} from './entry.js';
import { buildListeners } from './listeners.js';
import type { Option } from './option.js';
import type { PluginKeys } from './plugin-keys.js';
import { CONFIG_KEYS, type Config, type ConfigKey, isConfigKey, mayChange, OPTIONS } from './schema.js';
import { entriesOfEnvironment, entriesOfSet } from './source-env.js';
import { readConfigFile } from './source-file.js';
import { nearest } from './suggest.js';
import { INVALID } from './value-types.js';

/** Where settings come from, in the order in which they win. What is kept stands before `set`; see `withKept`. */
export interface ConfigSources {
  readonly values?: ConfigInput | undefined;
  /** Path of a YAML file or an EMQ `emq.conf`. */
  readonly file?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** `KEY=VALUE` each. */
  readonly set?: readonly string[] | undefined;
  /** Keys of plugins that are known. */
  readonly plugins?: PluginKeys | undefined;
  /** There are plugins whose keys are known later: a key that nobody knows may be theirs. */
  readonly hasMorePlugins?: boolean | undefined;
}

export type ConfigResult =
  | {
      readonly ok: true;
      readonly config: Config;
      /** The same without what is kept. */
      readonly base: Config;
      readonly kept: readonly Entry[];
      readonly warnings: readonly ConfigWarning[];
      /** Settings of plugins that are known, in order. */
      readonly pluginEntries: readonly Entry[];
      /** Settings that may be for plugins which are known later: then to be judged by `judgeUnknown`. */
      readonly unknownEntries: readonly Entry[];
    }
  | {
      readonly ok: false;
      readonly issues: readonly ConfigIssue[];
      readonly warnings: readonly ConfigWarning[];
    };

type Loaded = Extract<ConfigResult, { ok: true }>;

/** Never throws for what a user wrote: every mistake is an issue, and all of them are reported at once. */
export function loadConfig(sources: ConfigSources = {}): ConfigResult {
  return build(sources, { entries: [], issues: [] });
}

/** @returns what `loadConfig` gave for these sources, with what was set while the broker ran */
export function withKept(base: Loaded, sources: ConfigSources, kept: Source): ConfigResult {
  if (kept.entries.length + kept.issues.length === 0) return base;
  const changed = build(sources, kept);
  return changed.ok ? { ...changed, base: base.config, kept: kept.entries } : changed;
}

function build(sources: ConfigSources, kept: Source): ConfigResult {
  const builder = new ConfigBuilder(sources);
  if (sources.values !== undefined) builder.takeAll(entriesOfInput(sources.values));
  if (sources.file !== undefined) builder.takeAll(readConfigFile(sources.file));
  if (sources.env !== undefined) {
    const environment = entriesOfEnvironment(sources.env);
    builder.takeAll(environment);
    for (const name of environment.strange) builder.warnOfVariable(name);
  }
  builder.takeKept(kept);
  if (sources.set !== undefined) builder.takeAll(entriesOfSet(sources.set));
  return builder.build();
}

/** @returns the configuration of a broker that was told nothing. */
export function defaultConfig(): Config {
  const result = loadConfig();
  if (!result.ok) throw new Error(`the defaults are wrong: ${result.issues[0]?.line}`);
  return result.config;
}

/** Says of keys that nobody knows, now that all plugins are known: EMQ has them, which is a warning, or not. */
export function judgeUnknown(
  entries: readonly Entry[],
  plugins: PluginKeys | undefined,
): { readonly issues: readonly ConfigIssue[]; readonly warnings: readonly ConfigWarning[] } {
  const issues: ConfigIssue[] = [];
  const warnings: ConfigWarning[] = [];
  for (const entry of entries) {
    const { key, where } = entry;
    const reason = reasonForNoEffect(key);
    if (reason !== null) warnings.push({ key, where, line: `${where}: ${key}: no effect: ${reason}` });
    else {
      const meant = nearest(key, [...CONFIG_KEYS, ...(plugins?.names ?? [])]);
      const hint = meant === null ? '' : `; did you mean ${meant}?`;
      // Perhaps a password whose key is misspelled.
      issues.push(issueOf(entry, `a key that exists${hint}`, true));
    }
  }
  return { issues, warnings };
}

class ConfigBuilder {
  readonly #values: Record<string, unknown> = {};
  readonly #listenerEntries: Entry[] = [];
  readonly #issues: ConfigIssue[] = [];
  readonly #warnings: ConfigWarning[] = [];
  readonly #modules = new Map<string, string>();
  readonly #pluginEntries: Entry[] = [];
  readonly #unknownEntries: Entry[] = [];

  constructor(readonly sources: ConfigSources) {
    for (const key of CONFIG_KEYS) this.#values[key] = OPTIONS[key].default;
  }

  takeAll(source: Source): void {
    this.#issues.push(...source.issues);
    for (const entry of source.entries) this.#take(entry);
  }

  takeKept({ entries, issues }: Source): void {
    this.#issues.push(...issues);
    for (const entry of entries) {
      if (mayChange(entry.key)) this.#set(entry.key, entry);
      else this.#issues.push(issueOf(entry, 'a key that may be changed while the broker runs'));
    }
  }

  warnOfVariable(name: string): void {
    const line = `environment ${name}: sets nothing; write two underscores for each dot of a key`;
    this.#warnings.push({ key: '', where: `environment ${name}`, line });
  }

  build(): ConfigResult {
    const { listeners, apiListeners, issues, warnings } = buildListeners(this.#listenerEntries);
    const unknown = this.#judgeUnknown();
    const all = [...this.#issues, ...issues, ...contradictionsIn(this.#values as unknown as Config)];
    const told = [...this.#warnings, ...warnings];
    if (all.length > 0) return { ok: false, issues: all, warnings: told };
    const plugins = [...this.#modules.values()];
    const config = deepFreeze({ ...this.#values, listeners, apiListeners, plugins } as unknown as Config);
    return {
      ok: true,
      config,
      base: config,
      kept: [],
      warnings: told,
      pluginEntries: this.#pluginEntries,
      unknownEntries: unknown,
    };
  }

  #take(entry: Entry): void {
    const { key } = entry;
    if (isConfigKey(key)) this.#set(key, entry);
    else if (key.startsWith('listener.')) this.#listenerEntries.push(entry);
    else if (key === 'log.console.level') this.#setLogLevel(entry);
    else if (/^plugins(?:\.\w+)?$/.test(key)) this.#setModule(entry);
    else this.#takeOther(entry);
  }

  #setModule(entry: Entry): void {
    if (entry.value.trim() === '') this.#issues.push(issueOf(entry, 'the path of a module'));
    else this.#modules.set(entry.key, entry.value);
  }

  #takeOther(entry: Entry): void {
    const found = this.sources.plugins?.check(entry.key, entry.value);
    if (found === undefined) this.#unknownEntries.push(entry);
    else if (found.expected === null) this.#pluginEntries.push(entry);
    else this.#issues.push(issueOf(entry, found.expected, found.isSecret));
  }

  /** @returns the entries that nobody knows yet */
  #judgeUnknown(): readonly Entry[] {
    if (this.#modules.size > 0 || this.sources.hasMorePlugins === true) return this.#unknownEntries;
    const { issues, warnings } = judgeUnknown(this.#unknownEntries, this.sources.plugins);
    this.#issues.push(...issues);
    this.#warnings.push(...warnings);
    return [];
  }

  #set(key: string, entry: Entry): void {
    const { type } = OPTIONS[key as keyof typeof OPTIONS] as Option<unknown>;
    const value = type.parse(entry.value);
    if (value === INVALID) this.#issues.push(issueOf(entry, type.expected));
    else this.#values[key] = value;
  }

  #setLogLevel(entry: Entry): void {
    const level = Object.hasOwn(EMQ_LOG_LEVELS, entry.value) ? EMQ_LOG_LEVELS[entry.value] : undefined;
    if (level === undefined)
      this.#issues.push(issueOf(entry, `one of ${Object.keys(EMQ_LOG_LEVELS).join(', ')}`));
    else this.#values['log.level'] = level;
  }
}

/** Values that are each right and do not fit together. */
function contradictionsIn(values: Config): ConfigIssue[] {
  const low = values['mqtt.mqueue.low_watermark'];
  const high = values['mqtt.mqueue.high_watermark'];
  if (low <= high) return [];
  const key = 'mqtt.mqueue.low_watermark';
  const entry = { key, value: OPTIONS[key].type.format(low), where: 'configuration' };
  return [issueOf(entry, `at most mqtt.mqueue.high_watermark, which is ${OPTIONS[key].type.format(high)}`)];
}

/** @returns the configuration with another value of one key, or what does not fit together then */
export function withValue(config: Config, key: ConfigKey, value: unknown): Config | ConfigIssue {
  const changed = deepFreeze({ ...config, [key]: value });
  return contradictionsIn(changed)[0] ?? changed;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}

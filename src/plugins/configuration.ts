/**
 * The configuration of each plugin, put together from the file of its own, the broker's configuration, and what was set
 * while the broker ran, which replaces both. Main thread.
 */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Documents, MainDocument } from '../base/document.js';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { type Entry, issueOf } from '../config/entry.js';
import type { Config } from '../config/schema.js';
import { readConfigFile } from '../config/source-file.js';
import { INVALID } from '../config/value-types.js';
import { PLUGIN_SETTINGS_BYTES_MAX, PLUGIN_SETTINGS_MAX } from '../limits.js';
import type { Plugin, PluginSetting, PluginValues } from './api.js';
import type { Catalogue } from './catalogue.js';
import { settingsOf } from './documents.js';
import { findOption, type PluginValue, readValue, valueTypeOf } from './options.js';

export class PluginConfiguration {
  readonly #entries: readonly Entry[];
  readonly #etcDir: string;
  readonly #store: Documents;

  /**
   * @param entries of the broker's configuration, for all plugins
   * @param etcDir with a file for each plugin; empty: none
   * @param store for what is set while the broker runs
   */
  constructor(entries: readonly Entry[], etcDir: string, store: Documents) {
    this.#entries = entries;
    this.#etcDir = etcDir;
    this.#store = store;
  }

  /** @throws Error with a line for each mistake */
  values(plugin: Plugin): PluginValues {
    return this.#check(plugin, this.#given(plugin));
  }

  /** @throws Error when what is set cannot be read */
  settings(plugin: Plugin): PluginSetting[] {
    const given = lastOfEach(this.#given(plugin));
    const rows: PluginSetting[] = [];
    for (const [key, option] of Object.entries(plugin.options ?? {})) {
      const { about, secret: isSecret = false } = option;
      if (!given.has(key)) rows.push({ key, value: '', isSet: false, isSecret, about });
    }
    for (const [key, { value }] of given) {
      const option = findOption(plugin.options ?? {}, key);
      if (option === null) continue;
      rows.push({ key, value, isSet: true, isSecret: option.secret === true, about: option.about });
    }
    return rows;
  }

  /** @returns what counts for a key that is not set while the broker runs; null: nothing. @throws as `settings` */
  fallback(plugin: Plugin, key: string): string | null {
    return lastOfEach(this.#fromFiles(plugin)).get(key)?.value ?? null;
  }

  /** Whoever configures a plugin counts on it. */
  warnOfIdle(catalogue: Catalogue, runs: (name: string) => boolean, logger: Logger): void {
    for (const { plugin } of catalogue.list()) {
      const { name, options = {} } = plugin;
      if (runs(name) || !this.#entries.some(({ key }) => findOption(options, key) !== null)) continue;
      logger.warn(
        `keys of ${name} are set, and it does not run: they have no effect; shardmq plugins load ${name} lets it start`,
      );
    }
  }

  /** Whether what was set while the broker ran is in force. */
  isSetAtRunTime({ name }: Plugin): boolean {
    return (settingsOf(this.#store, name).read(PLUGIN_SETTINGS_BYTES_MAX) ?? '').length > 0;
  }

  /** @throws Error with a line for each mistake in a configuration that is to replace the present one */
  check(plugin: Plugin, values: Readonly<Record<string, unknown>>): void {
    this.#check(plugin, entriesOf(values));
  }

  /**
   * Replaces what is set, for later starts of the broker too. `check` has been called. @returns how to take it back
   * Rejects with an Error when it cannot be written.
   */
  async replace({ name }: Plugin, values: Readonly<Record<string, string>>): Promise<() => Promise<void>> {
    const document = settingsOf(this.#store, name);
    const before = document.read(PLUGIN_SETTINGS_BYTES_MAX);
    await document.write(`${JSON.stringify({ formatVersion: 1, values }, null, 2)}\n`);
    // An empty document stands for none.
    return () => document.write(before ?? '');
  }

  #given(plugin: Plugin): readonly Entry[] {
    const atRunTime = this.#readStored(plugin.name);
    return atRunTime ?? this.#fromFiles(plugin);
  }

  #fromFiles(plugin: Plugin): readonly Entry[] {
    const options = plugin.options ?? {};
    const own = this.#entries.filter(({ key }) => findOption(options, key) !== null);
    return [...this.#readEtc(plugin.name), ...own];
  }

  #readEtc(name: string): readonly Entry[] {
    const path = join(this.#etcDir, `${name}.conf`);
    // What is there and cannot be read is an issue, not an empty file.
    if (this.#etcDir === '' || isMissing(path)) return [];
    const { entries, issues } = readConfigFile(path);
    if (issues.length > 0) throw new Error(issues.map(({ line }) => line).join('\n'));
    return entries;
  }

  #readStored(name: string): readonly Entry[] | null {
    const document = settingsOf(this.#store, name);
    const stored = readStored(document);
    return stored === null ? null : entriesOf(stored, document.where);
  }

  #check(plugin: Plugin, entries: readonly Entry[]): PluginValues {
    const options = plugin.options ?? {};
    const values = new Map<string, PluginValue>();
    for (const [key, option] of Object.entries(options)) {
      if (option.default !== null) values.set(key, readValue(option, option.default) as PluginValue);
    }
    const mistakes: string[] = [];
    for (const entry of lastOfEach(entries).values()) {
      const option = findOption(options, entry.key);
      const value = option === null ? INVALID : readValue(option, entry.value);
      if (value !== INVALID) values.set(entry.key, value);
      else if (option === null) mistakes.push(issueOf(entry, `a key of ${plugin.name}`, true).line);
      else mistakes.push(issueOf(entry, valueTypeOf(option).expected, option.secret).line);
    }
    if (mistakes.length === 0) {
      const wrong = plugin.check?.(values) ?? null;
      if (wrong !== null) mistakes.push(wrong);
    }
    if (mistakes.length > 0) throw new Error(mistakes.join('\n'));
    return values;
  }
}

/** @param store for what is set while the broker runs */
export function pluginConfiguration(
  config: Config,
  entries: readonly Entry[],
  store: Documents,
  logger: Logger,
): PluginConfiguration {
  const etcDir = config['mqtt.plugins.etc_dir'];
  if (etcDir !== '' && !existsSync(etcDir)) logger.warn(`mqtt.plugins.etc_dir: ${etcDir} is not there`);
  return new PluginConfiguration(entries, etcDir, store);
}

function isMissing(path: string): boolean {
  try {
    statSync(path);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

/** Later ones win; each stands where it was first given. */
function lastOfEach(entries: readonly Entry[]): Map<string, Entry> {
  return new Map(entries.map((entry) => [entry.key, entry]));
}

/** @throws Error for what is not text, and for too many */
function entriesOf(values: Readonly<Record<string, unknown>>, where = 'new configuration'): Entry[] {
  const pairs = Object.entries(values);
  if (pairs.length > PLUGIN_SETTINGS_MAX) throw new Error(`${where}: more than ${PLUGIN_SETTINGS_MAX} keys`);
  return pairs.map(([key, value]) => {
    if (typeof value !== 'string') throw new Error(`${where}: ${key}: expected a string`);
    return { key, value, where };
  });
}

/** @returns null where nothing is set. @throws Error when it is damaged */
function readStored(document: MainDocument): Readonly<Record<string, unknown>> | null {
  const { where, remedy } = document;
  let bytes: Buffer | null;
  try {
    bytes = document.read(PLUGIN_SETTINGS_BYTES_MAX);
  } catch (error) {
    throw new Error(`${where} cannot be read: ${messageOf(error)}; ${remedy}`);
  }
  if (bytes === null || bytes.length === 0) return null;
  const stored = parseStored(bytes.toString());
  if (stored === null) throw new Error(`${where} is damaged: it is not a plugin's configuration; ${remedy}`);
  return stored;
}

function parseStored(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const { formatVersion, values } = JSON.parse(text) as { formatVersion?: unknown; values?: unknown };
    if (formatVersion !== 1 || typeof values !== 'object' || values === null) return null;
    return values as Record<string, unknown>;
  } catch {
    return null;
  }
}

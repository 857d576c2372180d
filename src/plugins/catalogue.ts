/** All plugins that are known: those of the broker, and users' own, which are loaded here. Main thread. */
import { existsSync } from 'node:fs';
import { resolve as resolvePath } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { inTime } from '../base/deadline.js';
import { type ConfigIssue, sourceIssue } from '../config/entry.js';
import type { PluginKeyCheck, PluginKeys } from '../config/plugin-keys.js';
import { INVALID } from '../config/value-types.js';
import { PLUGIN_START_TIMEOUT_MS } from '../limits.js';
import { firstLine } from '../supervisor/failure-text.js';
import type { Plugin } from './api.js';
import { findOption, readValue, valueTypeOf } from './options.js';
import { wrongWithPlugin } from './plugin-shape.js';

/** Plugins that start with a broker that has never run, in this order, as far as they are known. */
const DEFAULTS = ['emq_recon', 'emq_modules', 'emq_retainer'];

/** A path, the URL of a file, or the plugin itself. */
export type PluginReference = string | URL | Plugin;

export interface KnownPlugin {
  readonly plugin: Plugin;
  /** Where a user's module lies; null for the broker's own, and for objects. */
  readonly source: URL | null;
  /** 0 as it was first read; another number each time it is read again. */
  readonly edition: number;
}

/** Of what was read again, also of what was wrong: Node.js keeps that for ever as well, by URL. */
let lastEdition = 0;

export class Catalogue implements PluginKeys {
  readonly #plugins = new Map<string, KnownPlugin>();
  /** Names of users' plugins, in their order: they start with the broker. */
  readonly users: string[] = [];

  constructor(builtin: readonly Plugin[]) {
    for (const plugin of builtin) this.#plugins.set(plugin.name, { plugin, source: null, edition: 0 });
  }

  get(name: string): KnownPlugin | undefined {
    return this.#plugins.get(name);
  }

  /** Names of those that start with a broker that has never run, in their order. */
  get defaults(): string[] {
    return DEFAULTS.filter((name) => this.#plugins.has(name));
  }

  /** @param remembered names in their order; null: the broker has never run. @returns those that start with it */
  toStart(remembered: readonly string[] | null): string[] {
    return [...new Set([...(remembered ?? this.defaults), ...this.users])];
  }

  /** By name. */
  list(): KnownPlugin[] {
    return [...this.#plugins.values()].sort((a, b) => (a.plugin.name < b.plugin.name ? -1 : 1));
  }

  /** In place of the one of the same name. */
  replace(known: KnownPlugin): void {
    this.#plugins.set(known.plugin.name, known);
  }

  get names(): string[] {
    return this.list().flatMap(({ plugin }) => Object.keys(plugin.options ?? {}));
  }

  check(key: string, value: string): PluginKeyCheck | undefined {
    for (const { plugin } of this.#plugins.values()) {
      const option = findOption(plugin.options ?? {}, key);
      if (option === null) continue;
      const expected = readValue(option, value) === INVALID ? valueTypeOf(option).expected : null;
      return { expected, isSecret: option.secret === true };
    }
    return undefined;
  }

  /** Loads users' plugins. @returns what is wrong with them, one line each; those are not added */
  async addUsers(references: readonly PluginReference[]): Promise<ConfigIssue[]> {
    const issues: ConfigIssue[] = [];
    for (const reference of references) {
      const wrong = await this.#addUser(reference);
      if (wrong !== null) issues.push(sourceIssue(`plugins: ${nameOf(reference)}`, wrong));
    }
    return issues;
  }

  async #addUser(reference: PluginReference): Promise<string | null> {
    let source: URL | null = null;
    let plugin: unknown = reference;
    if (typeof reference === 'string' || reference instanceof URL) {
      try {
        source = urlOf(reference);
        plugin = await importDefault(source);
      } catch (error) {
        return `cannot be loaded: ${(error as Error).message}`;
      }
    }
    const wrong = wrongWithPlugin(plugin);
    if (wrong !== null) return wrong;
    const { name } = plugin as Plugin;
    if (this.#plugins.has(name)) return `there is already a plugin named ${name}`;
    this.#plugins.set(name, { plugin: plugin as Plugin, source, edition: 0 });
    this.users.push(name);
    return null;
  }
}

/** Reads the module of a user's plugin as it is now. @throws Error that says what is wrong */
export async function readAgain(known: KnownPlugin): Promise<KnownPlugin> {
  const { source } = known;
  if (source === null) throw new Error('it is not a module of its own');
  const edition = ++lastEdition;
  const plugin = await importDefault(editionOf(source, edition));
  const wrong = wrongWithPlugin(plugin);
  if (wrong !== null) throw new Error(wrong);
  const { name } = plugin as Plugin;
  if (name !== known.plugin.name) throw new Error(`its name is now ${name}`);
  return { plugin: plugin as Plugin, source, edition };
}

/** @returns the URL of the shard module as it is in this edition; null where the plugin has none */
export function shardModuleOf({ plugin, edition }: KnownPlugin): string | null {
  return plugin.shard === undefined ? null : editionOf(plugin.shard, edition).href;
}

/** @returns the files of a user's plugin that are looked at for changes */
export function filesOf({ plugin, source }: KnownPlugin): string[] {
  if (source === null) return [];
  return [source, plugin.shard].flatMap((url) => (url === undefined ? [] : [fileURLToPath(url)]));
}

function editionOf(url: URL, edition: number): URL {
  if (edition === 0) return url;
  const changed = new URL(url);
  changed.searchParams.set('edition', String(edition));
  return changed;
}

/** @throws Error for what is not a file: it could neither be watched nor read again */
function urlOf(reference: string | URL): URL {
  if (typeof reference === 'string' && !reference.startsWith('file:')) {
    return pathToFileURL(resolvePath(reference));
  }
  const url = new URL(reference);
  if (url.protocol !== 'file:') throw new Error('it is not the URL of a file');
  return url;
}

/** @throws Error in one line */
async function importDefault(url: URL): Promise<unknown> {
  const path = fileURLToPath(url);
  if (!existsSync(path)) throw new Error(`there is no file ${path}`);
  const loading = import(url.href) as Promise<{ default?: unknown }>;
  let module: { default?: unknown };
  try {
    module = await inTime(loading, PLUGIN_START_TIMEOUT_MS, 'it is not loaded in time');
  } catch (error) {
    throw new Error(whyNotLoaded(error));
  }
  if (module.default === undefined) throw new Error('it has no default export, which would be the plugin');
  return module.default;
}

function nameOf(reference: PluginReference): string {
  if (typeof reference === 'string') return reference;
  return reference instanceof URL ? reference.href : String(reference?.name);
}

function whyNotLoaded(error: unknown): string {
  if (!(error instanceof Error)) return firstLine(String(error));
  const why = firstLine(error.message);
  // Node.js tells programs no more about a mistake in the syntax.
  return error instanceof SyntaxError ? `${why}; node --check FILE shows where` : why;
}

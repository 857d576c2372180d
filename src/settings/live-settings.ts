/**
 * The configuration as it is now: changed key by key while the broker runs, kept for later starts, in force everywhere
 * before anybody is told so. One change after the other. Main thread.
 */
import type { ConfigUpdate } from '../actor/shard-protocol.js';
import type { MainDocument } from '../base/document.js';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import type { Entry } from '../config/entry.js';
import { withValue } from '../config/load.js';
import type { Option } from '../config/option.js';
import {
  CONFIG_KEYS,
  type Config,
  type ConfigKey,
  isConfigKey,
  mayChange,
  OPTIONS,
} from '../config/schema.js';
import { INVALID } from '../config/value-types.js';
import { SETTINGS_WAITING_MAX } from '../limits.js';
import type { PluginSetting } from '../plugins/api.js';
import { writeKept } from './kept-settings.js';
import { failed, invalid, type Setting, type SettingOutcome, unknown } from './outcome.js';
import type { PluginSettings } from './plugin-settings.js';

const STOPPED = 'the broker stops: nothing is changed';

export interface SettingsParts {
  readonly config: Config;
  /** The same without what is kept: where a key goes back to. */
  readonly base: Config;
  readonly kept: readonly Entry[];
  /** Where changes are kept. */
  readonly document: MainDocument;
  readonly logger: Logger;
  readonly plugins: PluginSettings;
  /** Rejects when something cannot be done that the new configuration asks for. */
  check(config: Config, before: Config): Promise<void>;
  /** Resolves when it is in force everywhere. Never rejects. */
  apply(update: ConfigUpdate, before: Config): Promise<void>;
}

export class LiveSettings {
  /** Frozen; replaced as a whole by each change. */
  config: Config;
  readonly #parts: SettingsParts;
  #kept: ReadonlyMap<string, string>;
  #version = 0;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #isStopped = false;

  constructor(parts: SettingsParts) {
    const { config, kept, document, logger } = parts;
    this.#parts = parts;
    this.config = config;
    this.#kept = new Map(kept.map(({ key, value }) => [key, value]));
    const inForce = kept.filter(({ key, value }) => formatted(config, key as ConfigKey) === value).length;
    if (kept.length > 0)
      logger.info(
        `settings changed while the broker ran are in force: ${inForce} of ${kept.length} in ${document.where}`,
      );
  }

  /** All that may be changed, by key. */
  list(): readonly Setting[] {
    const own = CONFIG_KEYS.filter(mayChange).map((key) => {
      const { type } = OPTIONS[key] as Option<unknown>;
      return { key, plugin: null, kind: type.name, value: this.config[key] };
    });
    return [...own, ...this.#parts.plugins.list()].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** @param plugin null: a key of the broker itself */
  set(plugin: string | null, key: string, value: string): Promise<SettingOutcome> {
    return this.#operate(() => {
      if (plugin !== null) return this.#parts.plugins.set(plugin, key, value);
      if (!isConfigKey(key)) return Promise.resolve(unknown('the broker', key));
      const { type } = OPTIONS[key] as Option<unknown>;
      const read = type.parse(value);
      if (read === INVALID) return Promise.resolve(invalid(key, type.expected));
      return this.#change(key, read, (kept) => kept.set(key, type.format(read)));
    });
  }

  /** Back to what file, environment and command line say. */
  reset(plugin: string | null, key: string): Promise<SettingOutcome> {
    return this.#operate(() => {
      if (plugin !== null) return this.#parts.plugins.reset(plugin, key);
      if (!isConfigKey(key)) return Promise.resolve(unknown('the broker', key));
      return this.#change(key, this.#parts.base[key], (kept) => kept.delete(key));
    });
  }

  /** What may be set of a plugin, secrets masked. Null: no such plugin, or it cannot be read. */
  ofPlugin(plugin: string): readonly PluginSetting[] | null {
    return this.#parts.plugins.rows(plugin);
  }

  /** Replaces all settings of a plugin; see `PluginSettings.replace`. */
  replace(plugin: string, values: Readonly<Record<string, unknown>>): Promise<SettingOutcome> {
    return this.#operate(() => this.#parts.plugins.replace(plugin, values));
  }

  /** Nothing is stored any more: the data directory may belong to another broker soon. */
  stop(): void {
    this.#isStopped = true;
  }

  /** One after the other; whatever goes wrong is an outcome. */
  #operate(operation: () => Promise<SettingOutcome>): Promise<SettingOutcome> {
    if (this.#waiting >= SETTINGS_WAITING_MAX)
      return Promise.resolve(failed('too many changes of the configuration are waiting'));
    this.#waiting++;
    const outcome = this.#last.then(async () => {
      this.#waiting--;
      if (this.#isStopped) return failed(STOPPED);
      try {
        return await operation();
      } catch (error) {
        return failed(messageOf(error));
      }
    });
    this.#last = outcome;
    return outcome;
  }

  /** Stored first: what is in force must not be gone after the next start. */
  async #change(
    key: ConfigKey,
    value: unknown,
    keep: (kept: Map<string, string>) => void,
  ): Promise<SettingOutcome> {
    if (!mayChange(key)) {
      return {
        why: 'start',
        message: `${key} is read when the broker starts; set it there and start it again`,
      };
    }
    const before = this.config;
    const config = withValue(before, key, value);
    if ('expected' in config) return invalid(config.key, config.expected);
    const { check, apply, document, logger } = this.#parts;
    await check(config, before);
    if (this.#isStopped) return failed(STOPPED);
    const kept = new Map(this.#kept);
    keep(kept);
    await writeKept(document, kept);
    this.#kept = kept;
    this.config = config;
    await apply({ version: ++this.#version, config }, before);
    logger.info(`${key} is now ${formatted(config, key) || 'empty'}`);
    return null;
  }
}

const formatted = (config: Config, key: ConfigKey): string =>
  (OPTIONS[key] as Option<unknown>).type.format(config[key]);

/**
 * The one table of configuration keys. Everything else about configuration (types, loading, documentation)
 * follows from it. Main thread, at start only; shards import its types.
 */
import type { ListenerConfig } from './listener-types.js';
import type { Option } from './option.js';
import { accessOptions } from './options/access.js';
import { nodeOptions, partOptions } from './options/broker.js';
import { mqttOptions } from './options/mqtt.js';
import { sessionOptions } from './options/session.js';

/** Every key beside those of listeners, in the order of the documentation. */
export const OPTIONS = {
  ...nodeOptions,
  ...mqttOptions,
  ...accessOptions,
  ...sessionOptions,
  ...partOptions,
} as const;

export type ConfigKey = keyof typeof OPTIONS;

/** The type of a key's value: milliseconds for durations, bytes for sizes, 0 to 1 for percentages. */
export type ConfigValue<K extends ConfigKey> = (typeof OPTIONS)[K] extends Option<infer T> ? T : never;

/** A whole configuration: plain, frozen data that may be posted to a thread. */
export type Config = { readonly [K in ConfigKey]: ConfigValue<K> } & {
  /** Listeners to open; those set to `off` are not among them. */
  readonly listeners: readonly ListenerConfig[];
  /** Where the API is served. */
  readonly apiListeners: readonly ListenerConfig[];
  /** Modules of users' plugins, as paths. */
  readonly plugins: readonly string[];
};

/** Every key, in the order of the documentation. */
export const CONFIG_KEYS = Object.keys(OPTIONS) as readonly ConfigKey[];

/** @returns whether `key` is one of those that may be changed while the broker runs. */
export const mayChange = (key: string): key is ConfigKey =>
  isConfigKey(key) && (OPTIONS[key] as Option<unknown>).effect !== 'start';

/** @returns whether `key` is one of `OPTIONS`. */
export const isConfigKey = (key: string): key is ConfigKey => Object.hasOwn(OPTIONS, key);

/** The keys of plugins as settings: what those that run were given, and one key or all of them changed. Main thread. */

import { INVALID } from '../config/value-types.js';
import type { PluginSetting } from '../plugins/api.js';
import type { Catalogue } from '../plugins/catalogue.js';
import type { PluginConfiguration } from '../plugins/configuration.js';
import type { PluginHost } from '../plugins/host.js';
import { findOption, readValue, valueTypeOf } from '../plugins/options.js';
import { failed, invalid, type Setting, type SettingOutcome, unknown } from './outcome.js';

/** Stands for a secret, both ways: who sets it keeps the secret as it is. */
export const MASK = '******';

type Values = Readonly<Record<string, unknown>>;

export class PluginSettings {
  constructor(
    private readonly catalogue: Catalogue,
    private readonly host: PluginHost,
    private readonly configuration: PluginConfiguration,
  ) {}

  /** Of plugins that run, but for keys with a `$` in them. */
  list(): Setting[] {
    return this.catalogue.list().flatMap(({ plugin }) => {
      const values = this.host.values(plugin.name);
      if (values === null) return [];
      return Object.entries(plugin.options ?? {}).flatMap(([key, option]) => {
        if (key.includes('$')) return [];
        const value = values.get(key) ?? null;
        const { name: kind } = valueTypeOf(option);
        return { key, plugin: plugin.name, kind, value: option.secret === true ? masked(value) : value };
      });
    });
  }

  /** What may be set; secrets are masked. Null: no such plugin, or its configuration cannot be read. */
  rows(name: string): readonly PluginSetting[] | null {
    const rows = this.host.config(name);
    return rows?.map((row) => (row.isSecret ? { ...row, value: masked(row.value) } : row)) ?? null;
  }

  async set(name: string, key: string, value: string): Promise<SettingOutcome> {
    const option = this.optionOf(name, key);
    if (option === null) return unknown(name, key);
    if (option.secret === true && value === MASK) return null;
    if (readValue(option, value) === INVALID) return invalid(key, valueTypeOf(option).expected);
    return this.change(name, (values) => values.set(key, value));
  }

  /** Back to what the files say. */
  async reset(name: string, key: string): Promise<SettingOutcome> {
    const known = this.catalogue.get(name);
    if (known === undefined || this.optionOf(name, key) === null) return unknown(name, key);
    return this.change(name, (values) => {
      const before = this.configuration.fallback(known.plugin, key);
      if (before === null) values.delete(key);
      else values.set(key, before);
    });
  }

  /**
   * Replaces all. A secret that comes back as `rows` has shown it stays as it is, and so does a key that is not set and
   * comes back empty.
   */
  async replace(name: string, given: Values): Promise<SettingOutcome> {
    const present = this.host.config(name);
    if (present === null) return unknown(name);
    const values: Record<string, string> = Object.create(null);
    const rows = new Map(present.map((row) => [row.key, row]));
    for (const [key, value] of Object.entries(given)) {
      if (typeof value !== 'string') return invalid(key, 'a string');
      const row = rows.get(key);
      if (value === '' && row?.isSet === false) continue;
      const isMasked = value === MASK && this.optionOf(name, key)?.secret === true;
      if (isMasked && row?.isSet !== true)
        return invalid(key, `a value; ${MASK} stands for the one that is set`);
      values[key] = isMasked ? row!.value : value;
    }
    return this.configure(name, values);
  }

  private optionOf(name: string, key: string) {
    return findOption(this.catalogue.get(name)?.plugin.options ?? {}, key);
  }

  private async change(name: string, make: (values: Map<string, string>) => void): Promise<SettingOutcome> {
    const rows = this.host.config(name);
    if (rows === null) return failed(`the configuration of ${name} cannot be read`);
    const set = rows.filter(({ isSet }) => isSet).map(({ key, value }) => [key, value] as const);
    const values = new Map(set);
    make(values);
    return this.configure(name, Object.fromEntries(values));
  }

  private async configure(name: string, values: Readonly<Record<string, string>>): Promise<SettingOutcome> {
    const outcome = await this.host.configure(name, values);
    if (outcome.ok) return null;
    const { why, message } = outcome;
    return { why: why === 'invalid' ? 'invalid' : why === 'not_found' ? 'unknown' : 'failed', message };
  }
}

const masked = <T>(value: T): T | string => (value === '' || value === null ? value : MASK);

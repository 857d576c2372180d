/**
 * What the configuration asks about keys that are not its own: it knows no plugin, but a mistake in their keys is
 * found together with all others. Types only.
 */
export interface PluginKeys {
  /** @returns undefined when no plugin has such a key */
  check(key: string, value: string): PluginKeyCheck | undefined;
  /** Every key, for suggestions. */
  readonly names: readonly string[];
}

export interface PluginKeyCheck {
  /** What a value has to be, where this one is not; otherwise null. */
  readonly expected: string | null;
  readonly isSecret: boolean;
}

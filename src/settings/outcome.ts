/** What a setting is, and what may come of changing one. Main thread. */

/** A value that may be changed while the broker runs. */
export interface Setting {
  readonly key: string;
  /** Whose key it is; null: the broker's own. */
  readonly plugin: string | null;
  /** Name of its type, as the documentation calls it. */
  readonly kind: string;
  /** Milliseconds for durations, bytes for sizes, 0 to 1 for percentages; null: nothing is set. */
  readonly value: unknown;
}

/** `start`: it may be set, but not while the broker runs. `message` is a sentence for people. */
export type SettingFailure = {
  readonly why: 'unknown' | 'start' | 'invalid' | 'failed';
  readonly message: string;
};

/** Null: it is done. */
export type SettingOutcome = SettingFailure | null;

export const unknown = (owner: string, key?: string): SettingFailure => ({
  why: 'unknown',
  message: key === undefined ? `there is no ${owner}` : `${owner} has no key ${key}`,
});
export const invalid = (key: string, expected: string): SettingFailure => ({
  why: 'invalid',
  message: `${key}: expected ${expected}`,
});
export const failed = (message: string): SettingFailure => ({ why: 'failed', message });

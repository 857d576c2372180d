/** What the schema says about one configuration key. Main thread, at start only. */
import { assert } from '../base/assert.js';
import { INVALID, type ValueType } from './value-types.js';

/**
 * When a change of the key is felt: `live` at once, `new` by connections and sessions that begin afterwards,
 * `start` when the broker starts again.
 */
export type Effect = 'live' | 'new' | 'start';

/** One configuration key. */
export interface Option<T> {
  readonly type: ValueType<T>;
  readonly default: T;
  readonly effect: Effect;
  /** The value EMQ 2.3 ships for the key of this name; null when the key is ours. */
  readonly emq: string | null;
  /** One sentence for people. */
  readonly about: string;
}

/** Describes a key of our own. */
export function ours<T>(type: ValueType<T>, defaultText: string, effect: Effect, about: string): Option<T> {
  const value = type.parse(defaultText);
  assert(value !== INVALID, `default ${defaultText} is ${type.expected}`);
  return { type, default: value as T, effect, emq: null, about };
}

/** Describes a key that EMQ 2.3 has too, with the value EMQ ships. */
export function fromEmq<T>(
  type: ValueType<T>,
  defaultText: string,
  emq: string,
  effect: Effect,
  about: string,
): Option<T> {
  return { ...ours(type, defaultText, effect, about), emq };
}

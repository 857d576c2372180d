/** Lists that are written as keys with an index each. Any thread. */
import type { PluginValues } from '../api.js';

const NUMERIC = new Intl.Collator('en', { numeric: true });

/** @returns index and value of the keys `prefix` INDEX `suffix`, in ascending order of INDEX, which is one word */
export function byNumber(values: PluginValues, prefix: string, suffix: string): [string, string][] {
  const found: [string, string][] = [];
  for (const [key, value] of values) {
    if (!key.startsWith(prefix) || !key.endsWith(suffix)) continue;
    const index = key.slice(prefix.length, key.length - suffix.length);
    if (index !== '' && !/(?<!\\)\./.test(index)) found.push([index, String(value)]);
  }
  return found.sort(([a], [b]) => NUMERIC.compare(a, b));
}

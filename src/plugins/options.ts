/** Keys of plugins: which one is meant by a concrete key, and what its values are. Main thread. */
import {
  bytesize,
  choice,
  duration,
  flag,
  type INVALID,
  integer,
  text,
  type ValueType,
} from '../config/value-types.js';
import { PLUGIN_VALUE_CHARS_MAX } from '../limits.js';
import type { PluginOption, PluginOptions } from './api.js';

export type PluginValue = string | number | boolean;

/** A word of a key; a dot inside one is written `\.`. */
const WORD = /^(?:[\w@/:-]|\\\.)+$/;

const wordsOf = (key: string): string[] => key.split(/(?<!\\)\./);

/** @returns the option that a concrete key belongs to; a key of its own goes before one with `$`. */
export function findOption(options: PluginOptions, key: string): PluginOption | null {
  const words = wordsOf(key);
  if (words.some((word) => !WORD.test(word))) return null;
  if (Object.hasOwn(options, key)) return options[key]!;
  for (const [pattern, option] of Object.entries(options)) {
    if (pattern.includes('$') && fits(wordsOf(pattern), words)) return option;
  }
  return null;
}

function fits(pattern: readonly string[], words: readonly string[]): boolean {
  return (
    pattern.length === words.length && pattern.every((word, at) => word.startsWith('$') || word === words[at])
  );
}

/** @returns INVALID when the text is not a value of the option */
export function readValue(option: PluginOption, value: string): PluginValue | typeof INVALID {
  return valueTypeOf(option).parse(value);
}

export function valueTypeOf({ type }: PluginOption): ValueType<PluginValue> {
  switch (type.kind) {
    case 'string':
      return text(PLUGIN_VALUE_CHARS_MAX);
    case 'integer':
      return integer(type.min ?? Number.MIN_SAFE_INTEGER, type.max);
    case 'flag':
      return flag();
    case 'duration':
      return duration(type.minMs, type.maxMs);
    case 'bytesize':
      return bytesize(0, type.max);
    case 'enum':
      return choice(...type.words);
  }
}

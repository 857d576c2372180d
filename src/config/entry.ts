/** One setting as a source gave it, before anything is known about its key. Main thread, at start only. */
import { CONFIG_NESTING_MAX } from '../limits.js';

/** Values a program may hand over: keys nested, dotted or mixed. A list stands for the keys .1, .2 and so on. */
export interface ConfigInput {
  readonly [key: string]: ConfigInputValue;
}
export type ConfigInputValue =
  | string
  | number
  | boolean
  | ConfigInput
  | readonly ConfigInputValue[]
  | undefined;

/** A key and its value as text, and where they stand. */
export interface Entry {
  readonly key: string;
  readonly value: string;
  /** `file:line`, `environment NAME`, `command line` or `config option`. */
  readonly where: string;
}

/** Something that stops the broker from starting. */
export interface ConfigIssue {
  /** Empty when the file could not be read at all. */
  readonly key: string;
  /** As written; secrets are shown as `***`. */
  readonly value: string;
  readonly expected: string;
  readonly where: string;
  /** All of it on one line, for people. */
  readonly line: string;
}

/** Something that has no effect, or not yet. */
export interface ConfigWarning {
  readonly key: string;
  readonly where: string;
  readonly line: string;
}

/** What a source gave: its settings in order, and what of it could not be read. */
export interface Source {
  readonly entries: readonly Entry[];
  readonly issues: readonly ConfigIssue[];
}

const printable = (value: string): string => {
  const quoted = JSON.stringify(value);
  return quoted.length > 80 ? `${quoted.slice(0, 76)}..."` : quoted;
};

/** Describes a setting that cannot be used. */
export function issueOf(entry: Entry, expected: string, isSecret = false): ConfigIssue {
  const { key, where } = entry;
  const value = isSecret || /password|cookie|secret/.test(key) ? '***' : entry.value;
  return {
    key,
    value,
    expected,
    where,
    line: `${where}: ${key} = ${printable(value)}: expected ${expected}`,
  };
}

/**
 * Describes a source, or a line of it, that cannot be read. Of the line only its first word is shown: what follows
 * may be a password.
 */
export function sourceIssue(where: string, expected: string, text = ''): ConfigIssue {
  const [word = ''] = /^[^\s:=]*/.exec(text) ?? [];
  const value = word === text ? text : `${word}...`;
  const line = value === '' ? `${where}: ${expected}` : `${where}: ${printable(value)}: expected ${expected}`;
  return { key: '', value, expected, where, line };
}

const childrenOf = (
  value: ConfigInput | readonly ConfigInputValue[],
): readonly (readonly [string, ConfigInputValue])[] =>
  Array.isArray(value)
    ? value.map((item: ConfigInputValue, index) => [String(index + 1), item] as const)
    : Object.entries(value as ConfigInput);

/** Turns values from a program into entries. */
export function entriesOfInput(input: ConfigInput): Source {
  const entries: Entry[] = [];
  const issues: ConfigIssue[] = [];
  const where = 'config option';
  const visit = (value: ConfigInputValue, path: readonly string[]): void => {
    if (value === undefined) return;
    if (typeof value === 'object' && value !== null) {
      if (path.length > CONFIG_NESTING_MAX)
        issues.push(sourceIssue(`${where} ${path.join('.')}`, 'nested too deeply'));
      else for (const [key, inner] of childrenOf(value)) visit(inner, [...path, key]);
    } else if (path.length > 0) entries.push({ key: path.join('.'), value: String(value), where });
  };
  visit(input, []);
  return { entries, issues };
}

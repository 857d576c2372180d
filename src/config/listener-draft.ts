/** What was said about one listener, and how its options are read. Main thread, at start only. */
import { type ConfigIssue, type ConfigWarning, type Entry, issueOf } from './entry.js';
import type { ListenerOption } from './listener-option.js';
import {
  LIST_OPTIONS,
  LISTENER_OPTIONS,
  type ListenerOptionName,
  SHIPPED_LISTENERS,
} from './listener-options.js';
import type { ListenerType } from './listener-types.js';
import { INVALID, type ValueType } from './value-types.js';

/** The type of an option's value. */
export type ListenerOptionValue<K extends ListenerOptionName> =
  (typeof LISTENER_OPTIONS)[K] extends ListenerOption<infer T> ? T : never;

/** Where mistakes and hints go. */
export class Findings {
  readonly issues: ConfigIssue[] = [];
  readonly warnings: ConfigWarning[] = [];

  issue(entry: Entry, expected: string): void {
    this.issues.push(issueOf(entry, expected));
  }

  warn({ key, where }: Entry, text: string): void {
    this.warnings.push({ key, where, line: `${where}: ${key}: ${text}` });
  }
}

/** The settings of one `listener.TYPE.NAME`, the last of each option, as text. */
export class Draft {
  /** `listener.TYPE.NAME`. */
  readonly prefix: string;
  readonly type: ListenerType;
  readonly name: string;
  /** By the name of the option; `bind` is the address. */
  readonly given = new Map<string, Entry>();
  readonly #findings: Findings;

  constructor(prefix: string, findings: Findings) {
    const [, type = '', name = ''] = prefix.split('.');
    this.prefix = prefix;
    this.type = type as ListenerType;
    this.name = name;
    this.#findings = findings;
  }

  /** Files one setting. A list and its numbered items are two ways to say one thing: the later way counts. */
  set(option: string, entry: Entry): void {
    const list = listOfItem(option);
    if (list !== null) this.given.delete(list);
    else if (LIST_OPTIONS.includes(option)) this.#forgetItems(option);
    this.given.set(option, entry);
  }

  /** @returns the value to use; what is written wrongly is an issue, and the default is used. */
  read<K extends ListenerOptionName>(name: K): ListenerOptionValue<K> {
    const { type, default: fallback } = LISTENER_OPTIONS[name];
    const shipped = SHIPPED_LISTENERS[this.prefix]?.[name] ?? fallback;
    const entry = this.entry(name);
    const value = entry === undefined ? INVALID : this.parse(type as ValueType<unknown>, entry);
    return (value === INVALID ? type.parse(shipped) : value) as ListenerOptionValue<K>;
  }

  /** @returns what was said, with the numbered items of a list together. */
  entry(name: string): Entry | undefined {
    if (!LIST_OPTIONS.includes(name)) return this.given.get(name);
    const items = this.numbered(name);
    if (items.length === 0) return this.given.get(name);
    return {
      key: `${this.prefix}.${name}`,
      value: items.map(({ value }) => value).join(','),
      where: items[0]!.where,
    };
  }

  /** @returns the settings `name.1`, `name.2` and so on, by their number. */
  numbered(name: string): Entry[] {
    const items = [...this.given].filter(([option]) => option.startsWith(`${name}.`));
    const numberOf = (option: string): number => Number(option.slice(name.length + 1));
    return items.sort(([a], [b]) => numberOf(a) - numberOf(b)).map(([, entry]) => entry);
  }

  parse<T>(type: ValueType<T>, entry: Entry): T | typeof INVALID {
    const value = type.parse(entry.value);
    if (value === INVALID) this.#findings.issue(entry, type.expected);
    return value;
  }

  #forgetItems(list: string): void {
    for (const option of [...this.given.keys()]) if (listOfItem(option) === list) this.given.delete(option);
  }
}

/** @returns the name of the list whose numbered item this option is, or null. */
export function listOfItem(option: string): string | null {
  const name = /^(.+)\.\d{1,4}$/.exec(option)?.[1];
  return name !== undefined && LIST_OPTIONS.includes(name) ? name : null;
}

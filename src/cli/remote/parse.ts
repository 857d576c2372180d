/** Reads the words and options of a command that asks a broker. Main thread, at start only. */
import { nearest } from '../../config/suggest.js';
import { isStartOption, type StartSources, sourcesFrom, splitOption } from '../start-options.js';
import {
  COMMON_OPTIONS,
  OFFLINE_OPTIONS,
  type OptionSpec,
  type RemoteName,
  specOf,
} from './command-table.js';

/** Options by name; those without a value are empty text. */
export type OptionValues = ReadonlyMap<string, string>;

export interface RemoteCommand {
  readonly name: RemoteName;
  readonly action: string;
  /** As many as the action takes; those that may be missing may be. */
  readonly words: readonly string[];
  readonly options: OptionValues;
  /** What a broker would start with; null: one that runs is meant. */
  readonly offline: StartSources | null;
}

/** @returns the command, or what is wrong with it */
export function parseRemote(name: RemoteName, args: readonly string[]): RemoteCommand | string {
  const spec = specOf(name);
  const known: Record<string, OptionSpec> = Object.assign(
    {},
    COMMON_OPTIONS,
    spec.hasOffline === true ? OFFLINE_OPTIONS : {},
    ...Object.values(spec.actions).map(({ options }) => options ?? {}),
  );
  const read = readArguments(args, known);
  if (typeof read === 'string') return read;
  const { words, options, start } = read;
  let action = spec.usual ?? '';
  if (!Object.hasOwn(spec.actions, '')) {
    const [first, ...rest] = words;
    if (first === undefined && spec.usual === null) return `${name} takes ${actionsText(name)}`;
    if (first !== undefined) {
      if (!Object.hasOwn(spec.actions, first)) return `${name} takes ${actionsText(name)}, not ${first}`;
      action = first;
      words.splice(0, words.length, ...rest);
    }
  }
  const usage = [name, action, ...spec.actions[action]!.words].filter((word) => word !== '').join(' ');
  const { words: wanted, options: own = {} } = spec.actions[action]!;
  const least = wanted.filter((word) => !word.startsWith('[')).length;
  const most = wanted.at(-1)?.endsWith('...]') ? Number.POSITIVE_INFINITY : wanted.length;
  if (words.length < least || words.length > most) return `it is: ${usage}`;
  if (words[0] === '') return `${wanted[0]} of ${usage} is empty`;
  const stray = [...options.keys()].find(
    (option) => !(option in own) && !(option in COMMON_OPTIONS) && option !== '--offline',
  );
  if (stray !== undefined) return `${stray} is not for ${usage}`;
  const isOffline = options.has('--offline') || start.length > 0;
  const remote = ['--url', '--user', '--password-file', '--node'].find((option) => options.has(option));
  if (isOffline && remote !== undefined) {
    return `${remote} is for a broker that runs, ${start[0]?.[0] ?? '--offline'} for one that does not`;
  }
  return { name, action, words, options, offline: isOffline ? sourcesFrom(start) : null };
}

/** @returns the actions with their words, as in `list, show ID or kick ID` */
function actionsText(name: RemoteName): string {
  const texts = Object.entries(specOf(name).actions).map(([action, { words }]) =>
    [action, ...words].join(' '),
  );
  return `${texts.slice(0, -1).join(', ')} or ${texts.at(-1)}`;
}

/** Options may stand anywhere; after `--` there are only words. */
function readArguments(
  args: readonly string[],
  known: Readonly<Record<string, OptionSpec>>,
): { words: string[]; options: Map<string, string>; start: [string, string][] } | string {
  const words: string[] = [];
  const options = new Map<string, string>();
  const start: [option: string, value: string][] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === '--') return { words: [...words, ...args.slice(at + 1)], options, start };
    if (!arg.startsWith('-') || arg === '-') {
      words.push(arg);
      continue;
    }
    const [option, inline] = splitOption(arg);
    if (!Object.hasOwn(known, option)) return unknownOption(option, known);
    if (options.has(option)) return `${option} is there twice`;
    const needsValue = known[option]!.value !== null;
    if (!needsValue && inline !== undefined) return `${option} takes no value`;
    const value = needsValue ? (inline ?? args[++at]) : '';
    if (value === undefined || (needsValue && value === '')) return `${option} needs a value`;
    if (isStartOption(option)) start.push([option, value]);
    else options.set(option, value);
  }
  return { words, options, start };
}

function unknownOption(option: string, known: Readonly<Record<string, OptionSpec>>): string {
  if (option === '--password') {
    return 'there is no option --password, which everybody on the machine could see; SHARDMQ_API_PASSWORD or --password-file FILE has it';
  }
  const near = nearest(option, Object.keys(known));
  if (near !== null) return `there is no option ${option}; did you mean ${near}?`;
  return `there is no option ${option}; there are ${Object.keys(known).join(', ')}, and other words with a dash come after --`;
}

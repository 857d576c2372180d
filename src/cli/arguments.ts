/** Reads the command line. Main thread, at start only. */
import { nearest } from '../config/suggest.js';
import { isRemoteName, REMOTE_COMMANDS } from './remote/command-table.js';
import { parseRemote, type RemoteCommand } from './remote/parse.js';
import {
  isStartOption,
  START_OPTIONS,
  type StartSources,
  sourcesFrom,
  splitOption,
} from './start-options.js';

/** A backup that is made or restored. */
export interface Copy {
  readonly directory: string;
  readonly force: boolean;
  /** They say which data directory it is about. */
  readonly sources: StartSources;
}

/** What was asked for. */
export type Command =
  | ({ readonly name: 'start' } & StartSources)
  | { readonly name: 'remote'; readonly command: RemoteCommand }
  | { readonly name: 'check-config'; readonly file: string }
  | { readonly name: 'backup' | 'restore'; readonly copy: Copy }
  | { readonly name: 'version' }
  | { readonly name: 'help'; readonly topic: HelpTopic | null }
  | { readonly name: 'wrong'; readonly message: string };

/** Commands that ask no broker. */
const LOCAL_COMMANDS = ['start', 'check-config', 'backup', 'restore', 'version', 'help'] as const;
export type HelpTopic = (typeof LOCAL_COMMANDS)[number] | keyof typeof REMOTE_COMMANDS;
const COMMANDS: readonly string[] = [...LOCAL_COMMANDS, ...Object.keys(REMOTE_COMMANDS)];
const isCommand = (name: string): name is HelpTopic => COMMANDS.includes(name);

const ALIASES: Readonly<Record<string, string>> = {
  '--help': 'help',
  '-h': 'help',
  '--version': 'version',
  '-v': 'version',
};

/** @returns the command; no command means `start`. */
export function parseArguments(args: readonly string[]): Command {
  const [first = 'start', ...rest] = args;
  const name = Object.hasOwn(ALIASES, first) ? ALIASES[first]! : first.startsWith('-') ? 'start' : first;
  const end = args.indexOf('--');
  if (args.slice(0, end < 0 ? undefined : end).some((arg) => arg === '--help' || arg === '-h')) {
    return { name: 'help', topic: isCommand(first) ? first : null };
  }
  if (isRemoteName(name)) {
    const command = parseRemote(name, rest);
    return typeof command === 'string' ? wrong(command) : { name: 'remote', command };
  }
  switch (name) {
    case 'start':
      return parseStart(first.startsWith('-') ? args : rest);
    case 'check-config':
      return parseCheckConfig(rest);
    case 'backup':
    case 'restore':
      return parseCopy(name, rest);
    case 'version':
      return rest.length === 0 ? { name } : wrong(`version takes nothing more, and got ${rest[0]}`);
    case 'help':
      return parseHelp(rest);
    default:
      return unknownCommand(name);
  }
}

function parseHelp([topic, ...more]: readonly string[]): Command {
  if (more.length > 0) return wrong(`help takes one command, and got ${more[0]} as well`);
  if (topic === undefined) return { name: 'help', topic: null };
  if (isCommand(topic)) return { name: 'help', topic };
  return unknownCommand(topic);
}

function unknownCommand(name: string): Command {
  const near = nearest(name, COMMANDS);
  const instead = near === null ? `there are ${COMMANDS.join(', ')}` : `did you mean ${near}?`;
  return wrong(`there is no command ${name}; ${instead}`);
}

const wrong = (message: string): Command => ({ name: 'wrong', message });

function parseStart(args: readonly string[]): Command {
  const sources = parseSources(args);
  return typeof sources === 'string' ? wrong(sources) : { name: 'start', ...sources };
}

/** @returns what is wrong, where something is */
function parseSources(args: readonly string[]): StartSources | string {
  const given: [option: string, value: string][] = [];
  for (let at = 0; at < args.length; at++) {
    const [option, inline] = splitOption(args[at]!);
    if (!isStartOption(option)) {
      return `there is no option ${option}; there are ${Object.keys(START_OPTIONS).join(', ')}`;
    }
    const value = inline ?? args[++at];
    if (value === undefined) return `${option} needs a value`;
    given.push([option, value]);
  }
  return sourcesFrom(given);
}

function parseCopy(name: 'backup' | 'restore', args: readonly string[]): Command {
  const isForce = (arg: string): boolean => name === 'restore' && arg === '--force';
  const options: string[] = [];
  const words: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (isForce(arg)) continue;
    if (!arg.startsWith('-')) {
      words.push(arg);
      continue;
    }
    options.push(arg);
    // What belongs to an option is no directory.
    if (!arg.includes('=') && isStartOption(arg) && at + 1 < args.length) options.push(args[++at]!);
  }
  const sources = parseSources(options);
  if (typeof sources === 'string') return wrong(sources);
  const [directory, more] = words;
  if (directory === undefined || more !== undefined) return wrong(`${name} takes one directory`);
  return { name, copy: { directory, force: args.some(isForce), sources } };
}

function parseCheckConfig(args: readonly string[]): Command {
  const option = args.find((arg) => arg.startsWith('-') && arg !== '-');
  if (option !== undefined)
    return wrong(`check-config has no option ${option}; it takes a FILE and nothing else`);
  return args.length === 1 ? { name: 'check-config', file: args[0]! } : wrong('check-config takes one FILE');
}

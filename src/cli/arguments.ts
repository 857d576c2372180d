/** Reads the command line. Main thread, at start only. */

/** Where the configuration comes from. */
export interface StartSources {
  readonly configFile: string | undefined;
  readonly set: readonly string[];
  /** Modules of users' plugins. */
  readonly plugins: readonly string[];
}

/** What was asked for. */
export type Command =
  | ({ readonly name: 'start' } & StartSources)
  | {
      readonly name: 'plugins';
      readonly action: 'list' | 'load' | 'unload';
      /** Empty for `list`. */
      readonly plugin: string;
      readonly sources: StartSources;
    }
  | {
      readonly name: 'users';
      readonly action: 'list' | 'add' | 'passwd' | 'del';
      /** Empty for `list`. */
      readonly user: string;
      readonly sources: StartSources;
    }
  | { readonly name: 'check-config'; readonly file: string }
  | { readonly name: 'version' }
  | { readonly name: 'help' }
  | { readonly name: 'wrong'; readonly message: string };

/** Options of `start` that take a value, and the key each sets; null where it is not a key. */
export const START_OPTIONS: Readonly<Record<string, string | null>> = {
  '--config': null,
  '--set': null,
  '--plugin': null,
  '--shards': 'node.shards',
  '--data': 'node.data_dir',
  '--log-level': 'log.level',
};

const COMMANDS = ['start', 'plugins', 'users', 'check-config', 'version', 'help'] as const;
const ALIASES: Readonly<Record<string, string>> = {
  '--help': 'help',
  '-h': 'help',
  '--version': 'version',
  '-v': 'version',
};

/** @returns the command; no command means `start`. */
export function parseArguments(args: readonly string[]): Command {
  if (args.some((arg) => arg === '--help' || arg === '-h')) return { name: 'help' };
  const [first = 'start', ...rest] = args;
  const name = ALIASES[first] ?? (first.startsWith('-') ? 'start' : first);
  switch (name) {
    case 'start':
      return parseStart(first.startsWith('-') ? args : rest);
    case 'plugins':
      return parsePlugins(rest);
    case 'users':
      return parseUsers(rest);
    case 'check-config':
      return parseCheckConfig(rest);
    case 'version':
    case 'help':
      return rest.length === 0 ? { name } : wrong(`${name} takes nothing more, and got ${rest[0]}`);
    default:
      return wrong(`there is no command ${name}; there are ${COMMANDS.join(', ')}`);
  }
}

const wrong = (message: string): Command => ({ name: 'wrong', message });

function parseStart(args: readonly string[]): Command {
  const sources = parseSources(args);
  return typeof sources === 'string' ? wrong(sources) : { name: 'start', ...sources };
}

function parsePlugins(args: readonly string[]): Command {
  const options = args.findIndex((arg) => arg.startsWith('-'));
  const [action = 'list', plugin = '', ...more] = options < 0 ? args : args.slice(0, options);
  const isNamed = action === 'load' || action === 'unload';
  if ((action !== 'list' && !isNamed) || isNamed !== (plugin !== '') || more.length > 0) {
    return wrong('plugins takes list, load NAME or unload NAME');
  }
  const sources = parseSources(options < 0 ? [] : args.slice(options));
  return typeof sources === 'string' ? wrong(sources) : { name: 'plugins', action, plugin, sources };
}

function parseUsers(args: readonly string[]): Command {
  const options = args.findIndex((arg) => arg.startsWith('-'));
  const [action = 'list', user = '', ...more] = options < 0 ? args : args.slice(0, options);
  const isNamed = action === 'add' || action === 'passwd' || action === 'del';
  if ((action !== 'list' && !isNamed) || isNamed !== (user !== '') || more.length > 0) {
    return wrong('users takes list, add NAME, passwd NAME or del NAME');
  }
  const sources = parseSources(options < 0 ? [] : args.slice(options));
  return typeof sources === 'string' ? wrong(sources) : { name: 'users', action, user, sources };
}

/** @returns what is wrong, where something is */
function parseSources(args: readonly string[]): StartSources | string {
  let configFile: string | undefined;
  const set: string[] = [];
  const plugins: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const [option, inline] = splitOption(args[at]!);
    if (!Object.hasOwn(START_OPTIONS, option)) {
      return `there is no option ${option}; there are ${Object.keys(START_OPTIONS).join(', ')}`;
    }
    const value = inline ?? args[++at];
    if (value === undefined) return `${option} needs a value`;
    const key = START_OPTIONS[option];
    if (option === '--config') configFile = value;
    else if (option === '--plugin') plugins.push(value);
    else set.push(key == null ? value : `${key}=${value}`);
  }
  return { configFile, set, plugins };
}

function parseCheckConfig(args: readonly string[]): Command {
  const option = args.find((arg) => arg.startsWith('-') && arg !== '-');
  if (option !== undefined)
    return wrong(`check-config has no option ${option}; it takes a FILE and nothing else`);
  return args.length === 1 ? { name: 'check-config', file: args[0]! } : wrong('check-config takes one FILE');
}

/** `--option=value` as two; only the first equals sign divides. */
function splitOption(arg: string): [option: string, value: string | undefined] {
  const split = arg.startsWith('--') ? arg.indexOf('=') : -1;
  return split < 0 ? [arg, undefined] : [arg.slice(0, split), arg.slice(split + 1)];
}

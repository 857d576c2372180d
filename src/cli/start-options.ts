/** Options of `start`, which other commands take as well to find what a broker would. Main thread, at start only. */

/** Where the configuration comes from. */
export interface StartSources {
  readonly configFile: string | undefined;
  readonly set: readonly string[];
  /** Modules of users' plugins. */
  readonly plugins: readonly string[];
}

/** Options that take a value, and the key each sets; null where it is not a key. */
export const START_OPTIONS: Readonly<Record<string, string | null>> = {
  '--config': null,
  '--set': null,
  '--plugin': null,
  '--shards': 'node.shards',
  '--data': 'node.data_dir',
  '--log-level': 'log.level',
};

export const isStartOption = (option: string): boolean => Object.hasOwn(START_OPTIONS, option);

/** @returns what the options say, in their order */
export function sourcesFrom(given: readonly (readonly [option: string, value: string])[]): StartSources {
  let configFile: string | undefined;
  const set: string[] = [];
  const plugins: string[] = [];
  for (const [option, value] of given) {
    const key = START_OPTIONS[option];
    if (option === '--config') configFile = value;
    else if (option === '--plugin') plugins.push(value);
    else set.push(key == null ? value : `${key}=${value}`);
  }
  return { configFile, set, plugins };
}

/** `--option=value` as two; only the first equals sign divides. */
export function splitOption(arg: string): [option: string, value: string | undefined] {
  const split = arg.startsWith('--') ? arg.indexOf('=') : -1;
  return split < 0 ? [arg, undefined] : [arg.slice(0, split), arg.slice(split + 1)];
}

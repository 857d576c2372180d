/**
 * `shardmq plugins`: which plugins there are, and which start with the broker. It writes `loaded_plugins` for the next
 * start, and says nothing to a broker that runs. Main thread.
 */
import { BrokerError } from '../base/errors.js';
import { nearest } from '../config/suggest.js';
import type { Catalogue } from '../plugins/catalogue.js';
import { type LoadedFile, loadedFileOf } from '../plugins/loaded-file.js';
import { prepare } from '../plugins/prepare.js';
import type { Command } from './arguments.js';
import { EXIT, type ExitCode } from './exit-codes.js';

type PluginsCommand = Extract<Command, { name: 'plugins' }>;

const out = (line: string): void => void process.stdout.write(`${line}\n`);
const complain = (line: string): void => void process.stderr.write(`shardmq: ${line}\n`);

/** @throws never */
export async function runPlugins({ action, plugin, sources }: PluginsCommand): Promise<ExitCode> {
  const { configFile: file, set, plugins } = sources;
  const prepared = await prepare({ file, set, env: process.env }, plugins);
  if (!prepared.ok) {
    for (const { line } of prepared.issues) complain(line);
    return EXIT.configuration;
  }
  const { catalogue, config } = prepared;
  try {
    const file = loadedFileOf(config);
    const names = file.read() ?? catalogue.defaults;
    if (action === 'list') return list(catalogue, names);
    return action === 'load' ? load(plugin, catalogue, file, names) : unload(plugin, file, names);
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    complain(error.message);
    return EXIT.startFailed;
  }
}

function list(catalogue: Catalogue, names: readonly string[]): ExitCode {
  for (const { plugin } of catalogue.list()) {
    const { name, description } = plugin;
    const starts = names.includes(name) || catalogue.users.includes(name);
    out(`${name.padEnd(24)} ${starts ? 'starts with the broker' : '-'.padEnd(22)}  ${description}`);
  }
  return EXIT.ok;
}

function load(name: string, catalogue: Catalogue, file: LoadedFile, names: readonly string[]): ExitCode {
  if (catalogue.get(name) === undefined) {
    complain(`there is no plugin ${name}${whichInstead(name, catalogue)}`);
    return EXIT.usage;
  }
  if (!names.includes(name)) file.write([...names, name]);
  out(`${name} starts with the broker`);
  return EXIT.ok;
}

function whichInstead(name: string, catalogue: Catalogue): string {
  const near = nearest(
    name,
    catalogue.list().map(({ plugin }) => plugin.name),
  );
  return near === null ? '; shardmq plugins shows which there are' : `; did you mean ${near}?`;
}

function unload(name: string, file: LoadedFile, names: readonly string[]): ExitCode {
  if (!names.includes(name)) {
    complain(`${name} is not among the plugins that start with the broker`);
    return EXIT.usage;
  }
  file.write(names.filter((each) => each !== name));
  out(`${name} no longer starts with the broker`);
  return EXIT.ok;
}

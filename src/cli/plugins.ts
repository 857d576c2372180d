/**
 * `shardmq plugins` without a broker: which plugins there are, and which start with it. It writes `loaded_plugins` for the
 * next start, and says nothing to a broker that runs. Main thread.
 */
import { nearest } from '../config/suggest.js';
import type { Catalogue } from '../plugins/catalogue.js';
import { type LoadedFile, loadedFileOf } from '../plugins/loaded-file.js';
import { prepare } from '../plugins/prepare.js';
import { EXIT } from './exit-codes.js';
import { CliError } from './remote/cli-error.js';
import { displayText } from './remote/display-text.js';
import type { Output } from './remote/output.js';
import { Table } from './remote/table.js';
import type { StartSources } from './start-options.js';

export interface PluginsCommand {
  readonly action: 'list' | 'load' | 'unload';
  /** Empty for `list`. */
  readonly plugin: string;
  readonly sources: StartSources;
  readonly out: Output;
}

const COLUMNS = [
  { key: 'name', title: 'PLUGIN' },
  { key: 'starts', title: 'STARTS WITH THE BROKER' },
  { key: 'description', title: 'DESCRIPTION' },
];

/** @throws CliError, BrokerError */
export async function runPlugins({ action, plugin, sources, out }: PluginsCommand): Promise<void> {
  const { configFile, set, plugins } = sources;
  const prepared = await prepare({ file: configFile, set, env: process.env }, plugins);
  if (!prepared.ok)
    throw new CliError(prepared.issues.map(({ line }) => line).join('\n'), EXIT.configuration);
  const { catalogue, config } = prepared;
  const file = loadedFileOf(config);
  const names = file.read() ?? catalogue.defaults;
  if (action === 'list') return list(catalogue, names, out);
  if (action === 'load') load(plugin, catalogue, file, names);
  else unload(plugin, file, names);
  const now = action === 'load' ? 'starts' : 'no longer starts';
  if (!out.isJson) await out.lines([`${plugin} ${now} with the broker`]);
}

function list(catalogue: Catalogue, names: readonly string[], out: Output): Promise<void> {
  const rows = catalogue.list().map(({ plugin: { name, description } }) => ({
    name,
    starts: names.includes(name) || catalogue.users.includes(name),
    description,
  }));
  return new Table(COLUMNS, out).write(rows);
}

function load(name: string, catalogue: Catalogue, file: LoadedFile, names: readonly string[]): void {
  if (catalogue.get(name) === undefined) {
    throw new CliError(`there is no plugin ${displayText(name)}${whichInstead(name, catalogue)}`);
  }
  if (!names.includes(name)) file.write([...names, name]);
}

function whichInstead(name: string, catalogue: Catalogue): string {
  const near = nearest(
    name,
    catalogue.list().map(({ plugin }) => plugin.name),
  );
  return near === null ? '; shardmq plugins shows which there are' : `; did you mean ${near}?`;
}

function unload(name: string, file: LoadedFile, names: readonly string[]): void {
  if (!names.includes(name)) {
    throw new CliError(`${displayText(name)} is not among the plugins that start with the broker`);
  }
  file.write(names.filter((each) => each !== name));
}

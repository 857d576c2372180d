/** `shardmq plugins` of a broker that runs. Main thread. */
import { nearest } from '../../../config/suggest.js';
import { EXIT } from '../../exit-codes.js';
import type { StartSources } from '../../start-options.js';
import { rowOf, rowsOf } from '../answers.js';
import { CliError, Refusal } from '../cli-error.js';
import { type Context, type Handlers, orOffline } from '../context.js';
import { displayText } from '../display-text.js';
import { newPassword } from '../password.js';
import { type Row, Table } from '../table.js';

const COLUMNS = [
  { key: 'name', title: 'PLUGIN' },
  { key: 'version', title: 'VERSION' },
  { key: 'active', title: 'RUNS' },
  { key: 'description', title: 'DESCRIPTION' },
];

async function list({ api, out }: Context): Promise<void> {
  return new Table(COLUMNS, out).write(rowsOf(await api.get(`nodes/${await api.node()}/plugins`)));
}

async function change({ words, api, out }: Context, active: boolean): Promise<void> {
  const name = words[0]!;
  const path = `nodes/${await api.node()}/plugins`;
  try {
    await api.put(`${path}/${encodeURIComponent(name)}`, { active });
  } catch (error) {
    throw error instanceof Refusal ? await refused(error, name, () => api.get(path)) : error;
  }
  const now = active
    ? 'runs, and starts with the broker'
    : 'has stopped, and no longer starts with the broker';
  if (!out.isJson) await out.lines([`${displayText(name)} ${now}`]);
}

async function refused(refusal: Refusal, name: string, ask: () => Promise<unknown>): Promise<Error> {
  const shown = displayText(name);
  if (refusal.code === 110) return new CliError(`${shown} runs already`);
  if (refusal.code === 111) return new CliError(`${shown} does not run`);
  if (refusal.code !== 102) return refusal;
  const names = rowsOf(await ask()).map((row) => String(row['name']));
  if (names.includes(name))
    return new CliError(`${shown} could not be started or stopped; the broker’s log says why`);
  const near = nearest(name, names);
  return new CliError(
    `there is no plugin ${shown}${near === null ? '; shardmq plugins shows which there are' : `; did you mean ${near}?`}`,
  );
}

const offline =
  (action: 'list' | 'load' | 'unload') =>
  async (sources: StartSources, { words, out }: Context): Promise<void> => {
    const { runPlugins } = await import('../../plugins.js');
    return runPlugins({ action, plugin: words[0] ?? '', sources, out });
  };

const COMMANDS = [
  { key: 'command', title: 'COMMAND' },
  { key: 'about', title: 'WHAT IT DOES' },
];

/** A command says with this word that it takes one. */
const PASSWORD = 'PASSWORD';

async function run(context: Context): Promise<void> {
  const { words, options, offline, api, out } = context;
  const [name = '', command, ...given] = words;
  if (offline !== null) throw new CliError('only a plugin that runs can be told something', EXIT.usage);
  const path = `nodes/${await api.node()}/plugins/${encodeURIComponent(name)}`;
  try {
    const commands = rowsOf(await api.get(`${path}/commands`));
    if (command === undefined) return await showCommands(commands, context);
    const usage = String(commands.find((each) => each['name'] === command)?.['usage'] ?? '');
    if (!usage.split(' ').includes(PASSWORD) && options.has('--new-password-file')) {
      throw new CliError(`${displayText(command)} of ${displayText(name)} takes no password`, EXIT.usage);
    }
    const args = await withPasswords(usage, given, context);
    const answer = rowOf(await api.post(`${path}/run`, { command, args }));
    if (out.isJson) return await out.json([answer]);
    const lines = Array.isArray(answer['lines']) ? (answer['lines'] as unknown[]) : [];
    return await out.lines(lines.map(displayText));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.code === 111) {
      const shown = displayText(name);
      throw new CliError(`${shown} does not run; shardmq plugins load ${shown} starts it`);
    }
    throw error.code === 102 && error.message !== '' ? new CliError(error.message) : error;
  }
}

async function showCommands(commands: readonly Row[], { words, out }: Context): Promise<void> {
  if (out.isJson) return out.json(commands);
  if (commands.length === 0) throw new CliError(`${displayText(words[0]!)} has no commands`);
  const rows = commands.map(({ name, usage, about }) => ({ command: asTyped(`${name} ${usage}`), about }));
  return new Table(COMMANDS, out).write(rows);
}

/** @returns what is typed of it: passwords are not */
const asTyped = (usage: string): string =>
  usage
    .split(' ')
    .filter((word) => word !== PASSWORD)
    .join(' ')
    .trim();

/** The words as the plugin takes them. Passwords are never among those that were typed, which everybody can see. */
async function withPasswords(usage: string, given: readonly string[], context: Context): Promise<string[]> {
  const wanted = usage.split(' ');
  if (!wanted.includes(PASSWORD)) return [...given];
  const { words, options } = context;
  if (given.length !== wanted.filter((word) => word !== PASSWORD).length) {
    const typed = asTyped(`plugins run ${words[0]} ${words[1]} ${usage}`);
    throw new CliError(`it is: ${displayText(typed)}; the password is asked for`, EXIT.usage);
  }
  const rest = [...given];
  const password = await newPassword(options, displayText(given[0] ?? words[1]!));
  return wanted.map((word) => (word === PASSWORD ? password : rest.shift()!));
}

export const handlers: Handlers = {
  list: orOffline(list, offline('list')),
  load: orOffline((context) => change(context, true), offline('load')),
  unload: orOffline((context) => change(context, false), offline('unload')),
  run,
};

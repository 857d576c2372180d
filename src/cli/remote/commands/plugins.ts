/** `shardmq plugins` of a broker that runs. Main thread. */
import { nearest } from '../../../config/suggest.js';
import type { StartSources } from '../../start-options.js';
import { rowsOf } from '../answers.js';
import { CliError, Refusal } from '../cli-error.js';
import { type Context, type Handlers, orOffline } from '../context.js';
import { displayText } from '../display-text.js';
import { Table } from '../table.js';

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

export const handlers: Handlers = {
  list: orOffline(list, offline('list')),
  load: orOffline((context) => change(context, true), offline('load')),
  unload: orOffline((context) => change(context, false), offline('unload')),
};

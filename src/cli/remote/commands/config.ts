/** `shardmq config`: what may be changed while the broker runs. Main thread. */
import { nearest } from '../../../config/suggest.js';
import { rowsOf } from '../answers.js';
import { CliError, Refusal } from '../cli-error.js';
import type { Context, Handlers } from '../context.js';
import { displayText } from '../display-text.js';
import { type Row, Table } from '../table.js';

const COLUMNS = [
  { key: 'key', title: 'KEY' },
  { key: 'value', title: 'VALUE' },
  { key: 'datatpye', title: 'TYPE' },
  { key: 'app', title: 'APP' },
];

const settings = async ({ api }: Context): Promise<Row[]> =>
  rowsOf(await api.get(`nodes/${await api.node()}/configs`));

async function get(context: Context): Promise<void> {
  const { words, out } = context;
  const [key] = words;
  const rows = await settings(context);
  if (key === undefined) return new Table(COLUMNS, out).write(rows);
  const row = find(rows, key);
  return out.isJson ? out.json([row]) : out.lines([displayText(row['value'])]);
}

async function set(context: Context): Promise<void> {
  const { words, api, out } = context;
  const [key, value] = words as [string, string];
  await change(context, `cannot be ${displayText(value)}`, (path) => api.put(path, { key, value }));
  if (!out.isJson) await out.lines([`${displayText(key)} is ${displayText(value)}`]);
}

async function reset(context: Context): Promise<void> {
  const { words, api, out } = context;
  const key = words[0]!;
  await change(context, 'cannot be reset', (path) => api.delete(path, { key }));
  const { value } = find(await settings(context), key);
  if (!out.isJson) await out.lines([`${displayText(key)} is ${displayText(value)}`]);
}

/** @param otherwise is said of the key where the broker refuses without a word */
async function change(
  context: Context,
  otherwise: string,
  act: (path: string) => Promise<unknown>,
): Promise<void> {
  const { words, api, options } = context;
  const key = words[0]!;
  const app = options.get('--app') ?? String(find(await settings(context), key)['app']);
  try {
    await act(`nodes/${await api.node()}/configs/${encodeURIComponent(app)}`);
  } catch (error) {
    if (!(error instanceof Refusal) || (error.code !== 108 && error.code !== 102)) throw error;
    // The broker's own words say which key it is about.
    throw new CliError(error.message || `${displayText(key)} of ${displayText(app)} ${otherwise}`);
  }
}

function find(rows: readonly Row[], key: string): Row {
  const row = rows.find((each) => each['key'] === key);
  if (row !== undefined) return row;
  const near = nearest(
    key,
    rows.map((each) => String(each['key'])),
  );
  const instead = near === null ? 'shardmq config get shows which there are' : `did you mean ${near}?`;
  throw new CliError(`${displayText(key)} is no key that may be changed while the broker runs; ${instead}`);
}

export const handlers: Handlers = { get, set, reset };

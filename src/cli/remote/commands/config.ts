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
  const { words, api, out, options } = context;
  const [key, value] = words as [string, string];
  const app = options.get('--app') ?? String(find(await settings(context), key)['app']);
  try {
    await api.put(`nodes/${await api.node()}/configs/${encodeURIComponent(app)}`, { key, value });
  } catch (error) {
    throw error instanceof Refusal ? refused(error, key, value, app) : error;
  }
  if (!out.isJson) await out.lines([`${displayText(key)} is ${displayText(value)}`]);
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

/** The broker's own words say which key it is about. */
function refused(refusal: Refusal, key: string, value: string, app: string): Error {
  if (refusal.code !== 108 && refusal.code !== 102) return refusal;
  if (refusal.message !== '') return new CliError(refusal.message);
  return new CliError(`${displayText(key)} of ${displayText(app)} cannot be ${displayText(value)}`);
}

export const handlers: Handlers = { get: get, set: set };

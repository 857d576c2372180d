/** Names with numbers. Main thread. */
import { rowOf } from './answers.js';
import { CliError } from './cli-error.js';
import type { Context } from './context.js';
import { displayText } from './display-text.js';
import { Table } from './table.js';

const COLUMNS = [
  { key: 'name', title: 'NAME' },
  { key: 'value', title: 'VALUE', isNumber: true },
];

/** Those whose names begin with the first word, by name; as JSON one object. */
export async function writeFigures({ words, api, out }: Context, what: 'metrics' | 'stats'): Promise<void> {
  const start = words[0] ?? '';
  const all = Object.entries(rowOf(await api.get(`monitoring/${what}/${await api.node()}`)));
  const wanted = all.filter(([name]) => name.startsWith(start)).sort(([a], [b]) => (a < b ? -1 : 1));
  if (wanted.length === 0) throw new CliError(`none of the ${what} begins with ${displayText(start)}`);
  if (out.isJson) return out.json([Object.fromEntries(wanted)]);
  return new Table(COLUMNS, out).write(wanted.map(([name, value]) => ({ name, value })));
}

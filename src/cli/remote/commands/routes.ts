/** `shardmq routes`. Main thread. */
import { objectsOf, pagesOf } from '../answers.js';
import { CliError } from '../cli-error.js';
import { type Context, type Handlers, remark } from '../context.js';
import { displayText } from '../display-text.js';
import { limitOf } from '../list.js';
import { Table } from '../table.js';

const COLUMNS = [
  { key: 'topic', title: 'FILTER' },
  { key: 'node', title: 'NODE' },
];

async function list({ api, out, options }: Context): Promise<void> {
  const table = new Table(COLUMNS, out);
  let isEmpty = true;
  for await (const rows of pagesOf(api, 'routes', limitOf(options))) {
    isEmpty = false;
    await table.write(rows);
  }
  if (isEmpty) remark('there are no subscriptions');
}

async function show({ words, api, out }: Context): Promise<void> {
  const filter = words[0]!;
  const rows = objectsOf(await api.get(`routes/${encodeURIComponent(filter)}`));
  if (rows.length === 0) throw new CliError(`nobody has subscribed to exactly ${displayText(filter)}`);
  return new Table(COLUMNS, out).write(rows);
}

export const handlers: Handlers = { list: list, show: show };

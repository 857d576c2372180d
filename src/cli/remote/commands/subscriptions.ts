/** `shardmq subscriptions`. Main thread. */
import { objectsOf } from '../answers.js';
import { CliError } from '../cli-error.js';
import type { Context, Handlers } from '../context.js';
import { displayText } from '../display-text.js';
import { writeList } from '../list.js';
import { Table } from '../table.js';

const COLUMNS = [
  { key: 'client_id', title: 'CLIENT' },
  { key: 'topic', title: 'FILTER' },
  { key: 'qos', title: 'QOS', isNumber: true },
];

async function show({ words, api, out }: Context): Promise<void> {
  const id = words[0]!;
  const path = `nodes/${await api.node()}/subscriptions/${encodeURIComponent(id)}`;
  const rows = objectsOf(await api.get(path));
  if (rows.length === 0) throw new CliError(`${displayText(id)} has no subscriptions`);
  return new Table(COLUMNS, out).write(rows);
}

export const handlers: Handlers = {
  list: (context) => writeList(context, 'subscriptions', COLUMNS, 'there are no subscriptions'),
  show: show,
};

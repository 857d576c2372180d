/** `shardmq topics`: filters, each once. Main thread. */
import { pagesOf } from '../answers.js';
import { type Context, type Handlers, remark } from '../context.js';
import { limitOf } from '../list.js';
import { Table } from '../table.js';

async function list({ api, out, options }: Context): Promise<void> {
  const table = new Table([{ key: 'topic', title: 'FILTER' }], out);
  let last: unknown = null;
  // Routes come by filter, one for each node.
  for await (const rows of pagesOf(api, 'routes', limitOf(options))) {
    const topics: { topic: unknown }[] = [];
    for (const { topic } of rows) {
      if (topic !== last) topics.push({ topic });
      last = topic;
    }
    await table.write(topics);
  }
  if (last === null) remark('there are no subscriptions');
}

export const handlers: Handlers = { '': list };

/** `shardmq sessions`. Main thread. */
import { objectsOf } from '../answers.js';
import { CliError, Refusal } from '../cli-error.js';
import type { Context, Handlers } from '../context.js';
import { displayText } from '../display-text.js';
import { writeList } from '../list.js';
import { writeFacts } from '../table.js';

/** What fits a terminal; `show` and `--json` have the rest. */
const COLUMNS = [
  { key: 'client_id', title: 'CLIENT' },
  { key: 'clean_sess', title: 'CLEAN' },
  { key: 'subscriptions', title: 'FILTERS', isNumber: true },
  { key: 'inflight_len', title: 'INFLIGHT', isNumber: true },
  { key: 'mqueue_len', title: 'QUEUED', isNumber: true },
  { key: 'mqueue_dropped', title: 'DROPPED', isNumber: true },
  { key: 'deliver_msg', title: 'DELIVERED', isNumber: true },
  { key: 'created_at', title: 'CREATED' },
];

const noSession = (id: string): CliError => new CliError(`${displayText(id)} has no session`);

async function show({ words, api, out }: Context): Promise<void> {
  const id = words[0]!;
  const [row] = objectsOf(await api.get(`nodes/${await api.node()}/sessions/${encodeURIComponent(id)}`));
  if (row === undefined) throw noSession(id);
  return writeFacts(row, out);
}

async function remove({ words, api, out }: Context): Promise<void> {
  const id = words[0]!;
  try {
    await api.delete(`nodes/${await api.node()}/sessions/${encodeURIComponent(id)}`);
  } catch (error) {
    throw error instanceof Refusal && error.code === 112 ? noSession(id) : error;
  }
  if (!out.isJson) await out.lines([`the session of ${displayText(id)} has ended`]);
}

export const handlers: Handlers = {
  list: (context) => writeList(context, 'sessions', COLUMNS, 'there are no sessions'),
  show: show,
  remove: remove,
};

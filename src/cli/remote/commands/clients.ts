/** `shardmq clients`. Main thread. */
import { objectsOf } from '../answers.js';
import { CliError, Refusal } from '../cli-error.js';
import type { Context, Handlers } from '../context.js';
import { displayText } from '../display-text.js';
import { writeList } from '../list.js';
import { writeFacts } from '../table.js';

const COLUMNS = [
  { key: 'client_id', title: 'CLIENT' },
  { key: 'username', title: 'USER' },
  { key: 'ipaddress', title: 'ADDRESS' },
  { key: 'port', title: 'PORT', isNumber: true },
  { key: 'clean_sess', title: 'CLEAN' },
  { key: 'proto_ver', title: 'MQTT', isNumber: true },
  { key: 'keepalive', title: 'KEEPALIVE', isNumber: true },
  { key: 'connected_at', title: 'CONNECTED' },
];

const notConnected = (id: string): CliError => new CliError(`no client ${displayText(id)} is connected`);

async function show({ words, api, out }: Context): Promise<void> {
  const id = words[0]!;
  const [row] = objectsOf(await api.get(`nodes/${await api.node()}/clients/${encodeURIComponent(id)}`));
  if (row === undefined) throw notConnected(id);
  return writeFacts(row, out);
}

async function kick({ words, api, out }: Context): Promise<void> {
  const id = words[0]!;
  try {
    await api.delete(`clients/${encodeURIComponent(id)}`);
  } catch (error) {
    throw error instanceof Refusal && error.code === 112 ? notConnected(id) : error;
  }
  if (!out.isJson) await out.lines([`${displayText(id)} is disconnected`]);
}

export const handlers: Handlers = {
  list: (context) => writeList(context, 'clients', COLUMNS, 'no client is connected'),
  show: show,
  kick: kick,
};

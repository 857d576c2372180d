/** `shardmq listeners`. Main thread. */
import { rowsOf } from '../answers.js';
import type { Context, Handlers } from '../context.js';
import { type Row, Table } from '../table.js';

const COLUMNS = [
  { key: 'protocol', title: 'PROTOCOL' },
  { key: 'listen', title: 'ADDRESS' },
  { key: 'acceptors', title: 'ACCEPTORS', isNumber: true },
  { key: 'current_clients', title: 'CLIENTS', isNumber: true },
  { key: 'max_clients', title: 'MAX', isNumber: true },
  { key: 'shutdown_count', title: 'ENDED' },
];

async function list({ api, out }: Context): Promise<void> {
  const rows = rowsOf(await api.get(`monitoring/listeners/${await api.node()}`));
  return new Table(COLUMNS, out).write(out.isJson ? rows : rows.map(withReasons));
}

/** Why connections have ended, as `closed 3, kick 1`; EMQ has an empty array where none has. */
function withReasons(row: Row): Row {
  const counts = row['shutdown_count'];
  const reasons = typeof counts === 'object' && counts !== null ? Object.entries(counts) : [];
  return { ...row, shutdown_count: reasons.map(([reason, count]) => `${reason} ${count}`).join(', ') };
}

export const handlers: Handlers = { '': list };

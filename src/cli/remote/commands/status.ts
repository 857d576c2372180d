/** `shardmq status`: one screen about a node. Main thread. */
import { rowOf } from '../answers.js';
import { type Context, type Handlers, remark } from '../context.js';
import { type Row, writeFacts } from '../table.js';
import { nobodyAt } from '../unreachable.js';

async function status(context: Context): Promise<void> {
  const { api, out } = context;
  if (!api.access.hasPassword) return withoutPassword(context);
  const node = await api.node();
  const general = rowOf(await api.get(`management/nodes/${node}`));
  const figures = rowOf(await api.get(`monitoring/nodes/${node}`));
  const stats = rowOf(await api.get(`monitoring/stats/${node}`));
  if (out.isJson) return out.json([{ ...general, ...figures, ...stats }]);
  return writeFacts(screen(general, figures, stats), out);
}

/** What anybody may know, for scripts that only ask whether it runs. */
async function withoutPassword({ api, out }: Context): Promise<void> {
  const found = await api.probe();
  if (found.who === 'nobody') throw nobodyAt(api.access);
  if (found.who === 'another') throw api.notShardmq();
  if (out.isJson) await out.json([{ status: found.says }]);
  else await out.lines(found.says.split('\n'));
  remark('with SHARDMQ_API_PASSWORD or --password-file FILE it says more');
}

function screen(general: Row, figures: Row, stats: Row): Row {
  const count = (name: string): string => `${stats[`${name}/count`]} (at most ${stats[`${name}/max`]})`;
  return {
    node: `${figures['name']}, ${figures['node_status']}`,
    version: `${general['version']} (${general['otp_release']})`,
    uptime: general['uptime'],
    time: general['datetime'],
    clients: count('clients'),
    sessions: count('sessions'),
    subscriptions: count('subscriptions'),
    topics: count('topics'),
    retained: count('retained'),
    memory: `${figures['memory_used']} used of ${figures['memory_total']}`,
    load: `${figures['load1']}, ${figures['load5']}, ${figures['load15']}`,
    descriptors: `at most ${figures['max_fds']}`,
  };
}

export const handlers: Handlers = { '': status };

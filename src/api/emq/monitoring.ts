/** What is counted, in EMQ's words. Main thread. */
import type { Alarm } from '../../actor/shard-protocol.js';
import { type MetricName, STATS } from '../../metrics/names.js';
import { dateTimeText } from '../../sys/time-text.js';
import type { ListenerReport, ProcessReport } from '../broker-port.js';
import { listOf, NOTHING, objectOf, type Schema, text, whole } from '../schema.js';
import { RELEASE } from './node.js';

const KIB = 1 << 10;
const MIB = 1 << 20;
const GIB = 1 << 30;

/** @returns for example `72.94M`; two decimals, binary units */
export function memoryText(bytes: number): string {
  if (bytes > GIB) return `${(bytes / GIB).toFixed(2)}G`;
  if (bytes > MIB) return `${(bytes / MIB).toFixed(2)}M`;
  return `${(bytes / KIB).toFixed(2)}K`;
}

export const PROCESS_SCHEMA: Schema = objectOf({
  name: text('of the node', 'shardmq@127.0.0.1'),
  otp_release: text('of Node.js and V8, where EMQ has Erlang', RELEASE),
  memory_total: text('of the process', '72.94M'),
  memory_used: text('of it, what JavaScript uses', '50.55M'),
  process_available: whole('`node.process_limit`, rounded up to a power of two', 262_144),
  process_used: whole('connections, sessions, threads and the like'),
  max_fds: whole('how many files and sockets the process may have open; 0: not known'),
  clients: whole('connected ones'),
  node_status: text('always the same', 'Running'),
  load1: text('load of the machine, average of a minute', '1.65'),
  load5: text('of 5 minutes', '1.93'),
  load15: text('of 15 minutes', '2.01'),
});

export function emqProcess(name: string, report: ProcessReport): Record<string, string | number> {
  const [load1, load5, load15] = report.load;
  return {
    name,
    otp_release: RELEASE,
    memory_total: memoryText(report.memoryTotalBytes),
    memory_used: memoryText(report.memoryUsedBytes),
    process_available: 2 ** Math.ceil(Math.log2(report.processLimit)),
    process_used: report.processUsed,
    max_fds: report.descriptorsMax,
    clients: report.clients,
    node_status: 'Running',
    load1: load1.toFixed(2),
    load5: load5.toFixed(2),
    load15: load15.toFixed(2),
  };
}

export const LISTENER_SCHEMA: Schema = objectOf({
  protocol: text('`mqtt:` and `tcp`, `ssl`, `ws`, `wss`, `unix` or `api`', 'mqtt:tcp'),
  listen: text('the port alone where the configuration has it alone; the path of a socket', '0.0.0.0:1883'),
  acceptors: whole('as configured'),
  max_clients: whole('at one time; 0: no limit'),
  current_clients: whole('open connections'),
  shutdown_count: {
    description: 'connections that ended otherwise than by DISCONNECT, by reason; `[]` where there are none',
    oneOf: [NOTHING, { type: 'object', additionalProperties: whole('so many') }],
  },
});

export function emqListener(report: ListenerReport): object {
  const { shutdownCount } = report;
  return {
    protocol: `mqtt:${report.type}`,
    listen: report.listen,
    acceptors: report.acceptors,
    max_clients: report.maxClients,
    current_clients: report.currentClients,
    shutdown_count: Object.keys(shutdownCount).length === 0 ? [] : shutdownCount,
  };
}

/** In the order in which EMQ gives them. */
const METRICS_IN_ORDER: readonly MetricName[] = [
  'packets/disconnect',
  'messages/dropped',
  'messages/qos2/received',
  'packets/suback',
  'packets/pubcomp/received',
  'packets/unsuback',
  'packets/pingresp',
  'packets/puback/missed',
  'packets/pingreq',
  'messages/retained',
  'packets/sent',
  'messages/qos2/dropped',
  'packets/unsubscribe',
  'packets/pubrec/missed',
  'packets/connack',
  'messages/received',
  'packets/pubrec/sent',
  'packets/publish/received',
  'packets/pubcomp/sent',
  'bytes/received',
  'packets/connect',
  'packets/puback/received',
  'messages/sent',
  'packets/publish/sent',
  'bytes/sent',
  'packets/pubrel/missed',
  'packets/puback/sent',
  'messages/qos0/received',
  'packets/subscribe',
  'packets/pubrel/sent',
  'messages/qos2/sent',
  'packets/received',
  'packets/pubrel/received',
  'messages/qos1/received',
  'messages/qos1/sent',
  'packets/pubrec/received',
  'packets/pubcomp/missed',
  'messages/qos0/sent',
];

export const METRICS_SCHEMA: Schema = objectOf(
  Object.fromEntries(
    METRICS_IN_ORDER.map((name) => [name, whole(name === 'messages/retained' ? 'now' : 'since start')]),
  ),
);

export function emqMetrics(metrics: Readonly<Record<MetricName, number>>): Record<string, number> {
  return Object.fromEntries(METRICS_IN_ORDER.map((name) => [name, metrics[name]]));
}

export const STATS_SCHEMA: Schema = objectOf(
  Object.fromEntries(
    STATS.map((name) => [name, whole(name.endsWith('/max') ? 'the most since start' : 'now')]),
  ),
);

/** An object by name of node, of which there is one. */
export function byNodeSchema(ofNode: Schema): Schema {
  return { type: 'object', description: 'by name of the node', additionalProperties: ofNode };
}

export const ALARM_SCHEMA: Schema = objectOf({
  id: text('what it is about', 'queue_high_watermark.meter-2'),
  severity: { type: 'string', enum: ['warning', 'error', 'critical'] },
  title: text('a few words', 'Queue meter-2 high-water mark'),
  summary: text('a sentence', 'queue len 601 > high_watermark 600'),
  occurred_at: text('local time', '2026-11-23 07:37:26'),
});
export const ALARMS_SCHEMA: Schema = listOf(ALARM_SCHEMA);

export function emqAlarm({ id, severity, title, summary, raisedAt }: Alarm): object {
  return { id, severity, title, summary, occurred_at: dateTimeText(raisedAt) };
}

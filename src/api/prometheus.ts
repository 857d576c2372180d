/** Everything that is counted, as Prometheus reads it: its text format, version 0.0.4. Main thread. */
import { METRICS, STATS } from '../metrics/names.js';
import type { BrokerPort, ListenerReport, ThreadReport } from './broker-port.js';

export const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [Labels, number];

/** Samples of one name must stand together, below what they are. */
class Exposition {
  readonly #lines: string[] = [];

  counter(name: string, about: string, samples: number | readonly Sample[]): void {
    this.#family(`${name}_total`, 'counter', about, samples);
  }

  gauge(name: string, about: string, samples: number | readonly Sample[]): void {
    this.#family(name, 'gauge', about, samples);
  }

  toString(): string {
    return `${this.#lines.join('\n')}\n`;
  }

  #family(name: string, type: string, about: string, samples: number | readonly Sample[]): void {
    const help = about.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
    this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    const all: readonly Sample[] = typeof samples === 'number' ? [[{}, samples]] : samples;
    for (const [labels, value] of all) this.#lines.push(`${name}${labelsText(labels)} ${value}`);
  }
}

function labelsText(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

/** @returns the whole page */
export async function prometheusPage(broker: BrokerPort): Promise<string> {
  const page = new Exposition();
  await addNode(page, broker);
  await addCounts(page, broker);
  addThreads(page, await broker.figures.threads());
  addListeners(page, broker.figures.listeners());
  addState(page, broker);
  return page.toString();
}

async function addNode(page: Exposition, { node, figures }: BrokerPort): Promise<void> {
  const { memoryTotalBytes, memoryUsedBytes, cpuSeconds, descriptorsMax, load } = await figures.process();
  page.gauge('shardmq_info', 'Which broker this is; always 1.', [
    [{ node: node.name, version: node.version, nodejs: process.versions.node }, 1],
  ]);
  page.gauge('shardmq_uptime_seconds', 'Time since start.', node.uptimeMs() / 1000);
  page.gauge('shardmq_ready', '1 while every shard takes clients.', node.isReady() ? 1 : 0);
  page.gauge('process_resident_memory_bytes', 'Memory that the system gave the process.', memoryTotalBytes);
  page.gauge('shardmq_memory_used_bytes', 'Memory that JavaScript uses, all threads.', memoryUsedBytes);
  page.counter('process_cpu_seconds', 'Processor time of all threads, user and system.', cpuSeconds);
  if (descriptorsMax > 0)
    page.gauge('process_max_fds', 'Files and sockets that may be open at one time.', descriptorsMax);
  const minutes = ['1', '5', '15'];
  page.gauge(
    'shardmq_load_average',
    'Load of the machine, average over so many minutes.',
    load.map((average, at): Sample => [{ minutes: minutes[at]! }, average]),
  );
}

async function addCounts(page: Exposition, { figures }: BrokerPort): Promise<void> {
  const metrics = await figures.metrics();
  for (const name of METRICS) {
    if (name === 'messages/retained')
      page.gauge(nameOf(name), 'Messages that are retained now.', metrics[name]);
    else page.counter(nameOf(name), `What EMQ calls ${name}.`, metrics[name]);
  }
  const stats = await figures.stats();
  for (const name of STATS) {
    const about = name.endsWith('/max') ? 'The most of these since start' : 'How many there are now';
    page.gauge(nameOf(name), `${about}: what EMQ calls ${name}.`, stats[name]);
  }
  const { queueDropped, slowDropped, oversizeDropped, forwarded, forwardedDeliveries } = figures.traffic();
  page.counter('shardmq_messages_queue_dropped', 'Messages that full queues of sessions lost.', queueDropped);
  page.counter(
    'shardmq_messages_slow_dropped',
    'Messages of QoS 0 that were not sent because their reader was too slow.',
    slowDropped,
  );
  page.counter(
    'shardmq_messages_oversize_dropped',
    'Messages that were longer than their receiver takes.',
    oversizeDropped,
  );
  page.counter('shardmq_messages_forwarded', 'Messages passed from one shard to another.', forwarded);
  page.counter(
    'shardmq_deliveries_forwarded',
    'Copies for clients of messages that came from another shard.',
    forwardedDeliveries,
  );
  const { commits, bytes } = figures.commits();
  page.counter('shardmq_commits', 'Transactions that made acknowledged messages and sessions safe.', commits);
  page.counter('shardmq_commit_bytes', 'Bytes of rows that were written by them.', bytes);
}

/** `messages/qos0/sent`: `shardmq_messages_qos0_sent`. */
const nameOf = (name: string): string => `shardmq_${name.replaceAll('/', '_')}`;

function addThreads(page: Exposition, threads: readonly ThreadReport[]): void {
  const shards = threads.filter(({ thread }) => thread !== 'main');
  const ofShards = (value: (report: ThreadReport) => number): Sample[] =>
    shards.map((report) => [{ shard: String(report.thread) }, value(report)]);
  const ofAll = (value: (report: ThreadReport) => number): Sample[] =>
    threads.map((report) => [{ thread: String(report.thread) }, value(report)]);
  page.gauge(
    'shardmq_shard_up',
    '1 while the shard takes clients.',
    ofShards(({ isUp }) => (isUp ? 1 : 0)),
  );
  page.counter(
    'shardmq_shard_starts',
    'How often the shard was started; more than once after crashes.',
    ofShards(({ starts }) => starts),
  );
  page.gauge(
    'shardmq_shard_clients',
    'Connected clients whose session the shard has.',
    ofShards(({ clients }) => clients),
  );
  page.gauge(
    'shardmq_shard_sessions',
    'Sessions that the shard has.',
    ofShards(({ sessions }) => sessions),
  );
  page.gauge(
    'shardmq_shard_waiting_bytes',
    'What waits in the shard: output, queues, half-read packets.',
    ofShards(({ waitingBytes }) => waitingBytes),
  );
  page.gauge(
    'shardmq_thread_heap_used_bytes',
    'Heap of JavaScript in use, by thread: main, or the number of a shard.',
    ofAll(({ heapUsedBytes }) => heapUsedBytes),
  );
  page.gauge(
    'shardmq_thread_loop_delay_seconds',
    'By how much the thread is late for what is due, average of about a second.',
    ofAll(({ loopDelayMs }) => loopDelayMs / 1000),
  );
}

function addListeners(page: Exposition, listeners: readonly ListenerReport[]): void {
  const labelsOf = ({ type, name, listen }: ListenerReport): Labels => ({
    listener: `listener.${type}.${name}`,
    protocol: type,
    listen,
  });
  const samples = (value: (report: ListenerReport) => number): Sample[] =>
    listeners.map((report) => [labelsOf(report), value(report)]);
  page.gauge(
    'shardmq_listener_connections',
    'Open connections.',
    samples(({ currentClients }) => currentClients),
  );
  page.gauge(
    'shardmq_listener_connections_max',
    'Connections that may be open at one time; 0: no limit.',
    samples(({ maxClients }) => maxClients),
  );
  page.counter(
    'shardmq_listener_accepted',
    'Connections accepted.',
    samples(({ accepted }) => accepted),
  );
  page.counter(
    'shardmq_listener_shutdown',
    'Connections that ended otherwise than by DISCONNECT, or were turned away, by reason.',
    listeners.flatMap((report) =>
      Object.entries(report.shutdownCount).map(
        ([reason, count]): Sample => [{ ...labelsOf(report), reason }, count],
      ),
    ),
  );
}

function addState(page: Exposition, { figures, plugins }: BrokerPort): void {
  const alarms = figures.alarms();
  page.gauge(
    'shardmq_alarms',
    'Alarms that are active.',
    ['warning', 'error', 'critical'].map(
      (severity): Sample => [{ severity }, alarms.filter((alarm) => alarm.severity === severity).length],
    ),
  );
  page.gauge(
    'shardmq_plugin_active',
    '1 while the plugin runs.',
    plugins.list().map(({ name, active }): Sample => [{ plugin: name }, active ? 1 : 0]),
  );
}

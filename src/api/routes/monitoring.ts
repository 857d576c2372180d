/** `monitoring`: what the process uses, who listens, what is counted. Main thread. */
import {
  byNodeSchema,
  emqListener,
  emqMetrics,
  emqProcess,
  LISTENER_SCHEMA,
  METRICS_SCHEMA,
  PROCESS_SCHEMA,
  STATS_SCHEMA,
} from '../emq/monitoring.js';
import { endpoint } from '../endpoint.js';
import { PROMETHEUS_TYPE, prometheusPage } from '../prometheus.js';
import { RawAnswer } from '../raw-answer.js';
import { listOf, text } from '../schema.js';

export const monitoringEndpoints = [
  endpoint({
    method: 'GET',
    path: '/metrics',
    about: 'All figures in the text format of Prometheus. EMQ has no such request.',
    answer: text('text format 0.0.4', 'shardmq_clients 2\n'),
    answerType: PROMETHEUS_TYPE,
    handle: async ({ broker }) => new RawAnswer(PROMETHEUS_TYPE, await prometheusPage(broker)),
  }),
  endpoint({
    method: 'GET',
    path: 'monitoring/nodes',
    about: 'Memory, load and clients of all nodes.',
    answer: listOf(PROCESS_SCHEMA),
    handle: async ({ broker: { node, figures } }) => [emqProcess(node.name, await figures.process())],
  }),
  endpoint({
    method: 'GET',
    path: 'monitoring/nodes/{node}',
    about: 'Memory, load and clients of one node.',
    answer: PROCESS_SCHEMA,
    handle: async ({ broker: { node, figures } }) => emqProcess(node.name, await figures.process()),
  }),
  endpoint({
    method: 'GET',
    path: 'monitoring/listeners',
    about: 'Listeners of all nodes, the oldest first.',
    answer: byNodeSchema(listOf(LISTENER_SCHEMA)),
    handle: ({ broker: { node, figures } }) => ({ [node.name]: figures.listeners().map(emqListener) }),
  }),
  endpoint({
    method: 'GET',
    path: 'monitoring/listeners/{node}',
    about: 'Listeners of one node, the newest first.',
    answer: listOf(LISTENER_SCHEMA),
    handle: ({ broker: { figures } }) => figures.listeners().map(emqListener).reverse(),
  }),
  endpoint({
    method: 'GET',
    path: 'monitoring/metrics',
    about: 'Counters since start, added up over all nodes.',
    answer: METRICS_SCHEMA,
    handle: async ({ broker: { figures } }) => emqMetrics(await figures.metrics()),
  }),
  endpoint({
    method: 'GET',
    path: 'monitoring/metrics/{node}',
    about: 'Counters of one node since start.',
    answer: METRICS_SCHEMA,
    handle: async ({ broker: { figures } }) => emqMetrics(await figures.metrics()),
  }),
  endpoint({
    method: 'GET',
    path: 'monitoring/stats',
    about: 'How many clients, sessions, subscriptions and so on there are, and the most there were.',
    answer: listOf(byNodeSchema(STATS_SCHEMA)),
    handle: async ({ broker: { node, figures } }) => [{ [node.name]: await figures.stats() }],
  }),
  endpoint({
    method: 'GET',
    path: 'monitoring/stats/{node}',
    about: 'The same of one node.',
    answer: STATS_SCHEMA,
    handle: ({ broker: { figures } }) => figures.stats(),
  }),
];

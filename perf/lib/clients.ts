/** One thread's share of a scenario's clients: who they are and what they want. Runs on the generator's threads. */
import type { FlowScenario, IdleScenario, StormScenario } from '../scenarios/scenario.js';
import { type FilterList, filterSet, listed } from './filter-set.js';
import type { ClientIds } from './owner.js';
import { Publisher } from './publisher.js';

/** What this kind of thread plays. */
export type PlainScenario = FlowScenario | StormScenario | IdleScenario;

/** One client; which of the three it is shows in the field that is set. */
export interface Client {
  readonly clientId: string;
  /** What it subscribes to; empty: nothing. */
  readonly filters: FilterList;
  readonly publisher: Publisher | null;
  /** Sequence number received last from each publisher. */
  readonly lastSequences: Uint32Array | null;
  openedMs: number;
  /** How many of its filters it has subscribed to. */
  subscribed: number;
}

/** One of `threads` threads. */
export interface Share {
  readonly thread: number;
  readonly threads: number;
  /** Sets ClientIds and topics of one run apart from those of any other. */
  readonly runId: string;
  readonly ids: ClientIds;
}

export function clientsOf(scenario: PlainScenario, share: Share): Client[] {
  if (scenario.kind === 'flow') return flowClients(scenario, share);
  const { thread, threads, runId, ids } = share;
  const clients: Client[] = [];
  for (let i = thread; i < scenario.clients; i += threads) {
    const filters = scenario.kind === 'idle' ? [`${runId}/idle/${i}`] : [];
    clients.push({
      clientId: ids.id(`${runId}-c${i}`),
      filters: listed(filters),
      publisher: null,
      lastSequences: null,
      openedMs: 0,
      subscribed: 0,
    });
  }
  return clients;
}

function flowClients(scenario: FlowScenario, { thread, threads, runId, ids }: Share): Client[] {
  const clients: Client[] = [];
  // A single subscriber is the busiest client of all: it gets the last thread, and the publishers the others.
  const isAlone = scenario.subscribers === 1 && threads > 1;
  const publisherThreads = isAlone ? threads - 1 : threads;
  for (let i = 0; i < scenario.subscribers; i++) {
    const owner = isAlone ? threads - 1 : i % threads;
    if (owner !== thread) continue;
    clients.push({
      clientId: ids.id(`${runId}-s${i}`),
      filters: subscriptionsOf(scenario, runId, i),
      publisher: null,
      lastSequences: new Uint32Array(scenario.publishers),
      openedMs: 0,
      subscribed: 0,
    });
  }
  for (let i = 0; i < scenario.publishers; i++) {
    if (i % publisherThreads !== thread) continue;
    clients.push({
      clientId: ids.id(`${runId}-p${i}`),
      filters: listed([]),
      publisher: new Publisher(scenario, i, runId),
      lastSequences: null,
      openedMs: 0,
      subscribed: 0,
    });
  }
  return clients;
}

function subscriptionsOf(scenario: FlowScenario, runId: string, subscriber: number): FilterList {
  const { topology, filters } = scenario;
  if (filters !== undefined) return filterSet(filters.kind, runId, subscriber, filters.perSubscriber);
  if (topology === 'pairs') return listed([`${runId}/m/${subscriber}/+`]);
  return listed([topology === 'share' ? `$share/group/${runId}/m/+/+` : `${runId}/m/+/+`]);
}

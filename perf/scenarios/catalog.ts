/** All scenarios, in the order in which they are run and shown. */
import { away } from './away.js';
import { connections } from './connections.js';
import { day } from './day.js';
import { durable } from './durable.js';
import { fan } from './fan.js';
import { filters } from './filters.js';
import { latency } from './latency.js';
import { listing } from './listing.js';
import { newcomers } from './newcomers.js';
import { pairs } from './pairs.js';
import { relayed } from './relayed.js';
import { retained } from './retained.js';
import type { AnyScenario, Family } from './scenario.js';
import { shared } from './shared.js';

export const FAMILIES: readonly Family[] = [
  pairs,
  fan,
  shared,
  retained,
  filters,
  latency,
  newcomers,
  durable,
  away,
  relayed,
  connections,
  day,
  listing,
];

export const SCENARIOS: readonly AnyScenario[] = FAMILIES.flatMap((family) => family.scenarios);

/**
 * What a run without arguments measures: the ways in which messages meet subscribers, at every QoS, none of them bound
 * to a rate or to a disk.
 */
export const BASKET: readonly AnyScenario[] = [
  ...['pairs', 'bursts', 'pairs-1k', 'topics', 'fan-out-100', 'fan-out-1000', 'fan-in'],
  ...['pairs-qos1', 'fan-out-qos1', 'share-qos1', 'pairs-qos2'],
].map((name) => SCENARIOS.find((scenario) => scenario.name === name)!);

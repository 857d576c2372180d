/** The figures of one run, from what was read when it began and when it ended. On the generator's main thread. */
import type { Scenario } from '../scenarios/scenario.js';
import { CONTROL, type Counters, STAT } from './counters.js';
import { processUsage, stolenMs } from './cpu.js';
import { percentileMs } from './histogram.js';
import { nowMs } from './load-clock.js';
import type { LoopFigures } from './loop-watch.js';

/** Busiest thread's share of its time above which a run says more about the generator than about the broker. */
const GENERATOR_BOUND_SHARE = 0.9;

/**
 * The figures of one run. In scenarios of connections, operations are connects; where receivers are away, messages that
 * the broker has acknowledged; otherwise deliveries.
 */
export interface RunResult {
  readonly scenario: string;
  readonly title: string;
  readonly kind: Scenario['kind'];
  readonly seconds: number;
  readonly operations: number;
  readonly perSecond: number;
  readonly cpuUsPerOperation: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly misordered: number;
  /** Connections that the broker ended. */
  readonly closed: number;
  readonly rssBytes: number;
  /** Memory that the scenario's clients have added, by client; only of idle ones. */
  readonly bytesPerClient: number;
  /** The broker's use of one core. */
  readonly brokerCores: number;
  /** Busiest generator thread's CPU time by elapsed time. */
  readonly generatorShare: number;
  readonly isGeneratorBound: boolean;
  /** Newcomers per second, and the time from the first one's start to the last one's CONNACK; 0 without any. */
  readonly newcomersPerSecond: number;
  readonly newcomersRoundMs: number;
  /** Deliveries per second to those who were away, from the moment when they come back; 0 without any. */
  readonly broughtPerSecond: number;
  /** How late the worst shard's loop was, garbage collection included; null where nobody has looked. */
  readonly loopDelay: LoopFigures | null;
  /** Of a bare accept-and-hand-over loop just before, in connect storms; 0: not measured. */
  readonly barePerSecond: number;
  /** From the start of the first client until all were connected and subscribed. */
  readonly readyMs: number;
  /** Before it, as fast as it went; 0 where the rate is none of that. */
  readonly maximumPerSecond: number;
  /** On the disk when all was over, where sessions are persistent. */
  readonly storedBytes: number;
  /** What the store was given; null where nobody has asked. */
  readonly commits: CommitFigures | null;
  /** Share of the deliveries whose message came from another shard; null where nobody has asked. */
  readonly crossedShare: number | null;
  /** Core seconds per second that the hypervisor gave to others. */
  readonly stolenCores: number;
}

/** What was committed while a run was measured. */
export interface CommitFigures {
  readonly perSecond: number;
  /** Messages of QoS 1 and 2 that came meanwhile. */
  readonly messagesPerCommit: number;
  /** Bytes of rows by message. */
  readonly bytesPerMessage: number;
}

/** Everything that is read at the beginning and at the end of what is measured. */
export interface Reading {
  readonly atMs: number;
  readonly deliveries: number;
  readonly connects: number;
  readonly acknowledged: number;
  readonly brokerCpuMs: number;
  readonly rssBytes: number;
  readonly threadCpuMs: readonly number[];
  readonly stolenMs: number;
  readonly latencies: Float64Array;
}

export function newcomersOf(scenario: Scenario): number {
  return scenario.kind === 'flow' ? (scenario.newcomers ?? 0) : 0;
}

export function read(counters: Counters, pid: number): Reading {
  const usage = processUsage(pid);
  return {
    atMs: nowMs(),
    deliveries: counters.sum(STAT.deliveries),
    connects: counters.sum(STAT.connects),
    acknowledged: counters.sum(STAT.acknowledged),
    brokerCpuMs: usage.cpuMs,
    rssBytes: usage.rssBytes,
    threadCpuMs: counters.threads.map((thread) => thread.stats[STAT.cpuMs]!),
    stolenMs: stolenMs(),
    latencies: counters.latencies(),
  };
}

function countedBy(scenario: Scenario): 'connects' | 'acknowledged' | 'deliveries' {
  if (scenario.kind === 'storm' || scenario.kind === 'idle') return 'connects';
  return scenario.kind === 'flow' && scenario.isAway === true ? 'acknowledged' : 'deliveries';
}

export function figures(
  scenario: Scenario,
  counters: Counters,
  from: Reading,
  to: Reading,
  lost: number,
  loadThreads: number,
): RunResult {
  const elapsedMs = to.atMs - from.atMs;
  const counted = countedBy(scenario);
  const operations = to[counted] - from[counted];
  const latencies = to.latencies.map((count, bucket) => count - from.latencies[bucket]!);
  // Newcomers keep their thread busy, and are not what is measured.
  const shares = to.threadCpuMs.map((ms, i) => (ms - from.threadCpuMs[i]!) / elapsedMs);
  const generatorShare = Math.max(...shares.slice(0, loadThreads));
  const cpuMs = to.brokerCpuMs - from.brokerCpuMs;
  return {
    scenario: scenario.name,
    title: scenario.title,
    kind: scenario.kind,
    seconds: elapsedMs / 1000,
    operations,
    perSecond: (operations * 1000) / elapsedMs,
    cpuUsPerOperation: operations > 0 ? (cpuMs * 1000) / operations : 0,
    p50Ms: percentileMs(latencies, 0.5),
    p99Ms: percentileMs(latencies, 0.99),
    p999Ms: percentileMs(latencies, 0.999),
    lost,
    duplicates: counters.sum(STAT.duplicates),
    misordered: counters.sum(STAT.misordered),
    closed: Atomics.load(counters.control, CONTROL.closed),
    rssBytes: to.rssBytes,
    bytesPerClient: 0,
    brokerCores: cpuMs / elapsedMs,
    generatorShare,
    isGeneratorBound: generatorShare > GENERATOR_BOUND_SHARE,
    newcomersPerSecond: newcomersOf(scenario) > 0 ? ((to.connects - from.connects) * 1000) / elapsedMs : 0,
    newcomersRoundMs: counters.sum(STAT.roundsMs) / Math.max(1, counters.sum(STAT.rounds)),
    broughtPerSecond: 0,
    loopDelay: null,
    barePerSecond: 0,
    readyMs: 0,
    maximumPerSecond: 0,
    storedBytes: 0,
    commits: null,
    crossedShare: null,
    stolenCores: (to.stolenMs - from.stolenMs) / elapsedMs,
  };
}

/**
 * What idle clients cost: memory by what they have added once all are `connected`, CPU while nothing happens, from
 * `middle` on: the collector tidies up after the connects before.
 */
export function idleFigures(
  clients: number,
  before: Reading,
  connected: Reading,
  middle: Reading,
  last: Reading,
): Partial<RunResult> {
  return {
    rssBytes: connected.rssBytes,
    bytesPerClient: (connected.rssBytes - before.rssBytes) / clients,
    brokerCores: (last.brokerCpuMs - middle.brokerCpuMs) / (last.atMs - middle.atMs),
  };
}

/** @returns what is wrong with a run's deliveries, or null. */
export function faultOf(result: RunResult): string | null {
  const faults = (['lost', 'duplicates', 'misordered', 'closed'] as const)
    .filter((key) => result[key] > 0)
    .map((key) => `${key} ${result[key]}`);
  if (result.operations === 0) faults.push('nothing arrived');
  return faults.length > 0 ? faults.join(', ') : null;
}

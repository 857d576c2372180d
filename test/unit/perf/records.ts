/** Lines of results that nobody has measured. */
import type { Gap, RunRecord } from '../../../perf/lib/record.js';

export function record(changes: Partial<RunRecord> = {}): RunRecord {
  return {
    ...{ at: '2026-01-02T03:04:05.678Z', label: 'shardmq, 1 shard', round: 1, load: 0.5 },
    machine: { node: 'v20.0.0', platform: 'linux x64', cpu: 'some <CPU>', cores: 4, revision: 'abc1234' },
    ...{ broker: 'shardmq', shards: 1, transport: 'tcp', owner: 'any', level: null, key: 'ecdsa' },
    ...{ scenario: 'pairs', title: 'pairs & more', kind: 'flow', seconds: 1, operations: 1000 },
    ...{ perSecond: 1000, cpuUsPerOperation: 2, p50Ms: 1, p99Ms: 5, p999Ms: 9 },
    ...{ lost: 0, duplicates: 0, misordered: 0, closed: 0, rssBytes: 2 ** 27, bytesPerClient: 0 },
    ...{ brokerCores: 0.5, generatorShare: 0.4, isGeneratorBound: false },
    ...{ newcomersPerSecond: 0, newcomersRoundMs: 0, broughtPerSecond: 0, readyMs: 10, maximumPerSecond: 0 },
    ...{ storedBytes: 0, commits: null, crossedShare: null, loopDelay: null, barePerSecond: 0 },
    ...{ stolenCores: 0, fault: null },
    ...changes,
  };
}

/** A run without figures. */
export function gap(changes: Partial<Gap> = {}): Gap {
  const { at, label, round, load, machine, broker, shards, transport, owner, level, key, scenario, title } =
    record();
  const circumstances = { at, label, round, load, machine, broker, shards, transport, owner, level, key };
  return { ...circumstances, scenario, title, kind: 'gap', why: 'cannot', isFailure: false, ...changes };
}

/** Two entrants of ours and a peer, two rounds; the peer cannot do the second scenario. */
export const LINES = [1, 2].flatMap((round) => [
  record({ round, perSecond: 1000 * round }),
  record({ round, label: 'shardmq, 2 shards', shards: 2, perSecond: 3000, crossedShare: 0.5 }),
  record({
    round,
    label: 'peer 1',
    broker: 'peer',
    shards: 0,
    perSecond: 500,
    isGeneratorBound: round === 1,
  }),
  record({ round, scenario: 'share', title: 'shared' }),
  record({ round, scenario: 'share', title: 'shared', label: 'shardmq, 2 shards', shards: 2 }),
  gap({ round, scenario: 'share', title: 'shared', label: 'peer 1', broker: 'peer', shards: 0 }),
]);

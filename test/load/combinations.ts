/** The loads under which no message may be lost, repeated, misordered, nor a connection closed. */
import type { FlowScenario } from '../../perf/scenarios/scenario.js';

type Load = Pick<
  FlowScenario,
  'name' | 'topology' | 'publishers' | 'subscribers' | 'burst' | 'window' | 'topics'
>;

const LOADS: readonly Load[] = [
  { name: 'pairs', topology: 'pairs', publishers: 20, subscribers: 20, burst: 1, window: 100, topics: 1 },
  { name: 'bursts', topology: 'pairs', publishers: 20, subscribers: 20, burst: 10, window: 100, topics: 50 },
  { name: 'fan-out', topology: 'all', publishers: 1, subscribers: 50, burst: 1, window: 50, topics: 1 },
  { name: 'fan-in', topology: 'all', publishers: 20, subscribers: 1, burst: 1, window: 50, topics: 1 },
  { name: 'all to all', topology: 'all', publishers: 5, subscribers: 10, burst: 5, window: 50, topics: 5 },
  { name: 'share', topology: 'share', publishers: 10, subscribers: 5, burst: 1, window: 100, topics: 1 },
];

export const SHARD_COUNTS = [1, 2, 3] as const;

/** Every load at every QoS. */
export const COMBINATIONS: readonly FlowScenario[] = LOADS.flatMap((load) =>
  ([0, 1, 2] as const).map(
    (qos): FlowScenario => ({
      ...load,
      kind: 'flow',
      qos,
      title: `${load.name} at QoS ${qos}`,
      payloadBytes: 64,
      ratePerSecond: 0,
    }),
  ),
);

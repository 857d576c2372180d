/** The brokers that the ledger kills: each level, one shard and several, the process and its threads. */
import type { RunChoice } from './run.js';

export type Variant = Pick<RunChoice, 'level' | 'shards' | 'deaths' | 'isSlow' | 'isReshared'> & {
  /** As a test's title says it. */
  readonly title: string;
  /** `npm test` has it as well. */
  readonly isInTests?: boolean;
};

export const VARIANTS: readonly Variant[] = [
  {
    title: 'the process is killed, with three shards at level process',
    ...{ level: 'process', shards: 3, deaths: 'process', isInTests: true },
  },
  {
    title: 'the process is killed, with one shard at level process',
    ...{ level: 'process', shards: 1, deaths: 'process' },
  },
  {
    title: 'the process is killed, with three shards at level disk',
    ...{ level: 'disk', shards: 3, deaths: 'process' },
  },
  {
    title: 'the process is killed, with one shard at level disk',
    ...{ level: 'disk', shards: 1, deaths: 'process', isInTests: true },
  },
  {
    title: 'threads are killed, and the process too, while commits take long, with three shards',
    ...{ level: 'process', shards: 3, deaths: 'threads', isSlow: true, isInTests: true },
  },
  {
    title: 'threads are killed, and the process too, with three shards',
    ...{ level: 'process', shards: 3, deaths: 'threads' },
  },
  {
    title: 'threads are killed, and the process too, while commits take long, with one shard',
    ...{ level: 'process', shards: 1, deaths: 'threads', isSlow: true },
  },
  {
    title: 'the process is killed, and starts with another number of shards',
    ...{ level: 'process', shards: 3, deaths: 'process', isReshared: true, isInTests: true },
  },
];

/** A tree of a million filters, most with wildcards; hardly a topic is seen twice, so that no cache helps. */
import { type Family, PAIRS } from './scenario.js';

const MILLION = { ...PAIRS, publishers: 100, subscribers: 100, window: 50 } as const;

export const filters: Family = {
  name: 'filters',
  about: '100 subscribers with 10,000 filters each; their publishers publish to what matches one of them',
  scenarios: [
    {
      ...MILLION,
      name: 'filters-1m',
      title: '1 million filters of devices, QoS 0',
      filters: { kind: 'device', perSubscriber: 10_000 },
    },
    {
      ...MILLION,
      name: 'filters-1m-random',
      title: '1 million filters, random +, QoS 0',
      filters: { kind: 'random', perSubscriber: 10_000 },
    },
  ],
};

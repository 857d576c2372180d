/** How long a message takes when the broker could do more. */
import { type Family, PAIRS } from './scenario.js';

export const latency: Family = {
  name: 'latency',
  about: 'pairs at a fixed rate: how long a message takes when the broker could do more',
  scenarios: [
    {
      ...PAIRS,
      name: 'rate-20k',
      title: 'latency at 20,000 a second, QoS 0',
      ratePerSecond: 20_000,
    },
    { ...PAIRS, name: 'half-load', title: 'latency at half the maximum, QoS 0', shareOfMaximum: 0.5 },
    {
      ...PAIRS,
      name: 'half-load-qos1',
      title: 'latency at half the maximum, QoS 1',
      qos: 1,
      shareOfMaximum: 0.5,
    },
  ],
};

/** Each publisher has a subscriber of its own: what one message costs on its way through. */
import { type Family, PAIRS } from './scenario.js';

export const pairs: Family = {
  name: 'pairs-all',
  about: '50 publishers, each with a subscriber of its own',
  scenarios: [
    { ...PAIRS, name: 'pairs', title: 'pairs, 50 to 50, QoS 0' },
    { ...PAIRS, name: 'bursts', title: 'pairs in bursts of 10, QoS 0', burst: 10 },
    { ...PAIRS, name: 'pairs-1k', title: 'pairs, 1 KiB, QoS 0', payloadBytes: 1_024 },
    { ...PAIRS, name: 'topics', title: 'pairs, 1,000 topics each, QoS 0', topics: 1_000 },
    { ...PAIRS, name: 'pairs-qos1', title: 'pairs, 50 to 50, QoS 1', qos: 1 },
    { ...PAIRS, name: 'pairs-qos2', title: 'pairs, 50 to 50, QoS 2', qos: 2 },
  ],
};

/** Sessions that outlive their connections: what is acknowledged has been stored. */
import { type Family, type FlowScenario, PAIRS } from './scenario.js';

const DURABLE = { ...PAIRS, qos: 1, isPersistent: true } as const;

/** So few messages are on their way that a commit holds no more of them. */
function few(clients: number): Pick<FlowScenario, 'publishers' | 'subscribers' | 'window'> {
  return { publishers: clients, subscribers: clients, window: 1 };
}

export const durable: Family = {
  name: 'durable-all',
  about: 'pairs whose sessions are persistent, connected all the time',
  scenarios: [
    { ...DURABLE, name: 'durable', title: 'persistent sessions, pairs, QoS 1' },
    { ...DURABLE, name: 'durable-10', title: 'persistent sessions, 10 pairs, window 1', ...few(10) },
    { ...DURABLE, name: 'durable-1', title: 'persistent sessions, 1 pair, window 1', ...few(1) },
    { ...DURABLE, name: 'durable-bursts', title: 'persistent sessions, bursts of 10, QoS 1', burst: 10 },
    { ...DURABLE, name: 'durable-qos2', title: 'persistent sessions, pairs, QoS 2', qos: 2 },
  ],
};

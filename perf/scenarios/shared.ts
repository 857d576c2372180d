/** A group of subscribers shares the messages: each goes to one of them. */
import { type Family, FLOW } from './scenario.js';

const SHARED = { ...FLOW, topology: 'share', publishers: 20, subscribers: 10 } as const;

export const shared: Family = {
  name: 'share',
  about: 'back ends share the work: a shared subscription',
  scenarios: [
    { ...SHARED, name: 'share-qos0', title: 'shared subscription 20 to 10, QoS 0' },
    { ...SHARED, name: 'share-qos1', title: 'shared subscription 20 to 10, QoS 1', qos: 1 },
  ],
};

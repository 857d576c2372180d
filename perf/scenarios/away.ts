/** Messages wait for persistent subscribers that are away, and are brought to them when they come back. */
import { type Family, PAIRS } from './scenario.js';

const AWAY = { ...PAIRS, qos: 1, isPersistent: true, isAway: true } as const;

export const away: Family = {
  name: 'away-all',
  about: 'offline queueing: subscribers are away while messages are published, then come back',
  scenarios: [
    { ...AWAY, name: 'away', title: 'clients away, pairs, QoS 1' },
    { ...AWAY, name: 'away-bursts', title: 'clients away, bursts of 10, QoS 1', burst: 10 },
    { ...AWAY, name: 'away-qos2', title: 'clients away, pairs, QoS 2', qos: 2 },
    {
      ...AWAY,
      name: 'away-1000',
      title: '1 KiB to 1,000 who are away, QoS 1',
      topology: 'all',
      publishers: 1,
      subscribers: 1_000,
      payloadBytes: 1_024,
      window: 10,
      ratePerSecond: 500,
    },
  ],
};

/** Whether those who are in notice that a thousand others come. */
import { type Family, PAIRS } from './scenario.js';

const BESIDE_NEWCOMERS = {
  ...PAIRS,
  publishers: 20,
  subscribers: 20,
  ratePerSecond: 5_000,
  newcomers: 1_000,
} as const;

const LOGINS = { ...BESIDE_NEWCOMERS, qos: 1, isPersistent: true } as const;

export const newcomers: Family = {
  name: 'newcomers',
  about: '20 pairs at 5,000 messages a second, while 1,000 clients connect at once, again and again',
  scenarios: [
    { ...BESIDE_NEWCOMERS, name: 'handshakes', title: 'latency while 1,000 connect at once' },
    { ...LOGINS, name: 'logins', title: 'QoS 1 while 1,000 log in by password', login: 'password' },
    { ...LOGINS, name: 'slow-logins', title: 'QoS 1 while 1,000 log in within 500 ms', login: 'slow' },
  ],
};

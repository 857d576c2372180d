/** Subscribers come and get what was retained. */
import type { Family } from './scenario.js';

export const retained: Family = {
  name: 'retained',
  about: '20 clients subscribe to 1,000 retained messages, get them, and do it again',
  scenarios: [
    {
      kind: 'retained',
      name: 'retained-replay',
      title: 'retained replay, 1,000 to each of 20',
      clients: 20,
      messages: 1_000,
      payloadBytes: 64,
    },
  ],
};

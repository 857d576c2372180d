/** What connections cost: making them, and having them. */
import type { Family } from './scenario.js';

export const connections: Family = {
  name: 'connections',
  about: 'clients that connect and leave again, and clients that stay and do nothing',
  scenarios: [
    { kind: 'storm', name: 'storm', title: 'connect storm, 64 at a time', clients: 64 },
    { kind: 'idle', name: 'idle', title: '10,000 idle clients', clients: 10_000 },
  ],
};

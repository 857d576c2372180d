/** TLS and WebSocket end on one shard, and the session lies on another: every byte is relayed, both ways. */
import { type Family, PAIRS } from './scenario.js';

const RELAYED = { ...PAIRS, owner: 'other' } as const;

export const relayed: Family = {
  name: 'relayed',
  about: 'TLS and WebSocket that end on another shard than the one that has the session; needs two shards',
  scenarios: [
    { ...RELAYED, name: 'ssl-relayed', title: 'pairs over TLS, relayed, QoS 0', transport: 'ssl' },
    { ...RELAYED, name: 'ws-relayed', title: 'pairs over WebSocket, relayed, QoS 0', transport: 'ws' },
    {
      ...RELAYED,
      name: 'wss-relayed-qos1',
      title: 'pairs over wss, relayed, QoS 1',
      transport: 'wss',
      qos: 1,
    },
  ],
};

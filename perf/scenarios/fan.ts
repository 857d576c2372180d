/** One publisher for many subscribers, and many for one. */
import { type Family, FLOW } from './scenario.js';

const FAN_OUT = { ...FLOW, topology: 'all', publishers: 1, subscribers: 100 } as const;
const FAN_IN = { ...FLOW, topology: 'all', publishers: 50, subscribers: 1 } as const;

export const fan: Family = {
  name: 'fan',
  about: 'one publisher and many subscribers, or the other way round',
  scenarios: [
    { ...FAN_OUT, name: 'fan-out-100', title: 'fan-out 1 to 100, QoS 0' },
    { ...FAN_OUT, name: 'fan-out-1000', title: 'fan-out 1 to 1,000, QoS 0', subscribers: 1_000 },
    { ...FAN_OUT, name: 'fan-out-qos1', title: 'fan-out 1 to 100, QoS 1', qos: 1 },
    { ...FAN_IN, name: 'fan-in', title: 'fan-in 50 to 1, QoS 0' },
  ],
};

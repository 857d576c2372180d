/** `alarms`: what is wrong now. Main thread. */
import { ALARMS_SCHEMA, emqAlarm } from '../emq/monitoring.js';
import { endpoint } from '../endpoint.js';

export const alarmEndpoints = [
  endpoint({
    method: 'GET',
    path: 'nodes/{node}/alarms',
    about: 'Alarms of a node that are active, the newest first.',
    answer: ALARMS_SCHEMA,
    handle: ({ broker: { figures } }) => figures.alarms().map(emqAlarm).reverse(),
  }),
];

/** A broker in which there is something of everything that the API lists. */
import type { RunningBroker } from '../../src/broker.js';
import { type TestBrokerOptions, until } from '../helpers/with-broker.js';
import { client } from './lists.js';

export const CLIENT = 'mqttjs_722b4d845f';
/** Connected, with a session that stays. */
export const LASTING = 'räksmörgås/1';
export const ABSENT = 'absent';
export const TOPIC = '/World';

export const POPULATED: TestBrokerOptions = {
  config: { 'mqtt.mqueue.max_length': 5, 'mqtt.broker.sys_interval': '1h' },
};

/** Two connected clients, an absent one whose queue is nearly full (an alarm), a retained message, routes. */
export async function populate(broker: RunningBroker): Promise<void> {
  const first = await client(broker, CLIENT);
  await first.subscribe([
    [TOPIC, 0],
    ['$share/g/shared', 1],
  ]);
  const second = await client(broker, LASTING, { username: 'ann', clean: false }, 5);
  await second.subscribe([['$local/here', 2]]);
  const absent = await client(broker, ABSENT, { clean: false });
  await absent.subscribe([['waiting', 1]]);
  await absent.disconnect();
  await first.publish({ topic: 'kept', payload: 'retained', qos: 1, retain: true });
  for (let n = 0; n < 4; n++) await first.publish({ topic: 'waiting', payload: 'm', qos: 1 });
  await until(() => broker.alarms().length === 1, 'the alarm of the queue');
}

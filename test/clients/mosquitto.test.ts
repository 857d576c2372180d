/** The clients of Mosquitto, both versions, through the broker. */
import { mosquitto } from './mosquitto.js';
import { testClientKinds } from './suite.js';

testClientKinds([
  mosquitto('mqttv311'),
  mosquitto('mqttv5'),
  mosquitto('mqttv311', 'unix'),
  mosquitto('mqttv311', 'ssl'),
  mosquitto('mqttv5', 'ssl'),
]);

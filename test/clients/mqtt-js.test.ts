/** MQTT.js, both versions, through the broker. */
import { mqttJs } from './mqtt-js.js';
import { testClientKinds } from './suite.js';

testClientKinds((['tcp', 'ssl', 'ws', 'wss'] as const).flatMap((over) => [mqttJs(4, over), mqttJs(5, over)]));

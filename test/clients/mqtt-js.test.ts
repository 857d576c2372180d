/** MQTT.js, both versions, through the broker. */
import { mqttJs } from './mqtt-js.js';
import { testClientKinds } from './suite.js';

testClientKinds([mqttJs(4), mqttJs(5)]);

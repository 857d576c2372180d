/** Paho for Python, both versions, through the broker. */
import { paho } from './paho.js';
import { testClientKinds } from './suite.js';

testClientKinds([paho('3.1.1'), paho('5'), paho('5', 'ssl'), paho('3.1.1', 'ws'), paho('5', 'wss')]);

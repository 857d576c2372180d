/** One message through the broker on the port that is given, with MQTT.js: subscribe, publish, receive, within 10 s. */
import { connectAsync } from 'mqtt';

const port = process.argv[2];
const deadline = setTimeout(() => {
  process.stderr.write('no message came back within 10 s\n');
  process.exit(1);
}, 10_000);

const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion: 5 });
const arrived = new Promise((resolve) => {
  client.once('message', (_topic, payload) => resolve(payload.toString()));
});
await client.subscribeAsync('smoke/+', { qos: 1 });
await client.publishAsync('smoke/test', 'hello', { qos: 1 });
if ((await arrived) !== 'hello') throw new Error('another message came back');
await client.endAsync();
clearTimeout(deadline);

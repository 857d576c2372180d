/** A broker inside a program of one's own: started, used through MQTT.js, stopped. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { startBroker } from 'shardmq';

const dataDir = await mkdtemp(join(tmpdir(), 'shardmq-example-'));
const broker = await startBroker({
  config: {
    'listener.tcp.external': '127.0.0.1:0',
    'listener.tcp.internal': 'off',
    'listener.ws.external': 'off',
    'listener.api.mgmt': 'off',
    'node.data_dir': dataDir,
  },
});
const { host, port } = broker.listeners[0]!;

const client = await connectAsync(`mqtt://${host}:${port}`, { protocolVersion: 5 });
const arrived = new Promise<string>((resolve) => {
  client.once('message', (topic, payload) => resolve(`${topic}: ${payload}`));
});
await client.subscribeAsync('greetings/+', { qos: 1 });
await client.publishAsync('greetings/world', 'hello', { qos: 1 });
process.stdout.write(`${await arrived}\n`);

await client.endAsync();
await broker.stop();
await rm(dataDir, { recursive: true });

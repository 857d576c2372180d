/** The README's examples of access and plugins, as they stand there. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import type { RunningBroker } from '../../src/broker.js';
import { addressOf, startTestBroker, type TestBrokerOptions, tempDirectory } from '../helpers/with-broker.js';

const page = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');

/** Writes the block that begins with the name of a file in a comment. */
function writeBlock(directory: string, name: string): string {
  const block = [...page.matchAll(/```\w+\n([\s\S]*?)```/g)].find(([, text]) =>
    text!.split('\n', 1)[0]!.includes(` ${name}`),
  );
  const path = join(directory, name);
  writeFileSync(path, block![1]!);
  return path;
}

function clientOf(broker: RunningBroker, options: IClientOptions = {}): Promise<MqttClient> {
  const { host, port } = addressOf(broker);
  return connectAsync(`mqtt://${host}:${port}`, { protocolVersion: 5, reconnectPeriod: 0, ...options });
}

test('the user of the README gets in with the password only, and does what the rules allow', async (t) => {
  const directory = tempDirectory();
  // As `shardmq plugins load emq_auth_username` leaves it.
  writeFileSync(join(directory, 'loaded_plugins'), 'emq_recon.\nemq_modules.\nemq_auth_username.\n');
  const configFile = writeBlock(directory, 'secure.yaml');
  const rules = writeBlock(directory, 'acl.conf');
  const options: TestBrokerOptions = { configFile, set: [`mqtt.acl_file=${rules}`] };
  const broker = await startTestBroker(options, directory);
  t.teardown(() => broker.stop());
  await t.throwsAsync(clientOf(broker), { message: /Bad User Name or Password/i });
  await t.throwsAsync(clientOf(broker, { username: 'ann', password: 'wrong' }), {
    message: /Bad User Name or Password/i,
  });
  const ann = await clientOf(broker, { username: 'ann', password: 'secret' });
  const heard = new Promise<string>((resolve) => ann.once('message', (topic) => resolve(topic)));
  await ann.subscribeAsync('demo/#', { qos: 1 });
  await t.throwsAsync(ann.subscribeAsync('other/#'));
  await t.throwsAsync(ann.publishAsync('demo/bob/hello', '', { qos: 1 }), { message: /Not authorized/i });
  await ann.publishAsync('demo/ann/hello', 'it is me', { qos: 1 });
  t.is(await heard, 'demo/ann/hello');
  await ann.endAsync();
});

test('the plugin of the README says what time it is', async (t) => {
  const directory = tempDirectory();
  const broker = await startTestBroker({ plugins: [writeBlock(directory, 'clock.mjs')] }, directory);
  t.teardown(() => broker.stop());
  const client = await clientOf(broker);
  const heard = new Promise<string>((resolve) => {
    client.once('message', (_topic, payload) => resolve(payload.toString()));
  });
  await client.subscribeAsync('clock');
  t.false(Number.isNaN(Date.parse(await heard)));
  await client.endAsync();
});

/** Brokers with the probe, and a client that asks its parts. */
import type { ExecutionContext } from 'ava';
import { connectAsync, type MqttClient } from 'mqtt';
import type { RunningBroker } from '../../src/broker.js';
import {
  addressOf,
  NOT_KEPT,
  RecordingLogger,
  startTestBroker,
  type TestBrokerOptions,
  tempDirectory,
} from '../helpers/with-broker.js';

export const PROBE = new URL('./probe/plugin.js', import.meta.url);

export interface Scene {
  readonly broker: RunningBroker;
  readonly logger: RecordingLogger;
  readonly directory: string;
}

/** A broker that is stopped when the test is over. */
export async function brokerWith(
  t: ExecutionContext,
  options: TestBrokerOptions = {},
  directory = tempDirectory(),
): Promise<Scene> {
  const logger = new RecordingLogger();
  const config = { ...NOT_KEPT, ...options.config };
  const broker = await startTestBroker({ plugins: [PROBE], logger, ...options, config }, directory);
  t.teardown(() => broker.stop());
  return { broker, logger, directory };
}

/** Which plugins run. */
export function activeIn({ broker }: Scene): string[] {
  return broker.plugins
    .list()
    .filter(({ active }) => active)
    .map(({ name }) => name);
}

/** A client of the shard. */
export async function clientOf(t: ExecutionContext, { broker }: Scene, shard = 0): Promise<MqttClient> {
  let number = 0;
  while (broker.shardOf(`asking-${number}`) !== shard) number++;
  const { host, port } = addressOf(broker);
  const client = await connectAsync(`mqtt://${host}:${port}`, {
    clientId: `asking-${number}`,
    protocolVersion: 5,
    reconnectPeriod: 0,
  });
  t.teardown(() => client.end(true));
  await client.subscribeAsync('probe/answer/#', { qos: 1 });
  return client;
}

/** @returns the next payload in the topic, which is subscribed to. */
export function nextIn(client: MqttClient, topic: string): Promise<string> {
  return new Promise((resolve) => {
    const listen = (name: string, payload: Buffer): void => {
      if (name !== topic) return;
      client.off('message', listen);
      resolve(payload.toString());
    };
    client.on('message', listen);
  });
}

/** @returns what the probe's part in the client's shard answers. */
export async function ask(client: MqttClient, word: string): Promise<string> {
  const answer = nextIn(client, `probe/answer/${word}`);
  await client.publishAsync(`probe/ask/${word}`, '', { qos: 1 });
  return answer;
}

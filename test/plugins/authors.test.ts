/** Plugins are told who published what is delivered and acknowledged, also when another shard owns the publisher. */
import test, { type ExecutionContext } from 'ava';
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import type { RunningBroker } from '../../src/broker.js';
import type { Plugin } from '../../src/plugins/api.js';
import { clientIdOn } from '../helpers/client-ids.js';
import { addressOf, until } from '../helpers/with-broker.js';
import { brokerWith } from './asking.js';

interface Stage {
  readonly broker: RunningBroker;
  readonly told: readonly string[];
}

/** A broker of two shards with a plugin that notes what it is told. */
async function stageFor(t: ExecutionContext): Promise<Stage> {
  const told: string[] = [];
  const plugin: Plugin = {
    name: 'telling',
    description: 'Notes what it is told',
    shard: new URL('./telling/shard.js', import.meta.url),
    start: () => ({ onMessage: (line) => void told.push(String(line)) }),
  };
  const { broker } = await brokerWith(t, { plugins: [plugin] });
  return { broker, told };
}

async function open(
  t: ExecutionContext,
  { broker }: Stage,
  shard: number,
  name: string,
  options: IClientOptions = { username: `${name}'s` },
): Promise<MqttClient> {
  const { host, port } = addressOf(broker);
  const clientId = clientIdOn(broker, shard, name);
  const client = await connectAsync(`mqtt://${host}:${port}`, {
    clientId,
    protocolVersion: 5,
    reconnectPeriod: 0,
    ...options,
  });
  t.teardown(() => client.end(true));
  return client;
}

/** Waits until all of the lines have been told; no others in the same topics may be. */
async function expectTold(
  t: ExecutionContext,
  { told }: Stage,
  topic: RegExp,
  lines: string[],
): Promise<void> {
  const found = (): string[] => told.filter((line) => topic.test(line));
  await until(() => found().length >= lines.length, `${lines.length} lines of ${String(topic)}`);
  t.deepEqual(found().sort(), lines.sort());
}

const id = (client: MqttClient): string => client.options.clientId!;

for (const shard of [0, 1]) {
  const where = shard === 0 ? 'the same shard' : 'another shard';

  test.serial(`a message from ${where} has its publisher with every QoS`, async (t) => {
    const stage = await stageFor(t);
    const publisher = await open(t, stage, shard, 'publisher');
    const receiver = await open(t, stage, 0, 'receiver');
    await receiver.subscribeAsync('q/#', { qos: 2 });
    for (const qos of [0, 1, 2] as const) await publisher.publishAsync(`q/${qos}`, 'm', { qos });
    const pair = `${id(publisher)}/publisher's to ${id(receiver)}`;
    await expectTold(t, stage, / q\//, [
      ...[0, 1, 2].map((qos) => `delivered q/${qos} ${qos}: ${pair}`),
      ...[1, 2].map((qos) => `acked q/${qos} ${qos}: ${pair}`),
    ]);
  });

  test.serial(
    `a message from ${where} keeps its publisher while its receiver is away, and after a shared subscription chose`,
    async (t) => {
      const stage = await stageFor(t);
      const stays = { clean: false, properties: { sessionExpiryInterval: 60 } };
      const publisher = await open(t, stage, shard, 'publisher');
      const away = await open(t, stage, 0, 'away', stays);
      await away.subscribeAsync(['away/#', '$share/g/shared'], { qos: 2 });
      await away.endAsync();
      for (const qos of [0, 1, 2] as const) await publisher.publishAsync(`away/${qos}`, 'm', { qos });
      await publisher.publishAsync('shared', 'm', { qos: 1 });
      await publisher.endAsync();
      const back = await open(t, stage, 0, 'away', stays);
      const pair = `${id(publisher)}/publisher's to ${id(back)}`;
      await expectTold(t, stage, / (away\/[12]|shared) /, [
        ...[1, 2].flatMap((qos) =>
          ['delivered', 'acked'].map((what) => `${what} away/${qos} ${qos}: ${pair}`),
        ),
        ...['delivered', 'acked'].map((what) => `${what} shared 1: ${pair}`),
      ]);
    },
  );

  test.serial(`a will and retained messages from ${where} are of their client`, async (t) => {
    const stage = await stageFor(t);
    const receiver = await open(t, stage, 0, 'receiver');
    await receiver.subscribeAsync('will', { qos: 1 });
    const will = { topic: 'will', payload: Buffer.from('m'), qos: 1, retain: false } as const;
    // Without a user name.
    const publisher = await open(t, stage, shard, 'publisher', { will });
    // Some of the topics are owned by either shard.
    const topics = Array.from({ length: 8 }, (_, i) => `kept/${i}`);
    for (const topic of topics) await publisher.publishAsync(topic, 'm', { qos: 1, retain: true });
    publisher.stream.destroy();
    const pair = `${id(publisher)}/null to ${id(receiver)}`;
    await expectTold(t, stage, / will /, [`delivered will 1: ${pair}`, `acked will 1: ${pair}`]);
    await receiver.subscribeAsync('kept/+', { qos: 0 });
    await expectTold(
      t,
      stage,
      / kept\//,
      topics.map((topic) => `delivered ${topic} 0: ${pair}`),
    );
  });
}

test.serial('what the broker publishes is of nobody', async (t) => {
  const stage = await stageFor(t);
  const receiver = await open(t, stage, 0, 'receiver');
  await receiver.subscribeAsync('$SYS/brokers/+/clients/#');
  const other = await open(t, stage, 1, 'other');
  const topic = `$SYS/brokers/shardmq@127.0.0.1/clients/${id(other)}/connected`;
  await expectTold(t, stage, new RegExp(` .*/${id(other)}/connected `), [
    `delivered ${topic} 0: null/null to ${id(receiver)}`,
  ]);
});

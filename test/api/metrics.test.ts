/** Every metric by what a client has to do to raise it. */
import test, { type ExecutionContext } from 'ava';
import type { RunningBroker } from '../../src/broker.js';
import { METRICS, type MetricName } from '../../src/metrics/names.js';
import { type AskApi, asking } from '../helpers/api.js';
import { clientIdOn } from '../helpers/client-ids.js';
import type { RawClient } from '../helpers/raw-client.js';
import { advanceClock, startTestBroker, tempDirectory, until } from '../helpers/with-broker.js';
import { client } from './lists.js';

interface Cast {
  readonly broker: RunningBroker;
  /** On one shard. */
  readonly publisher: RawClient;
  /** On the other, subscribed to `topic`. */
  readonly subscriber: RawClient;
  readonly topic: string;
}

type Deed = (cast: Cast) => Promise<unknown>;
/** What to do, and by how much it raises the metric. */
type Rule = readonly [Deed, number];

let broker: RunningBroker;
let ask: AskApi;

test.before(async () => {
  const config = {
    'listener.api.mgmt': '127.0.0.1:0',
    'module.presence': 'off',
    'mqtt.broker.sys_interval': '1h',
    'mqtt.session.max_awaiting_rel': 2,
  };
  broker = await startTestBroker({ config }, tempDirectory());
  ask = asking(broker.apiPort);
});
test.after.always(() => broker.stop());

const passes =
  (qos: number): Deed =>
  async ({ publisher, subscriber, topic }) => {
    const sent = publisher.publish({ topic, payload: 'm', qos });
    await subscriber.receive('m');
    await sent;
  };
const unknownId =
  (type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp'): Deed =>
  async ({ subscriber }) => {
    subscriber.sendAck(type, 777);
    if (type === 'pubrec') await subscriber.expect('pubrel');
    if (type === 'pubrel') await subscriber.expect('pubcomp');
  };
const pings: Deed = ({ subscriber }) => subscriber.expectSilence();
const comesAndGoes: Deed = async ({ topic }) => (await client(broker, `${topic}-guest`)).disconnect();
const subscribes: Deed = ({ subscriber }) => subscriber.subscribe('another');
const unsubscribes: Deed = ({ subscriber }) => subscriber.unsubscribe('another');
const toNobody: Deed = ({ publisher, topic }) =>
  publisher.publish({ topic: `${topic}/nobody`, payload: 'm', qos: 1 });
const retains: Deed = ({ publisher, topic }) =>
  publisher.publish({ topic: `${topic}/kept`, payload: 'm', qos: 1, retain: true });
const neverReleases: Deed = async ({ publisher, topic }) => {
  publisher.sendPublish({ topic, payload: 'm', qos: 2, id: 9 });
  await publisher.expect('pubrec');
  await advanceClock(broker, 400_000);
};

const RULES: Readonly<Record<MetricName, Rule>> = {
  'bytes/received': [pings, 2],
  'bytes/sent': [pings, 2],
  'packets/received': [pings, 1],
  'packets/sent': [pings, 1],
  'packets/connect': [comesAndGoes, 1],
  'packets/connack': [comesAndGoes, 1],
  'packets/publish/received': [passes(0), 1],
  'packets/publish/sent': [passes(0), 1],
  'packets/puback/received': [passes(1), 1],
  'packets/puback/sent': [passes(1), 1],
  'packets/puback/missed': [unknownId('puback'), 1],
  'packets/pubrec/received': [passes(2), 1],
  'packets/pubrec/sent': [passes(2), 1],
  'packets/pubrec/missed': [unknownId('pubrec'), 1],
  'packets/pubrel/received': [passes(2), 1],
  'packets/pubrel/sent': [passes(2), 1],
  'packets/pubrel/missed': [unknownId('pubrel'), 1],
  'packets/pubcomp/received': [passes(2), 1],
  'packets/pubcomp/sent': [passes(2), 1],
  'packets/pubcomp/missed': [unknownId('pubcomp'), 1],
  'packets/subscribe': [subscribes, 1],
  'packets/suback': [subscribes, 1],
  'packets/unsubscribe': [unsubscribes, 1],
  'packets/unsuback': [unsubscribes, 1],
  'packets/pingreq': [pings, 1],
  'packets/pingresp': [pings, 1],
  'packets/disconnect': [comesAndGoes, 1],
  'messages/received': [passes(2), 1],
  'messages/sent': [passes(2), 1],
  'messages/qos0/received': [passes(0), 1],
  'messages/qos0/sent': [passes(0), 1],
  'messages/qos1/received': [passes(1), 1],
  'messages/qos1/sent': [passes(1), 1],
  'messages/qos2/received': [passes(2), 1],
  'messages/qos2/sent': [passes(2), 1],
  'messages/qos2/dropped': [neverReleases, 1],
  'messages/dropped': [toNobody, 1],
  'messages/retained': [retains, 1],
};

async function metricsNow(): Promise<Record<MetricName, number>> {
  return ((await ask('GET monitoring/metrics')).json as { result: Record<MetricName, number> }).result;
}

async function castOf(at: number): Promise<Cast> {
  const topic = `topic${at}`;
  const on = (shard: number, name: string): Promise<RawClient> =>
    client(broker, clientIdOn(broker, shard, `${name}${at}`));
  const [publisher, subscriber] = [await on(0, 'publisher'), await on(1, 'subscriber')];
  await subscriber.subscribe([[topic, 2]]);
  return { broker, publisher, subscriber, topic };
}

async function holds(t: ExecutionContext, name: MetricName, at: number): Promise<void> {
  const [deed, raise] = RULES[name];
  const cast = await castOf(at);
  const before = await metricsNow();
  await deed(cast);
  await until(async () => (await metricsNow())[name] >= before[name] + raise, name);
  t.is((await metricsNow())[name], before[name] + raise);
  cast.publisher.drop();
  cast.subscriber.drop();
}

for (const [at, name] of METRICS.entries())
  test.serial(`${name} counts what it says`, (t) => holds(t, name, at));

test.serial(
  'messages/retained follows the end of a message; nobody gets either, and both count as dropped',
  async (t) => {
    const { publisher, topic } = await castOf(100);
    const before = await metricsNow();
    const message = { topic: `${topic}/kept`, qos: 1, retain: true };
    await publisher.publish({ ...message, payload: 'm' });
    await until(
      async () => (await metricsNow())['messages/retained'] === before['messages/retained'] + 1,
      'it to be kept',
    );
    await publisher.publish({ ...message, payload: '' });
    await until(
      async () => (await metricsNow())['messages/retained'] === before['messages/retained'],
      'it to be gone',
    );
    t.is((await metricsNow())['messages/dropped'], before['messages/dropped'] + 2, 'nobody was subscribed');
    publisher.drop();
  },
);

import test from 'ava';
import { METRICS, STATS } from '../../src/metrics/names.js';
import { type AskApi, withApi } from '../helpers/api.js';
import { tempDirectory, until } from '../helpers/with-broker.js';
import { client, LOCAL_TIME, NODE } from './lists.js';

const NODE_DOWN = '{"code":101,"message":"nodedown"}';
type Json = Record<string, unknown>;

/** As in EMQ's answer. */
const IN_ORDER = [
  'packets/disconnect messages/dropped messages/qos2/received packets/suback',
  'packets/pubcomp/received packets/unsuback packets/pingresp packets/puback/missed',
  'packets/pingreq messages/retained packets/sent messages/qos2/dropped packets/unsubscribe',
  'packets/pubrec/missed packets/connack messages/received packets/pubrec/sent',
  'packets/publish/received packets/pubcomp/sent bytes/received packets/connect',
  'packets/puback/received messages/sent packets/publish/sent bytes/sent packets/pubrel/missed',
  'packets/puback/sent messages/qos0/received packets/subscribe packets/pubrel/sent',
  'messages/qos2/sent packets/received packets/pubrel/received messages/qos1/received',
  'messages/qos1/sent packets/pubrec/received packets/pubcomp/missed messages/qos0/sent',
].flatMap((line) => line.split(' '));

/** @returns `result`, after a look at the rest of the answer */
async function resultOf<T = Json>(ask: AskApi, what: string): Promise<T> {
  const { status, json } = await ask(`GET ${what}`);
  const { code, result, ...rest } = json as { code: number; result: T };
  if (status !== 200 || code !== 0 || Object.keys(rest).length > 0) throw new Error(JSON.stringify(json));
  return result;
}

test(
  'monitoring/nodes has EMQ’s keys in their order, with figures of this process',
  withApi({}, async (ask, broker, t) => {
    await client(broker, 'one');
    const nodes = await resultOf<Json[]>(ask, 'monitoring/nodes');
    t.is(nodes.length, 1);
    const { process_used: used, ...node } = nodes[0]!;
    t.deepEqual(Object.keys(nodes[0]!), [
      ...['name', 'otp_release', 'memory_total', 'memory_used', 'process_available', 'process_used'],
      ...['max_fds', 'clients', 'node_status', 'load1', 'load5', 'load15'],
    ]);
    t.like(node, { name: NODE, process_available: 262_144, clients: 1, node_status: 'Running' });
    t.regex(String(node['otp_release']), /^R\d+\/\d+\.\d+\.\d+/);
    for (const key of ['memory_total', 'memory_used']) t.regex(String(node[key]), /^\d+\.\d\d[MG]$/, key);
    for (const key of ['load1', 'load5', 'load15']) t.regex(String(node[key]), /^\d+\.\d\d$/, key);
    // A connection, its session, two shards, and the socket of this request.
    t.true(Number.isInteger(used) && (used as number) >= 5, `${used}`);
    t.true(Number.isInteger(node['max_fds']) && (node['max_fds'] as number) >= 256);
    const one = await resultOf(ask, `monitoring/nodes/${NODE}`);
    t.deepEqual(Object.keys(one), Object.keys(nodes[0]!));
    t.is(one['name'], NODE);
  }),
);

test(
  'the number of processes is rounded up to a power of two',
  withApi({ config: { 'node.process_limit': 65_536 } }, async (ask, _broker, t) => {
    t.is((await resultOf(ask, `monitoring/nodes/${NODE}`))['process_available'], 65_536);
  }),
);

test(
  'metrics are one flat object, the same for all nodes and for one',
  withApi({ config: { 'module.presence': 'off' } }, async (ask, broker, t) => {
    const publisher = await client(broker, 'one');
    await publisher.publish({ topic: 'nobody', payload: 'm', qos: 1 });
    await until(
      async () => (await resultOf(ask, 'monitoring/metrics'))['messages/dropped'] === 1,
      'the message',
    );
    const all = await resultOf(ask, 'monitoring/metrics/');
    t.deepEqual(Object.keys(all), IN_ORDER);
    t.deepEqual([...IN_ORDER].sort(), [...METRICS].sort());
    t.like(all, { 'packets/connect': 1, 'packets/puback/sent': 1, 'messages/qos1/received': 1 });
    t.deepEqual(await resultOf(ask, `monitoring/metrics/${NODE}`), all);
  }),
);

test(
  'statistics are sorted by name, as a list with one object by node, and flat for one node',
  withApi({ config: { 'mqtt.broker.sys_interval': '1h' } }, async (ask, broker, t) => {
    const subscriber = await client(broker, 'one');
    await subscriber.subscribe('a/b');
    const expected: Record<string, number> = Object.fromEntries(
      STATS.map((name) => [name, name.startsWith('retained') ? 0 : 1]),
    );
    await until(async () => {
      const stats = await resultOf(ask, `monitoring/stats/${NODE}`);
      return stats['routes/count'] === 1 && stats['clients/count'] === 1;
    }, 'the subscription');
    const one = await resultOf(ask, `monitoring/stats/${NODE}`);
    t.deepEqual(Object.entries(one), Object.entries(expected));
    t.deepEqual(await resultOf(ask, 'monitoring/stats'), [{ [NODE]: expected }]);
    await subscriber.disconnect();
    await until(
      async () => (await resultOf(ask, `monitoring/stats/${NODE}`))['clients/count'] === 0,
      'the client’s end',
    );
    t.like(await resultOf(ask, `monitoring/stats/${NODE}`), { 'clients/max': 1, 'subscriptions/max': 1 });
  }),
);

const socket = `${tempDirectory()}/mqtt.sock`;

test(
  'listeners are the oldest first by node, the newest first of one node',
  withApi(
    {
      config: {
        'listener.tcp.external': '127.0.0.1:0',
        'listener.tcp.external.max_clients': 1,
        'listener.tcp.all': 0,
        'listener.ws.external': '0.0.0.0:0',
        'listener.unix.local': socket,
      },
    },
    async (ask, broker, t) => {
      const read = async (): Promise<Json[]> =>
        (await resultOf<Record<string, Json[]>>(ask, 'monitoring/listeners'))[NODE]!;
      const untilEmpty = (): Promise<void> =>
        until(async () => (await read())[0]!['current_clients'] === 0, 'the end of all connections');
      await (await client(broker, 'orderly')).disconnect();
      await untilEmpty();
      t.deepEqual((await read())[0]!['shutdown_count'], [], 'whoever says goodbye is not counted');
      const mistaken = await client(broker, 'mistaken');
      await t.throwsAsync(client(broker, 'refused'));
      mistaken.send([0xc0, 1, 0]);
      await mistaken.expectClosed();
      await untilEmpty();
      const portOf = (protocol: string, name: string): number =>
        broker.listeners.find((each) => each.protocol === protocol && each.name === name)!.port;
      const expected = [
        {
          protocol: 'mqtt:tcp',
          listen: `127.0.0.1:${portOf('tcp', 'external')}`,
          acceptors: 16,
          max_clients: 1,
          current_clients: 0,
          shutdown_count: { max_clients: 1, parser_error: 1 },
        },
        { protocol: 'mqtt:ws', listen: `0.0.0.0:${portOf('ws', 'external')}` },
        { protocol: 'mqtt:tcp', listen: `${portOf('tcp', 'all')}` },
        { protocol: 'mqtt:unix', listen: socket },
      ];
      const all = (await read()).filter(({ protocol }) => protocol !== 'mqtt:api');
      t.deepEqual(all[0], expected[0]);
      t.is(all.length, 4);
      for (const { protocol, listen } of expected) {
        const found = all.find((each) => each['protocol'] === protocol && each['listen'] === listen);
        t.deepEqual(Object.keys(found ?? {}), Object.keys(expected[0]!), `${protocol} ${listen}`);
      }
      t.deepEqual(all[1]!['shutdown_count'], []);
      const ofNode = await resultOf<Json[]>(ask, `monitoring/listeners/${NODE}`);
      t.deepEqual(
        ofNode.map(({ protocol, listen }) => [protocol, listen]).reverse(),
        (await read()).map(({ protocol, listen }) => [protocol, listen]),
      );
    },
  ),
);

test(
  'alarms are those that are active, the newest first',
  withApi({ config: { 'mqtt.mqueue.max_length': 5 } }, async (ask, broker, t) => {
    const path = `nodes/${NODE}/alarms`;
    t.is((await ask(`GET ${path}`)).text, '{"code":0,"result":[]}');
    const publisher = await client(broker, 'publisher');
    for (const [at, clientId] of ['first', 'second'].entries()) {
      const absent = await client(broker, clientId, { clean: false });
      await absent.subscribe([[clientId, 1]]);
      await absent.disconnect();
      for (let n = 0; n < 4; n++) await publisher.publish({ topic: clientId, payload: 'm', qos: 1 });
      await until(() => broker.alarms().length === at + 1, `the alarm of ${clientId}`);
    }
    const alarms = await resultOf<Json[]>(ask, path);
    for (const { occurred_at: at } of alarms) t.regex(String(at), LOCAL_TIME);
    const expected = ['second', 'first'].map((clientId, at) => ({
      id: `queue_high_watermark.${clientId}`,
      severity: 'warning',
      title: `Queue ${clientId} high-water mark`,
      summary: 'queue len 4 > high_watermark 3',
      occurred_at: alarms[at]!['occurred_at'],
    }));
    t.is(JSON.stringify(alarms), JSON.stringify(expected));
  }),
);

test(
  'another node is down',
  withApi({}, async (ask, _broker, t) => {
    const paths = ['monitoring/nodes', 'monitoring/listeners', 'monitoring/metrics', 'monitoring/stats'].map(
      (path) => `${path}/other@127.0.0.1`,
    );
    for (const path of [...paths, 'nodes/other@127.0.0.1/alarms'])
      t.is((await ask(`GET ${path}`)).text, NODE_DOWN, path);
  }),
);

import test from 'ava';
import { METRICS, STATS } from '../../src/metrics/names.js';
import { withApi } from '../helpers/api.js';
import { parseExposition } from '../helpers/exposition.js';
import { tempDirectory, until } from '../helpers/with-broker.js';
import { client, NODE } from './lists.js';

/** With all that has to be escaped in a label. */
const SOCKET = `${tempDirectory()}/a "b"\\c.sock`;

test(
  'GET /metrics is Prometheus’ text format, with what monitoring says too',
  withApi(
    {
      config: {
        'listener.unix.odd': SOCKET,
        'module.presence': 'off',
        'mqtt.broker.sys_interval': '1h',
      },
    },
    async (ask, broker, t) => {
      const one = await client(broker, 'one');
      await one.publish({ topic: 'nobody', payload: 'm', qos: 1 });
      one.send([0xc0, 1, 0]);
      await one.expectClosed();
      t.is((await ask('GET /metrics', { user: null })).status, 401);
      const stays = await client(broker, 'stays');
      await stays.subscribe('a');
      await until(() => broker.listenerFigures()[0]!.current === 1, 'the end of the first connection');
      const before = (await ask('GET monitoring/metrics')).json as { result: Record<string, number> };
      const { status, headers, text } = await ask('GET /metrics');
      t.is(status, 200);
      t.is(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
      const families = parseExposition(text);
      const sampleOf = (name: string, labels: Readonly<Record<string, string>> = {}): number | undefined =>
        families
          .get(name)
          ?.samples.find((sample) =>
            Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
          )?.value;
      const after = (await ask('GET monitoring/metrics')).json as { result: Record<string, number> };
      for (const name of METRICS) {
        const base = `shardmq_${name.replaceAll('/', '_')}`;
        const full = name === 'messages/retained' ? base : `${base}_total`;
        t.is(families.get(full)?.type, full === base ? 'gauge' : 'counter', name);
        const value = sampleOf(full)!;
        t.true(before.result[name]! <= value && value <= after.result[name]!, `${name} ${value}`);
      }
      for (const name of STATS)
        t.is(families.get(`shardmq_${name.replaceAll('/', '_')}`)?.type, 'gauge', name);
      t.is(sampleOf('shardmq_clients_count'), 1);
      t.is(sampleOf('shardmq_info', { node: NODE }), 1);
      t.is(sampleOf('shardmq_ready'), 1);
      for (const shard of ['0', '1']) {
        t.is(sampleOf('shardmq_shard_up', { shard }), 1);
        t.is(sampleOf('shardmq_shard_starts_total', { shard }), 1);
        t.is(sampleOf('shardmq_shard_clients', { shard }), Number(broker.shardOf('stays') === Number(shard)));
      }
      for (const thread of ['main', '0', '1']) {
        t.true(sampleOf('shardmq_thread_heap_used_bytes', { thread })! > 1e6, thread);
        t.true(sampleOf('shardmq_thread_loop_delay_seconds', { thread })! >= 0, thread);
      }
      const tcp = { listener: 'listener.tcp.external', protocol: 'tcp' };
      t.is(sampleOf('shardmq_listener_connections', tcp), 1);
      t.is(sampleOf('shardmq_listener_accepted_total', tcp), 2);
      t.is(sampleOf('shardmq_listener_shutdown_total', { ...tcp, reason: 'parser_error' }), 1);
      t.is(sampleOf('shardmq_listener_connections', { listen: SOCKET }), 0);
      t.is(sampleOf('shardmq_alarms', { severity: 'critical' }), 0);
      t.is(sampleOf('shardmq_plugin_active', { plugin: 'emq_retainer' }), 1);
      t.true(sampleOf('process_resident_memory_bytes')! > 1e7);
      t.true(sampleOf('process_cpu_seconds_total')! > 0);
    },
  ),
);

test('what is no text format is found', (t) => {
  const head = '# HELP a b\n# TYPE a gauge\n';
  t.is(parseExposition(`${head}a{b="c\\"\\\\\\n"} 1\n`).get('a')!.samples[0]!.labels['b'], 'c"\\\n');
  for (const wrong of [
    `${head}a 1`,
    `${head}b 1\n`,
    `${head}a 1\na 2\n`,
    `${head}a NaN1\n`,
    `${head}a{b=c} 1\n`,
    `${head}a{b="c"d="e"} 1\n`,
    `${head}a{b="\\x"} 1\n`,
    '# TYPE a gauge\na 1\n',
    `${head}${head}`,
  ])
    t.throws(() => parseExposition(wrong), undefined, wrong);
});

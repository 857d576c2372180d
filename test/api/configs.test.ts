import test from 'ava';
import { withApi } from '../helpers/api.js';

const NODE = 'shardmq@127.0.0.1';
const CORE_KEYS = {
  'log.console.level': ['info', 'enum'],
  'mqtt.acl_file': ['', 'string'],
  'mqtt.acl_nomatch': ['allow', 'enum'],
  'mqtt.allow_anonymous': ['true', 'enum'],
  'mqtt.broker.sys_interval': ['60', 'integer'],
  'mqtt.cache_acl': ['true', 'enum'],
  'mqtt.client.enable_stats': ['false', 'flag'],
  'mqtt.client.idle_timeout': ['30000', 'duration'],
  'mqtt.client.max_publish_rate': ['0', 'integer'],
  'mqtt.conn.force_gc_count': ['100', 'integer'],
  'mqtt.keepalive_backoff': ['0.7500', 'float'],
  'mqtt.max_clientid_len': ['1024', 'integer'],
  'mqtt.max_packet_size': ['1048576', 'bytesize'],
  'mqtt.mqueue.high_watermark': ['0.6000', 'percent'],
  'mqtt.mqueue.low_watermark': ['0.2000', 'percent'],
  'mqtt.mqueue.max_length': ['100000', 'integer'],
  'mqtt.mqueue.priority': ['', 'string'],
  'mqtt.mqueue.store_qos0': ['true', 'enum'],
  'mqtt.mqueue.type': ['simple', 'atom'],
  'mqtt.session.await_rel_timeout': ['30000', 'duration'],
  'mqtt.session.enable_stats': ['true', 'flag'],
  'mqtt.session.expiry_interval': ['7200000', 'duration'],
  'mqtt.session.ignore_loop_deliver': ['false', 'enum'],
  'mqtt.session.max_awaiting_rel': ['1000', 'integer'],
  'mqtt.session.max_inflight': ['32', 'integer'],
  'mqtt.session.max_subscriptions': ['0', 'integer'],
  'mqtt.session.retry_interval': ['20000', 'duration'],
  'mqtt.session.upgrade_qos': ['false', 'flag'],
  'mqtt.websocket_protocol_header': ['on', 'flag'],
} as const;

interface Row {
  readonly key: string;
  readonly value: string;
  readonly datatpye: string;
  readonly app: string;
}
const resultOf = (json: unknown): unknown => (json as { result: unknown }).result;

test(
  'GET configs shows all keys of EMQ with its types, by node; GET nodes/{node}/configs is that list',
  withApi({}, async (ask, _broker, t) => {
    const all = await ask('GET configs');
    t.is(all.status, 200);
    t.deepEqual(Object.keys(all.json as object), ['code', 'result']);
    const result = resultOf(all.json) as Record<string, Row[]>;
    t.deepEqual(Object.keys(result), [NODE]);
    const rows = result[NODE]!;
    t.deepEqual((await ask(`GET nodes/${NODE}/configs`)).json, { code: 0, result: rows });
    t.deepEqual(
      rows.map(({ key }) => key),
      rows.map(({ key }) => key).sort(),
    );
    for (const row of rows) t.deepEqual(Object.keys(row), ['key', 'value', 'datatpye', 'app']);
    for (const [key, [value, datatpye]] of Object.entries(CORE_KEYS)) {
      t.deepEqual(
        rows.filter((row) => row.key === key),
        [{ key, value, datatpye, app: 'emqttd' }],
      );
    }
  }),
);

test(
  'a key that is set is shown, and its wrong values, keys, applications and nodes have their codes',
  withApi({}, async (ask, broker, t) => {
    const put = async (app: string, body: unknown): Promise<string> =>
      (await ask(`PUT configs/${app}`, { body })).text;
    const set = { key: 'mqtt.mqueue.max_length', value: '7' };
    t.is(await put('emqttd', set), '{"code":0,"result":[]}');
    t.is(broker.config['mqtt.mqueue.max_length'], 7);
    const rows = resultOf((await ask(`GET nodes/${NODE}/configs`)).json) as Row[];
    t.is(rows.find(({ key }) => key === set.key)?.value, '7');
    t.is(
      (await ask(`PUT nodes/${NODE}/configs/emqttd`, { body: { ...set, value: '8' } })).text,
      '{"code":0,"result":[]}',
    );
    t.is(
      (await ask('PUT nodes/other/configs/emqttd', { body: set })).text,
      '{"code":101,"message":"nodedown"}',
    );
    t.is(await put('emqttd', {}), '{"code":107,"message":"params error"}');
    t.is(await put('emqttd', { key: 'mqtt.cache_acl' }), '{"code":107,"message":"params error"}');
    for (const value of [true, 1, null, [], {}])
      t.is(await put('emqttd', { ...set, value }), '{"code":108,"message":"params type error"}');
    t.is(await put('emqttd', '[1]'), '{"code":109,"message":"Body not json"}');
    t.regex(await put('emqttd', { key: 'mqtt.nothing', value: '1' }), /^\{"code":102,/);
    t.regex(await put('emqttd', { key: '__proto__', value: '1' }), /^\{"code":102,/);
    t.regex(await put('nothing', set), /^\{"code":102,/);
    const started = await put('emqttd', { key: 'node.shards', value: '3' });
    t.regex(started, /^\{"code":102,"message":"node\.shards is read when the broker starts/);
    const low = await put('emqttd', { key: 'mqtt.mqueue.low_watermark', value: '70%' });
    t.regex(low, /^\{"code":108,"message":"mqtt\.mqueue\.low_watermark: expected at most/);
    for (const [key, value] of [
      ['mqtt.mqueue.max_length', '-1'],
      ['mqtt.mqueue.max_length', 'x'],
      ['mqtt.cache_acl', 'perhaps'],
      ['mqtt.client.idle_timeout', '30'],
      ['mqtt.session.expiry_interval', '7200000'],
      ['mqtt.max_packet_size', '1TB'],
      ['mqtt.keepalive_backoff', 'much'],
      ['mqtt.mqueue.high_watermark', '0.5'],
      ['log.console.level', 'loud'],
    ]) {
      t.regex(await put('emqttd', { key, value }), /^\{"code":108,/, `${key}=${value}`);
    }
    t.is(broker.config['mqtt.mqueue.max_length'], 8);
  }),
);

test(
  'EMQ’s spellings are taken',
  withApi({}, async (ask, broker, t) => {
    for (const [key, value, ours, kept] of [
      ['log.console.level', 'warning', 'log.level', 'warn'],
      ['mqtt.broker.sys_interval', '2', 'mqtt.broker.sys_interval', 2000],
      ['mqtt.broker.sys_interval', '1m', 'mqtt.broker.sys_interval', 60_000],
      ['mqtt.session.upgrade_qos', 'on', 'mqtt.session.upgrade_qos', true],
      ['mqtt.cache_acl', 'false', 'mqtt.cache_acl', false],
      ['mqtt.session.retry_interval', '1m30s', 'mqtt.session.retry_interval', 90_000],
      ['mqtt.max_packet_size', '64KB', 'mqtt.max_packet_size', 65_536],
      ['mqtt.mqueue.high_watermark', '70%', 'mqtt.mqueue.high_watermark', 0.7],
    ] as const) {
      t.is((await ask('PUT configs/emqttd', { body: { key, value } })).text, '{"code":0,"result":[]}', key);
      t.is(broker.config[ours], kept);
    }
  }),
);

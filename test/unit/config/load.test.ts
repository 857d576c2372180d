/** Each test writes its file into a directory of its own; what the file says is in the test. */
import test from 'ava';
import { type ConfigSources, defaultConfig, loadConfig } from '../../../src/config/load.js';
import { good, withFile } from './config-files.js';

const linesOf = (sources: ConfigSources): string[] => {
  const result = loadConfig(sources);
  return result.ok ? [] : result.issues.map((issue) => issue.line);
};

const warningsOf = (sources: ConfigSources): string[] => loadConfig(sources).warnings.map(({ line }) => line);

test('the defaults are those of the documentation', (t) => {
  const config = defaultConfig();
  t.is(config['mqtt.max_packet_size'], 1 << 20);
  t.is(config['mqtt.session.expiry_interval'], 7_200_000);
  t.is(config['mqtt.mqueue.high_watermark'], 0.6);
  t.is(config['mqtt.allow_anonymous'], true);
  t.deepEqual(
    config.listeners.map(({ type, name, host, port }) => `${type}.${name} ${host}:${port}`),
    ['tcp.external 0.0.0.0:1883', 'tcp.internal 127.0.0.1:11883', 'ws.external 0.0.0.0:8083'],
  );
  t.deepEqual(warningsOf({}), []);
});

test('a configuration is frozen plain data that survives a structured clone', (t) => {
  const config = good(t, loadConfig({ values: { 'listener.tcp.external.access.1': 'deny 10.0.0.0/8' } }));
  t.deepEqual(structuredClone(config), config);
  t.throws(() => Object.assign(config, { 'node.shards': 3 }));
  t.throws(() => Object.assign(config.listeners[0]!.access[0]!, { allow: true }));
});

test('YAML may nest its keys, write them with dots, or mix both', (t) => {
  const file = withFile(
    t,
    'broker.yaml',
    'mqtt:\n  max_packet_size: 2MB\n  session.max_inflight: 7\nmqtt.mqueue.store_qos0: false\nlistener:\n  tcp:\n    external: 127.0.0.1:0\n    internal:\n      bind: 12000\n      access: [allow 127.0.0.1, deny all]\n',
  );
  const config = good(t, loadConfig({ file }));
  t.is(config['mqtt.max_packet_size'], 2 << 20);
  t.is(config['mqtt.session.max_inflight'], 7);
  t.false(config['mqtt.mqueue.store_qos0']);
  t.like(config.listeners[0], { name: 'external', host: '127.0.0.1', port: 0, maxClients: 102_400 });
  t.like(config.listeners[1], { name: 'internal', host: '0.0.0.0', port: 12_000 });
  t.deepEqual(config.listeners[1]?.access, [
    { allow: true, range: '127.0.0.1' },
    { allow: false, range: 'all' },
  ]);
});

test('an error names the file and line, the key, the value and what was expected', (t) => {
  const yaml = withFile(t, 'bad.yaml', '# comment\nmqtt:\n  max_packet_size: 3XB\n');
  t.deepEqual(linesOf({ file: yaml }), [
    `${yaml}:3: mqtt.max_packet_size = "3XB": expected a size in bytes or with KB, MB or GB, 64 to 256MB`,
  ]);
  const conf = withFile(t, 'bad.conf', 'mqtt.max_packet_size = 1MB\n\nmqtt.session.max_inflight = many\n');
  t.deepEqual(linesOf({ file: conf }), [
    `${conf}:3: mqtt.session.max_inflight = "many": expected an integer, 0 to 65535`,
  ]);
});

test('every mistake is reported at once', (t) => {
  const values = {
    'mqtt.max_packet_size': 'x',
    'mqtt.session.upgrade_qos': 'maybe',
    'listener.tcp.external': '99999',
  };
  t.is(linesOf({ values }).length, 3);
});

test('a key that does not exist is an error with the key that was probably meant', (t) => {
  const hintOf = (key: string): string | undefined =>
    /did you mean (\S+)\?$/.exec(linesOf({ values: { [key]: '1' } })[0] ?? '')?.[1];
  t.is(hintOf('mqtt.max_paket_size'), 'mqtt.max_packet_size');
  t.is(hintOf('max_inflight'), 'mqtt.session.max_inflight');
  t.is(hintOf('listener.tcp.external.max_client'), 'listener.tcp.external.max_clients');
  t.is(hintOf('nothing.at.all.like.it'), undefined);
  t.is(linesOf({ values: { 'nothing.at.all.like.it': '1' } }).length, 1);
});

test('defaults < program < file < environment < --set', (t) => {
  const file = withFile(
    t,
    'a.yaml',
    'mqtt.session.max_inflight: 2\nmqtt.receive_maximum: 2\nmqtt.max_topic_alias: 2\n',
  );
  const values = { mqtt: { session: { max_inflight: 1 }, receive_maximum: 1, max_clientid_len: 99 } };
  const env = { SHARDMQ_MQTT__RECEIVE_MAXIMUM: '3', shardmq_mqtt__max_topic_alias: '3', HOME: '/' };
  const config = good(t, loadConfig({ values, file, env, set: ['mqtt.max_topic_alias=4'] }));
  t.is(config['mqtt.max_clientid_len'], 99);
  t.is(config['mqtt.session.max_inflight'], 2);
  t.is(config['mqtt.receive_maximum'], 3);
  t.is(config['mqtt.max_topic_alias'], 4);
});

test('a variable SHARDMQ_... without a dot in its key gives a warning', (t) => {
  t.regex(
    warningsOf({ env: { SHARDMQ_MAX_PACKET_SIZE: '1' } })[0] ?? '',
    /^environment SHARDMQ_MAX_PACKET_SIZE: /,
  );
});

test('variables of commands that ask a broker are no keys, and nothing is said of them', (t) => {
  const env = { SHARDMQ_API_URL: 'http://x', SHARDMQ_API_USER: 'ann', SHARDMQ_API_PASSWORD: 'x' };
  t.deepEqual(warningsOf({ env }), []);
});

test('--set needs KEY=VALUE, and the value may contain an equals sign', (t) => {
  t.deepEqual(linesOf({ set: ['mqtt.allow_anonymous'] }), [
    'command line: "mqtt.allow_anonymous": expected KEY=VALUE',
  ]);
  const config = good(t, loadConfig({ set: ['mqtt.mqueue.priority=a/b=10, c=2'] }));
  t.deepEqual(config['mqtt.mqueue.priority'], [
    { topic: 'a/b', priority: 10 },
    { topic: 'c', priority: 2 },
  ]);
});

test('a file that is missing, not YAML, or not a map is one clear error', (t) => {
  t.regex(
    linesOf({ file: '/does/not/exist.yaml' })[0] ?? '',
    /^\/does\/not\/exist\.yaml: cannot be read: ENOENT/,
  );
  const broken = withFile(t, 'broken.yaml', 'mqtt:\n  a: [1\n');
  t.regex(linesOf({ file: broken })[0] ?? '', /broken\.yaml:\d+: not YAML: /);
  const list = withFile(t, 'list.yaml', '- 1\n');
  t.deepEqual(linesOf({ file: list }), [`${list}:1: expected a map of keys and values at the top`]);
  const empty = withFile(t, 'empty.yaml', 'mqtt:\n  allow_anonymous:\n');
  t.deepEqual(linesOf({ file: empty }), [`${empty}:2: expected a value for mqtt.allow_anonymous`]);
});

test('an empty file, or one of comments only, changes nothing', (t) => {
  t.deepEqual(good(t, loadConfig({ file: withFile(t, 'a.yaml', '') })), defaultConfig());
  t.deepEqual(good(t, loadConfig({ file: withFile(t, 'a.conf', '# nothing\n\n') })), defaultConfig());
});

test('a secret is not shown in an error', (t) => {
  t.false(linesOf({ values: { 'node.cooki_password': 'hunter2' } }).some((line) => line.includes('hunter2')));
});

test('watermarks that contradict each other are an error', (t) => {
  t.is(linesOf({ set: ['mqtt.mqueue.low_watermark=70%'] }).length, 1);
});

test('values nested without end are refused, not followed', (t) => {
  const loop: Record<string, never> = {};
  Object.assign(loop, { a: loop });
  t.regex(linesOf({ values: loop })[0] ?? '', /nested too deeply/);
  const deep = withFile(t, 'deep.yaml', `${'{a: '.repeat(50)}1${'}'.repeat(50)}`);
  t.regex(linesOf({ file: deep })[0] ?? '', /fewer levels of nesting/);
});

test('a password is shown nowhere, also where its key is misspelled or its line is none', (t) => {
  const set = [
    'auth.user.1.passwrd=hunter2',
    'auth.user.1.pass=hunter2',
    'auth.user.1.password:hunter2',
    'auth.user.1.password hunter2',
  ];
  const text = 'node.name = a@b\nauth.user.1.password hunter2\nauth.user.1.pw = hunter2\n= hunter2\n';
  const file = withFile(t, 'emq.conf', text);
  const results = [loadConfig({ set }), loadConfig({ file }), loadConfig({ set: set.slice(0, 2) })];
  const issues = results.flatMap((result) => (result.ok ? [] : result.issues));
  t.true(issues.length >= 6);
  t.false(JSON.stringify(issues).includes('hunter2'));
  t.true(issues.some(({ line }) => line.includes('"auth.user.1.password..."')));
});

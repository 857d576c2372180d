/** The keys and values that EMQ 2.3 ships in etc/emq.conf, and those it lists without setting them. */
import test from 'ava';
import { EMQ_LOG_LEVELS } from '../../../src/config/emq-keys.js';
import { loadConfig } from '../../../src/config/load.js';
import type { Config } from '../../../src/config/schema.js';
import { looksLikeEmqConf, readEmqConf } from '../../../src/config/source-emq.js';
import { BUILTIN } from '../../../src/plugins/builtin.js';
import { Catalogue } from '../../../src/plugins/catalogue.js';
import { good, withFile } from './config-files.js';

const plugins = new Catalogue(BUILTIN);

const SHIPPED = `
##====================
## The shipped values
##====================
cluster.name = emqcl
cluster.discovery = manual
cluster.autoheal = on
cluster.autoclean = 5m
node.name = emq@127.0.0.1
node.cookie = emqsecretcookie
node.smp = auto
node.kernel_poll = on
node.async_threads = 32
node.process_limit = 256000
node.max_ports = 65536
node.dist_buffer_size = 8MB
node.max_ets_tables = 256000
node.fullsweep_after = 1000
node.crash_dump = log/crash.dump
node.proto_dist = inet_tcp
node.dist_net_ticktime = 60
node.dist_listen_min = 6369
node.dist_listen_max = 6379
log.dir = log
log.console = console
log.console.level = error
log.error.file = log/error.log
log.error.size = 10485760
log.error.count = 5
log.crash = on
log.crash.file = log/crash.log
log.syslog = on
log.syslog.level = error
mqtt.allow_anonymous = true
mqtt.acl_nomatch = allow
mqtt.acl_file = etc/acl.conf
mqtt.cache_acl = true
mqtt.max_clientid_len = 1024
mqtt.max_packet_size = 64KB
mqtt.websocket_protocol_header = on
mqtt.keepalive_backoff = 0.75
mqtt.conn.force_gc_count = 100
mqtt.client.idle_timeout = 30s
mqtt.client.enable_stats = off
mqtt.session.max_subscriptions = 0
mqtt.session.upgrade_qos = off
mqtt.session.max_inflight = 32
mqtt.session.retry_interval = 20s
mqtt.session.max_awaiting_rel = 1000
mqtt.session.await_rel_timeout = 30s
mqtt.session.enable_stats = on
mqtt.session.expiry_interval = 2h
mqtt.session.ignore_loop_deliver = false
mqtt.mqueue.type = simple
mqtt.mqueue.max_length = 1000
mqtt.mqueue.low_watermark = 20%
mqtt.mqueue.high_watermark = 60%
mqtt.mqueue.store_qos0 = true
mqtt.broker.sys_interval = 1m
mqtt.pubsub.pool_size = 8
mqtt.pubsub.async = true
mqtt.bridge.max_queue_len = 10000
mqtt.bridge.ping_down_interval = 1s
mqtt.plugins.etc_dir =etc/plugins/
mqtt.plugins.loaded_file = data/loaded_plugins
listener.tcp.external = 0.0.0.0:1883
listener.tcp.external.acceptors = 16
listener.tcp.external.max_clients = 102400
listener.tcp.external.access.1 = allow all
listener.tcp.external.backlog = 1024
listener.tcp.external.send_timeout = 15s
listener.tcp.external.send_timeout_close = on
listener.tcp.external.buffer = 4KB
listener.tcp.external.nodelay = true
listener.tcp.external.reuseaddr = true
listener.tcp.internal = 127.0.0.1:11883
listener.tcp.internal.acceptors = 4
listener.tcp.internal.max_clients = 102400
listener.tcp.internal.backlog = 512
listener.tcp.internal.send_timeout = 5s
listener.tcp.internal.send_timeout_close = on
listener.tcp.internal.tune_buffer = on
listener.tcp.internal.recbuf = 4KB
listener.tcp.internal.sndbuf = 1MB
listener.tcp.internal.nodelay = false
listener.tcp.internal.reuseaddr = true
listener.ssl.external = 8883
listener.ssl.external.acceptors = 16
listener.ssl.external.max_clients = 1024
listener.ssl.external.access.1 = allow all
listener.ssl.external.handshake_timeout = 15s
listener.ssl.external.keyfile = etc/certs/key.pem
listener.ssl.external.certfile = etc/certs/cert.pem
listener.ws.external = 8083
listener.ws.external.acceptors = 4
listener.ws.external.max_clients = 102400
listener.ws.external.access.1 = allow all
listener.ws.external.backlog = 1024
listener.ws.external.nodelay = true
listener.wss.external = 8084
listener.wss.external.acceptors = 4
listener.wss.external.max_clients = 64
listener.wss.external.access.1 = allow all
listener.wss.external.handshake_timeout = 15s
listener.wss.external.keyfile = etc/certs/key.pem
listener.wss.external.certfile = etc/certs/cert.pem
listener.api.mgmt = 0.0.0.0:8080
listener.api.mgmt.acceptors = 4
listener.api.mgmt.max_clients = 64
listener.api.mgmt.backlog = 512
listener.api.mgmt.access.1 = allow all
sysmon.long_gc = false
sysmon.long_schedule = 240
sysmon.large_heap = 8MB
sysmon.busy_port = false
sysmon.busy_dist_port = true
`;

const UNSET = `
cluster.id = emq
cluster.static.seeds = emq1@127.0.0.1,emq2@127.0.0.1
cluster.mcast.addr = 239.192.0.1
cluster.mcast.ports = 4369,4370
cluster.dns.name = localhost
cluster.etcd.server = http://127.0.0.1:2379
cluster.k8s.apiserver = http://10.110.111.204:8080
node.heartbeat = on
node.ssl_dist_optfile = etc/ssl_dist.conf
log.console.file = log/console.log
log.info.file = log/info.log
log.syslog.identity = emqttd
log.error.redirect = on
mqtt.client.max_publish_rate = 5
mqtt.mqueue.priority = topic/1=10,topic/2=8
retainer.storage_type = ram
retainer.max_message_num = 1000000
retainer.max_payload_size = 64KB
retainer.expiry_interval = 0
module.presence = on
module.presence.qos = 1
module.subscription = off
module.rewrite = off
module.rewrite.rule.1 = x/# ^x/y/(.+)$ z/y/$1
dashboard.default_user.login = admin
listener.tcp.external.zone = external
listener.tcp.external.mountpoint = external/
listener.tcp.external.rate_limit = 100,10
listener.tcp.external.max_conn_rate = 500
listener.tcp.external.proxy_protocol = on
listener.tcp.external.proxy_protocol_timeout = 3s
listener.tcp.external.peer_cert_as_username = cn
listener.ssl.external.tls_versions = tlsv1.2,tlsv1.1,tlsv1
listener.ssl.external.ciphers = ECDHE-ECDSA-AES256-GCM-SHA384,AES128-SHA
listener.ssl.external.cacertfile = etc/certs/cacert.pem
listener.ssl.external.dhfile = etc/certs/dh-params.pem
listener.ssl.external.verify = verify_peer
listener.ssl.external.fail_if_no_peer_cert = true
listener.ssl.external.secure_renegotiate = off
listener.ssl.external.reuse_sessions = on
listener.ssl.external.honor_cipher_order = on
listener.ssl.external.peer_cert_as_username = crt
listener.ws.external.proxy_address_header = X-Forwarded-For
listener.ws.external.proxy_port_header = X-Forwarded-Port
`;

test('the emq.conf that EMQ 2.3 ships loads without an error', (t) => {
  const config = good(t, loadConfig({ file: withFile(t, 'emq.conf', SHIPPED), plugins }));
  t.is(config['node.name'], 'emq@127.0.0.1');
  t.is(config['mqtt.max_packet_size'], 65_536);
  t.is(config['mqtt.mqueue.max_length'], 1000);
  t.is(config['log.level'], 'error');
  t.deepEqual(
    config.listeners.map(({ type, port }) => `${type} ${port}`),
    ['tcp 1883', 'tcp 11883', 'ssl 8883', 'ws 8083', 'wss 8084'],
  );
  t.false(config.listeners[1]?.nodelay);
});

test('every other key EMQ 2.3 has loads without an error', (t) => {
  const config = good(t, loadConfig({ file: withFile(t, 'emq.conf', SHIPPED + UNSET), plugins }));
  t.like(config.listeners[0], {
    mountpoint: 'external/',
    rateLimit: { burstBytes: 102_400, bytesPerSecond: 10_240 },
    maxConnRate: 500,
  });
});

test('what has no effect is told once per key', (t) => {
  const { warnings } = loadConfig({ file: withFile(t, 'emq.conf', SHIPPED), plugins });
  const about = (start: string): number => warnings.filter(({ key }) => key.startsWith(start)).length;
  t.is(about('node.cookie'), 1);
  t.is(about('listener.api.mgmt'), 0);
  t.deepEqual(
    warnings.flatMap(({ key }) => (/^listener\.(?!api)/.test(key) ? [key] : [])),
    ['listener.tcp.external.buffer', 'listener.tcp.internal.tune_buffer'],
  );
  t.is(about('mqtt.max_packet_size'), 0);
  t.true(warnings.every(({ line }) => /emq\.conf:\d+: /.test(line)));
  t.false(warnings.some(({ line }) => line.includes('emqsecretcookie')));
});

test('a listener that is off is not mentioned', (t) => {
  const set = [
    'listener.ssl.external=off',
    'listener.ssl.external.certfile=cert.pem',
    'listener.api.mgmt=off',
  ];
  t.deepEqual(loadConfig({ set }).warnings, []);
});

test('whole-line comments only, the value is the rest of the line, the last of a key wins', (t) => {
  const { entries, issues } = readEmqConf('# a = 1\r\na.b = x # y = z\r\na.b =2\n  c.d=\n', 'f');
  t.deepEqual(
    entries.map(({ key, value, where }) => [key, value, where]),
    [
      ['a.b', 'x # y = z', 'f:2'],
      ['a.b', '2', 'f:3'],
      ['c.d', '', 'f:4'],
    ],
  );
  t.deepEqual(issues, []);
  const config = good(
    t,
    loadConfig({ file: withFile(t, 'x.conf', 'mqtt.max_clientid_len = 5\nmqtt.max_clientid_len = 6\n') }),
  );
  t.is(config['mqtt.max_clientid_len'], 6);
});

test('a line that is not key = value is an error with its number', (t) => {
  const { issues } = readEmqConf('a.b = 1\nnonsense\n= 3\n', 'f');
  t.deepEqual(
    issues.map(({ line }) => line),
    [
      'f:2: "nonsense": expected a line of the form key = value',
      'f:3: "...": expected a line of the form key = value',
    ],
  );
});

test('a file is taken for emq.conf by its first line that says something', (t) => {
  t.true(looksLikeEmqConf('## comment\n\n  mqtt.a = 1'));
  t.false(looksLikeEmqConf('# comment\nmqtt:\n  a: x = y'));
  t.false(looksLikeEmqConf('mqtt.response_information: a=b'));
  t.false(looksLikeEmqConf(''));
});

test('each of EMQ’s log levels has one of ours', (t) => {
  const levelOf = (level: string): Config['log.level'] =>
    good(t, loadConfig({ set: [`log.console.level=${level}`] }))['log.level'];
  for (const [theirs, ours] of Object.entries(EMQ_LOG_LEVELS))
    t.is(levelOf(theirs), ours as Config['log.level']);
  t.false(loadConfig({ set: ['log.console.level=loud'] }).ok);
});

/**
 * Keys of EMQ 2.3 that are read without complaint and set nothing here, with the reason. Main thread, at start
 * only.
 */

const VM = 'it tunes the Erlang machine, which is not used here';
const CLUSTER = 'clustering is not built yet';
const LOG_FILES = 'the log goes to standard error, and is kept by who starts the broker';
const PLUGINS = 'its plugin is not built yet';
const MONITOR = 'the system monitor watches the event loop and the heap by itself';

/** Exact keys. */
const KEYS: Readonly<Record<string, string>> = {
  'node.cookie': CLUSTER,
  'node.max_ports': VM,
  'node.async_threads': VM,
  'node.max_ets_tables': VM,
  'node.smp': VM,
  'node.kernel_poll': VM,
  'node.heartbeat': VM,
  'node.fullsweep_after': VM,
  'node.dist_buffer_size': VM,
  'node.crash_dump': VM,
  'node.proto_dist': CLUSTER,
  'node.ssl_dist_optfile': CLUSTER,
  'node.dist_net_ticktime': CLUSTER,
  'node.dist_listen_min': CLUSTER,
  'node.dist_listen_max': CLUSTER,
  'log.dir': LOG_FILES,
  'log.console': LOG_FILES,
  'log.crash': LOG_FILES,
  'log.syslog': LOG_FILES,
  'mqtt.pubsub.pool_size': 'shards take that part; see node.shards',
  'mqtt.pubsub.by_clientid': 'shards take that part; see node.shards',
  'mqtt.pubsub.async': 'shards take that part; see node.shards',
};

/** Beginnings of keys. */
const FAMILIES: readonly (readonly [prefix: string, reason: string])[] = [
  ['cluster.', CLUSTER],
  ['log.console.', LOG_FILES],
  ['log.info.', LOG_FILES],
  ['log.error.', LOG_FILES],
  ['log.crash.', LOG_FILES],
  ['log.syslog.', LOG_FILES],
  ['mqtt.bridge.', 'bridges are not built yet'],
  ['mqtt.sn.', PLUGINS],
  ['sysmon.', MONITOR],
  ['auth.http.', PLUGINS],
  ['auth.jwt.', PLUGINS],
  ['auth.ldap.', PLUGINS],
  ['auth.mongo.', PLUGINS],
  ['auth.mysql.', PLUGINS],
  ['auth.pgsql.', PLUGINS],
  ['auth.redis.', PLUGINS],
  ['coap.', PLUGINS],
  ['dashboard.', 'the dashboard is not built yet'],
  ['stomp.', PLUGINS],
  ['web.hook.', PLUGINS],
];

/** @returns why a key of EMQ has no effect here; null when EMQ has no such key. */
export function reasonForNoEffect(key: string): string | null {
  if (Object.hasOwn(KEYS, key)) return KEYS[key]!;
  return FAMILIES.find(([prefix]) => key.startsWith(prefix) && key.length > prefix.length)?.[1] ?? null;
}

/** EMQ's names for log levels, and ours. */
export const EMQ_LOG_LEVELS: Readonly<Record<string, string>> = {
  debug: 'debug',
  info: 'info',
  notice: 'info',
  warning: 'warn',
  error: 'error',
  critical: 'fatal',
  alert: 'fatal',
  emergency: 'fatal',
  none: 'silent',
};

/** Every key of EMQ without effect, and its reason; a family ends with `*`. For the documentation. */
export function listEmqKeysWithoutEffect(): readonly (readonly [key: string, reason: string])[] {
  const families = FAMILIES.map(([prefix, reason]) => [`${prefix}*`, reason] as const);
  return [...Object.entries(KEYS), ...families];
}

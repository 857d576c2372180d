/** The shapes of EMQ 2.3's answers, endpoint by endpoint, and a way to hold an answer, or another sample, to one. */
import { STATS } from '../../src/metrics/names.js';

type Json = unknown;

/** Values stand for all of their JSON type; the first element of a list for all of its elements. */
const TEXT = '';
const WHOLE = 0;
const FLAG = false;
const NOTHING: Json = [];

const NODE = {
  ...{ version: TEXT, sysdescr: TEXT, uptime: TEXT, datetime: TEXT, otp_release: TEXT },
  node_status: TEXT,
};
const PROCESS = {
  ...{ name: TEXT, otp_release: TEXT, memory_total: TEXT, memory_used: TEXT, process_available: WHOLE },
  ...{ process_used: WHOLE, max_fds: WHOLE, clients: WHOLE, node_status: TEXT },
  ...{ load1: TEXT, load5: TEXT, load15: TEXT },
};
const CLIENT = {
  ...{ client_id: TEXT, username: TEXT, ipaddress: TEXT, port: WHOLE, clean_sess: FLAG, proto_ver: WHOLE },
  ...{ keepalive: WHOLE, connected_at: TEXT },
};
const SESSION = {
  ...{ client_id: TEXT, clean_sess: FLAG, subscriptions: WHOLE, max_inflight: WHOLE, inflight_len: WHOLE },
  ...{ mqueue_len: WHOLE, mqueue_dropped: WHOLE, awaiting_rel_len: WHOLE, deliver_msg: WHOLE },
  ...{ enqueue_msg: WHOLE, created_at: TEXT },
};
const SUBSCRIPTION = { client_id: TEXT, topic: TEXT, qos: WHOLE };
const ROUTE = { topic: TEXT, node: TEXT };
const PLUGIN = { name: TEXT, version: TEXT, description: TEXT, active: FLAG };
const LISTENER = {
  ...{ protocol: TEXT, listen: TEXT, acceptors: WHOLE, max_clients: WHOLE, current_clients: WHOLE },
  shutdown_count: NOTHING,
};
const SETTING = { key: TEXT, value: TEXT, datatpye: TEXT, app: TEXT };
const PLUGIN_SETTING = { key: TEXT, value: TEXT, desc: TEXT, required: FLAG };
const USER = { username: TEXT, tags: TEXT };
const ALARM = { id: TEXT, severity: TEXT, title: TEXT, summary: TEXT, occurred_at: TEXT };
/** In the order in which EMQ shows them, that of a hash table. */
const METRICS =
  'packets/disconnect messages/dropped messages/qos2/received packets/suback packets/pubcomp/received ' +
  'packets/unsuback packets/pingresp packets/puback/missed packets/pingreq messages/retained ' +
  'packets/sent messages/qos2/dropped packets/unsubscribe packets/pubrec/missed packets/connack ' +
  'messages/received packets/pubrec/sent packets/publish/received packets/pubcomp/sent bytes/received ' +
  'packets/connect packets/puback/received messages/sent packets/publish/sent bytes/sent ' +
  'packets/pubrel/missed packets/puback/sent messages/qos0/received packets/subscribe ' +
  'packets/pubrel/sent messages/qos2/sent packets/received packets/pubrel/received ' +
  'messages/qos1/received messages/qos1/sent packets/pubrec/received packets/pubcomp/missed ' +
  'messages/qos0/sent';
const COUNTS = Object.fromEntries(METRICS.split(' ').map((name) => [name, WHOLE]));
const STATISTICS = Object.fromEntries(STATS.map((name) => [name, WHOLE]));

const page = (row: Json): Json => ({
  ...{ current_page: WHOLE, page_size: WHOLE, total_num: WHOLE, total_page: WHOLE },
  objects: [row],
});
const objects = (row: Json): Json => ({ objects: [row] });

export const EMQ_NODE = 'emq@127.0.0.1';

/** `result` of each, by `METHOD path`. */
export const SAMPLES: Readonly<Record<string, Json>> = {
  'GET management/nodes': [{ name: TEXT, ...NODE }],
  'GET management/nodes/{node}': NODE,
  'GET monitoring/nodes': [PROCESS],
  'GET monitoring/nodes/{node}': PROCESS,
  'GET nodes/{node}/clients': page(CLIENT),
  'GET nodes/{node}/clients/{client_id}': objects(CLIENT),
  'GET clients/{client_id}': objects(CLIENT),
  'DELETE clients/{client_id}': NOTHING,
  'PUT clients/{client_id}/clean_acl_cache': NOTHING,
  'GET nodes/{node}/sessions': page(SESSION),
  'GET nodes/{node}/sessions/{client_id}': objects(SESSION),
  'GET sessions/{client_id}': objects(SESSION),
  'GET nodes/{node}/subscriptions': page(SUBSCRIPTION),
  'GET nodes/{node}/subscriptions/{client_id}': objects(SUBSCRIPTION),
  'GET subscriptions/{client_id}': objects(SUBSCRIPTION),
  'GET routes': page(ROUTE),
  'GET routes/{topic}': objects(ROUTE),
  'POST mqtt/publish': NOTHING,
  'POST mqtt/subscribe': NOTHING,
  'POST mqtt/unsubscribe': NOTHING,
  'GET nodes/{node}/plugins': [PLUGIN],
  'PUT nodes/{node}/plugins/{plugin}': NOTHING,
  'GET monitoring/listeners': { [EMQ_NODE]: [LISTENER] },
  'GET monitoring/listeners/{node}': [LISTENER],
  'GET monitoring/metrics': COUNTS,
  'GET monitoring/metrics/{node}': COUNTS,
  'GET monitoring/stats': [{ [EMQ_NODE]: STATISTICS }],
  'GET monitoring/stats/{node}': STATISTICS,
  'GET configs': { [EMQ_NODE]: [SETTING] },
  'GET nodes/{node}/configs': [SETTING],
  'PUT configs/{app}': NOTHING,
  'PUT nodes/{node}/configs/{app}': NOTHING,
  'GET nodes/{node}/plugin_configs/{plugin}': [PLUGIN_SETTING],
  'PUT nodes/{node}/plugin_configs/{plugin}': NOTHING,
  'GET users': [USER],
  'POST users': NOTHING,
  'PUT users/{username}': NOTHING,
  'DELETE users/{username}': NOTHING,
  'POST auth': NOTHING,
  'PUT change_pwd/{username}': NOTHING,
  // These two EMQ has without saying so.
  'GET users/{username}': USER,
  'GET nodes/{node}/alarms': [ALARM],
};

/** @returns where a value has other keys, another order or other types than a sample */
export function differences(sample: Json, value: Json, where = 'result'): string[] {
  if (where.endsWith('.shutdown_count')) return isCounts(value) ? [] : [`${where}: no counts`];
  const [expected, found] = [typeOf(sample), typeOf(value)];
  if (expected !== found) return [`${where}: ${found} in place of ${expected}`];
  if (Array.isArray(sample)) return listDifferences(sample, value as Json[], where);
  return expected === 'object' ? objectDifferences(sample as object, value as object, where) : [];
}

/** An empty list, or numbers by reason. */
function isCounts(value: Json): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return typeOf(value) === 'object' && Object.values(value as object).every(Number.isInteger);
}

function listDifferences(sample: readonly Json[], value: readonly Json[], where: string): string[] {
  if (sample.length === 0) return value.length === 0 ? [] : [`${where}: not empty`];
  if (value.length === 0) return [`${where}: empty, so that nothing can be seen`];
  return value.flatMap((each, at) => differences(sample[0], each, `${where}[${at}]`));
}

function objectDifferences(sample: object, value: object, where: string): string[] {
  const [keys, found] = [Object.keys(sample), Object.keys(value)];
  if (keys.join('\n') !== found.join('\n'))
    return [`${where}: keys ${found.join()} in place of ${keys.join()}`];
  return Object.entries(sample).flatMap(([key, inner]) =>
    differences(inner, (value as Record<string, Json>)[key], `${where}.${key}`),
  );
}

function typeOf(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'number' && Number.isInteger(value) ? 'integer' : typeof value;
}

/** @returns the samples of the document that describes EMQ's API: name of the endpoint, and the body that it shows */
export function readSeed(page: string): (readonly [of: string, body: Json])[] {
  const found = page.matchAll(/^ {4}(GET|PUT|POST|DELETE) (\S+)$|^Response:\n+((?: {4}.*\n|\n)+)/gm);
  const samples: (readonly [string, Json])[] = [];
  let definition = '';
  for (const [, method, path, body] of found) {
    // The first line of a section is its definition; the example of a request that follows has real names.
    if (method !== undefined) definition ||= `${method} ${endpointPath(path!)}`;
    else {
      samples.push([definition, JSON.parse(body!)]);
      definition = '';
    }
  }
  return samples;
}

function endpointPath(path: string): string {
  const plugin = path.includes('/plugins/{name}') ? path.replace('{name}', '{plugin}') : path;
  return plugin
    .replace(/^\/?api\/v2\//, '')
    .replace(/\/$/, '')
    .replace(/^node\//, 'nodes/')
    .replaceAll('clientid}', 'client_id}')
    .replace(/\{(\w+)_name\}/g, '{$1}');
}

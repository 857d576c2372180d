/**
 * A right request for each endpoint, in an order in which all can be sent to one populated broker, and those that an
 * endpoint refuses for reasons of its own. The refusals that follow from path and parameters are put together here.
 */
import type { ApiCode } from '../../src/api/api-error.js';
import { wholePath } from '../../src/api/description.js';
import type { Endpoint } from '../../src/api/endpoint.js';
import { ENDPOINTS } from '../../src/api/endpoints.js';
import type { ApiOptions } from '../helpers/api.js';
import { ABSENT, CLIENT, LASTING, TOPIC } from './populated.js';

export interface ApiRequest {
  /** `GET nodes/{node}/clients`, as the list of endpoints has it. */
  readonly of: string;
  /** The same with all braces filled in, and a query. */
  readonly what: string;
  readonly options: ApiOptions;
  readonly code: 0 | ApiCode;
}

type Given = readonly [of: string, values: Readonly<Record<string, string>>, body?: unknown];

const USER = { username: 'test_user', password: 'password', tags: 'user' };
const RECON = { plugin: 'emq_recon' };
const IDLE = { app: 'emqttd' };
const KEY = { key: 'mqtt.keepalive_backoff', value: '0.9' };

const RIGHT: readonly Given[] = [
  ['GET management/nodes', {}],
  ['GET management/nodes/{node}', {}],
  ['GET monitoring/nodes', {}],
  ['GET monitoring/nodes/{node}', {}],
  ['GET nodes/{node}/clients', { '?': 'curr_page=1&page_size=20' }],
  ['GET nodes/{node}/clients/{client_id}', { client_id: CLIENT }],
  ['GET clients/{client_id}', { client_id: CLIENT }],
  ['PUT clients/{client_id}/clean_acl_cache', { client_id: CLIENT }, { topic: 'test' }],
  ['GET nodes/{node}/sessions', { '?': 'curr_page=1&page_size=20' }],
  ['GET nodes/{node}/sessions/{client_id}', { client_id: CLIENT }],
  ['GET sessions/{client_id}', { client_id: ABSENT }],
  ['GET nodes/{node}/subscriptions', { '?': 'curr_page=1&page_size=20' }],
  ['GET nodes/{node}/subscriptions/{client_id}', { client_id: CLIENT }],
  ['GET subscriptions/{client_id}', { client_id: CLIENT }],
  ['GET routes', { '?': 'curr_page=1&page_size=20' }],
  ['GET routes/{topic}', { topic: TOPIC }],
  [
    'POST mqtt/publish',
    {},
    { topic: TOPIC, payload: 'hello', qos: 0, retain: false, client_id: 'mqttjs_722b4d845f' },
  ],
  ['POST mqtt/subscribe', {}, { topic: TOPIC, qos: 0, client_id: CLIENT }],
  ['POST mqtt/unsubscribe', {}, { topic: TOPIC, client_id: CLIENT }],
  ['GET nodes/{node}/plugins', {}],
  ['PUT nodes/{node}/plugins/{plugin}', RECON, { active: false }],
  ['PUT nodes/{node}/plugins/{plugin}', { plugin: 'emq_auth_clientid' }, { active: true }],
  ['GET nodes/{node}/plugins/{plugin}/commands', { plugin: 'emq_auth_clientid' }],
  ['POST nodes/{node}/plugins/{plugin}/run', { plugin: 'emq_auth_clientid' }, { command: 'list' }],
  ['GET monitoring/listeners', {}],
  ['GET monitoring/listeners/{node}', {}],
  ['GET /metrics', {}],
  ['GET monitoring/metrics', {}],
  ['GET monitoring/metrics/{node}', {}],
  ['GET monitoring/stats', {}],
  ['GET monitoring/stats/{node}', {}],
  ['GET configs', {}],
  ['GET nodes/{node}/configs', {}],
  ['PUT configs/{app}', IDLE, KEY],
  ['PUT nodes/{node}/configs/{app}', IDLE, KEY],
  ['DELETE configs/{app}', IDLE, { key: KEY.key }],
  ['DELETE nodes/{node}/configs/{app}', IDLE, { key: KEY.key }],
  ['GET nodes/{node}/plugin_configs/{plugin}', { plugin: 'emq_retainer' }],
  [
    'PUT nodes/{node}/plugin_configs/{plugin}',
    { plugin: 'emq_retainer' },
    { 'retainer.max_message_num': '1000', 'retainer.max_payload_size': '64KB' },
  ],
  ['GET users', {}],
  ['POST users', {}, USER],
  ['GET users/{username}', { username: 'test_user' }],
  ['GET users/{username}', { username: 'nobody' }],
  ['PUT users/{username}', { username: 'test_user' }, { tags: 'admin' }],
  ['POST auth', {}, { username: 'test_user', password: 'password' }],
  ['PUT change_pwd/{username}', { username: 'test_user' }, { new_pwd: 'newpassword', old_pwd: 'password' }],
  ['DELETE users/{username}', { username: 'test_user' }],
  ['GET nodes/{node}/alarms', {}],
  ['GET trace', { '?': 'client=x&duration=1&lines=1' }],
  ['GET openapi.json', {}],
  ['DELETE clients/{client_id}', { client_id: CLIENT }],
  ['DELETE nodes/{node}/sessions/{client_id}', { client_id: ABSENT }],
  ['DELETE sessions/{client_id}', { client_id: encodeURIComponent(LASTING) }],
];

const REFUSED: readonly (readonly [ApiCode, ...Given])[] = [
  [112, 'DELETE clients/{client_id}', { client_id: ABSENT }],
  [112, 'DELETE sessions/{client_id}', { client_id: 'nobody' }],
  [112, 'DELETE nodes/{node}/sessions/{client_id}', { client_id: 'nobody' }],
  [112, 'PUT clients/{client_id}/clean_acl_cache', { client_id: ABSENT }, { topic: 'test' }],
  [102, 'POST mqtt/publish', {}, { topic: 'a/#' }],
  [108, 'POST mqtt/publish', {}, { topic: 'a', qos: 3 }],
  [102, 'POST mqtt/subscribe', {}, { client_id: ABSENT, topic: 'a/#/b' }],
  [112, 'POST mqtt/subscribe', {}, { client_id: 'nobody', topic: 'a' }],
  [102, 'POST mqtt/unsubscribe', {}, { client_id: ABSENT, topic: '' }],
  [112, 'POST mqtt/unsubscribe', {}, { client_id: 'nobody', topic: 'a' }],
  [110, 'PUT nodes/{node}/plugins/{plugin}', { plugin: 'emq_retainer' }, { active: true }],
  [111, 'PUT nodes/{node}/plugins/{plugin}', { plugin: 'emq_reloader' }, { active: false }],
  [102, 'PUT nodes/{node}/plugins/{plugin}', { plugin: 'emq_nothing' }, { active: true }],
  [102, 'GET nodes/{node}/plugins/{plugin}/commands', { plugin: 'emq_nothing' }],
  [111, 'GET nodes/{node}/plugins/{plugin}/commands', { plugin: 'emq_auth_username' }],
  [102, 'POST nodes/{node}/plugins/{plugin}/run', { plugin: 'emq_nothing' }, { command: 'list' }],
  [111, 'POST nodes/{node}/plugins/{plugin}/run', { plugin: 'emq_auth_username' }, { command: 'list' }],
  [102, 'PUT configs/{app}', IDLE, { key: 'mqtt.nothing', value: '1' }],
  [102, 'PUT configs/{app}', { app: 'emq_nothing' }, KEY],
  [108, 'PUT nodes/{node}/configs/{app}', IDLE, { ...KEY, value: 'often' }],
  [102, 'DELETE configs/{app}', IDLE, { key: 'mqtt.nothing' }],
  [102, 'GET nodes/{node}/plugin_configs/{plugin}', { plugin: 'emq_nothing' }],
  [102, 'PUT nodes/{node}/plugin_configs/{plugin}', { plugin: 'emq_retainer' }, { 'retainer.nothing': '1' }],
  [102, 'GET trace', { '?': 'topic=a/%23/b' }],
  [107, 'GET trace', {}],
  [108, 'GET trace', { '?': 'topic=a&client=a' }],
  [113, 'POST users', {}, { ...USER, username: 'admin' }],
  [104, 'POST users', {}, { ...USER, username: '' }],
  [105, 'PUT users/{username}', { username: 'nobody' }, { tags: '' }],
  [105, 'DELETE users/{username}', { username: 'nobody' }],
  [106, 'DELETE users/{username}', { username: 'admin' }],
  [103, 'POST auth', {}, { username: 'admin', password: 'wrong' }],
  [103, 'POST auth', {}, { username: 'nobody', password: 'wrong' }],
  [104, 'POST auth', {}, { username: 'admin', password: '' }],
  [105, 'PUT change_pwd/{username}', { username: 'nobody' }, { new_pwd: 'new', old_pwd: 'old' }],
  [114, 'PUT change_pwd/{username}', { username: 'admin' }, { new_pwd: 'new', old_pwd: 'old' }],
  [104, 'PUT change_pwd/{username}', { username: 'admin' }, { new_pwd: '', old_pwd: 'public' }],
];

export const nameOf = ({ method, path }: Endpoint): string => `${method} ${path}`;
/** As the description has it. */
export const describedName = (of: string): string => of.replace(/ (.*)/, (_, path) => ` ${wholePath(path)}`);

/** @returns right requests to this node, of every endpoint at least one */
export function rightRequests(node: string): ApiRequest[] {
  return RIGHT.map((given) => requestOf(0, given, node));
}

/** @returns requests that are refused for each reason that endpoints name; none but 101 and 102 is left out */
export function refusedRequests(node: string): ApiRequest[] {
  const own = REFUSED.map(([code, ...given]) => requestOf(code, given, node));
  return [...own, ...ENDPOINTS.flatMap((each) => wrongForms(each, node))];
}

function requestOf(code: 0 | ApiCode, [of, values, body]: Given, node: string): ApiRequest {
  const path = of.replace(/\{(\w+)\}/g, (_, name: string) => ({ node, ...values })[name]!);
  const query = values['?'] === undefined ? '' : `?${values['?']}`;
  return { of, what: `${path}${query}`, options: body === undefined ? {} : { body }, code };
}

/** Another node, a broken escape, parameters that are missing or wrong, no JSON. */
function wrongForms(each: Endpoint, node: string): ApiRequest[] {
  const of = nameOf(each);
  const filled = of.replaceAll('{node}', node).replace(/\{\w+\}/g, 'any');
  const wrong = (code: ApiCode, what: string, body?: unknown): ApiRequest => ({
    ...{ of, what, code },
    options: body === undefined ? {} : { body },
  });
  const requests: ApiRequest[] = [];
  const fields = Object.entries(each.fields ?? {});
  const required = fields.filter(([, { fallback }]) => fallback === null).map(([name]) => name);
  const isQuery = each.method === 'GET';
  if (of.includes('{node}')) requests.push(wrong(101, filled.replace(node, 'other@127.0.0.1')));
  if (of.includes('{')) requests.push(wrong(108, of.replace(/\{\w+\}/g, '%zz')));
  if (required.length > 0) requests.push(wrong(107, filled, isQuery ? undefined : {}));
  if (fields.length > 0 && isQuery) requests.push(wrong(108, `${filled}?${fields.at(-1)![0]}=-`));
  if (fields.length > 0 && !isQuery) {
    const nothing = Object.fromEntries([...required, fields[0]![0]].map((name) => [name, null]));
    requests.push(wrong(108, filled, nothing));
  }
  if (!isQuery) requests.push(wrong(109, filled, '{"half":'), wrong(109, filled, '[]'));
  return requests;
}

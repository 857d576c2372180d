import test from 'ava';
import { API_CODES } from '../../src/api/api-error.js';
import { withApi } from '../helpers/api.js';
import { clientIdOn } from '../helpers/client-ids.js';
import { breakShard } from '../helpers/with-broker.js';
import { client, NODE } from './lists.js';

const USER = { username: 'ann', password: 'secret', tags: '' };
const MISSING = '"params error"';
const WRONG = '"params type error"';
const NO_JSON = '"Body not json"';
const EMPTY = '"Username or password is empty"';

/** Code, message as JSON (null: none), request, body. */
const REFUSED: readonly (readonly [code: number, message: string | null, what: string, body?: unknown])[] = [
  [101, '"nodedown"', 'GET nodes/other@127.0.0.1/clients'],
  [101, '"nodedown"', 'PUT nodes/other@127.0.0.1/plugins/emq_recon', { active: true }],
  [102, '"validate topic: a/# fail"', 'POST mqtt/publish', { topic: 'a/#' }],
  [
    102,
    '"validate topic: r\\u00e4ksm\\u00f6rg\\u00e5s/+ fail"',
    'POST mqtt/publish',
    { topic: 'räksmörgås/+' },
  ],
  [102, '"unknown"', `PUT nodes/${NODE}/plugins/emq_nothing`, { active: true }],
  [103, '"User not found"', 'POST auth', { username: 'nobody', password: 'x' }],
  [103, '"Password error"', 'POST auth', { username: 'admin', password: 'x' }],
  [104, EMPTY, 'POST auth', { username: '', password: 'x' }],
  [104, EMPTY, 'POST users', { ...USER, password: '' }],
  [104, EMPTY, 'PUT change_pwd/admin', { old_pwd: 'public', new_pwd: '' }],
  [105, '"User not found"', 'PUT users/nobody', { tags: '' }],
  [105, '"User not found"', 'DELETE users/nobody'],
  [105, '"User not found"', 'PUT change_pwd/nobody', { old_pwd: 'x', new_pwd: 'y' }],
  [106, '"admin cannot be deleted"', 'DELETE users/admin'],
  [107, MISSING, 'POST mqtt/publish', {}],
  [107, MISSING, 'POST mqtt/publish'],
  [107, MISSING, 'POST users', { username: 'ann', tags: '' }],
  [108, WRONG, 'POST mqtt/publish', { topic: null }],
  [108, WRONG, 'POST mqtt/publish', { topic: 'a', qos: 3 }],
  [108, WRONG, 'POST mqtt/publish', { topic: 'a', retain: 'true' }],
  [108, WRONG, `GET nodes/${NODE}/clients?curr_page=0`],
  [108, WRONG, `GET nodes/${NODE}/clients?page_size=10001`],
  [109, NO_JSON, 'POST mqtt/publish', '{"topic": "a",}'],
  [109, NO_JSON, 'POST mqtt/publish', '["a"]'],
  [109, NO_JSON, 'POST mqtt/publish', 'null'],
  [110, '"already_started"', `PUT nodes/${NODE}/plugins/emq_retainer`, { active: true }],
  [111, '"not_started"', `PUT nodes/${NODE}/plugins/emq_reloader`, { active: false }],
  [112, null, 'DELETE clients/nobody'],
  [112, '"Clientid: nobody not found"', 'DELETE sessions/nobody'],
  [112, null, 'PUT clients/nobody/clean_acl_cache', { topic: 'a' }],
  [112, '"Clientid: nobody not found"', 'POST mqtt/subscribe', { client_id: 'nobody', topic: 'a' }],
  [112, '"Clientid: nobody not found"', 'POST mqtt/unsubscribe', { client_id: 'nobody', topic: 'a' }],
  [113, '"User already exist"', 'POST users', { ...USER, username: 'admin' }],
  [114, '"OldPassword error"', 'PUT change_pwd/admin', { old_pwd: 'x', new_pwd: 'y' }],
];

test(
  'every code comes with HTTP 200, as JSON, with exactly EMQ’s body',
  withApi({}, async (ask, _broker, t) => {
    for (const [code, message, what, body] of REFUSED) {
      const answer = await ask(what, body === undefined ? {} : { body });
      const expected = message === null ? `{"code":${code}}` : `{"code":${code},"message":${message}}`;
      t.is(`${answer.status} ${answer.text}`, `200 ${expected}`, `${what} ${JSON.stringify(body)}`);
      t.is(answer.headers['content-type'], 'application/json');
    }
    const seen = new Set(REFUSED.map(([code]) => String(code)));
    t.deepEqual([...seen], Object.keys(API_CODES).slice(1), 'all of them, in order');
  }),
);

test(
  'where a shard does not answer, 101 comes in good time, and the other shards’ clients are found all the same',
  withApi({ config: { 'module.presence': 'off' } }, async (ask, broker, t) => {
    const [well, ill] = [clientIdOn(broker, 0, 'well'), clientIdOn(broker, 1, 'ill')];
    await client(broker, well);
    await breakShard(broker, 1, 'hang');
    // All at once: the shard is started anew before long.
    const asked = [`GET clients/${ill}`, `GET nodes/${NODE}/clients`, `DELETE clients/${ill}`];
    const answers = await Promise.all(asked.map((what) => ask(what)));
    for (const { text } of answers) t.is(text, '{"code":101,"message":"nodedown"}');
    const { json } = await ask(`GET clients/${well}`);
    t.like(json, { code: 0, result: { objects: [{ client_id: well }] } });
  }),
);

import test from 'ava';
import { withApi } from '../helpers/api.js';

const NODE = 'shardmq@127.0.0.1';

test(
  'GET management/nodes lists this node with EMQ’s keys in their order',
  withApi({}, async (ask, _broker, t) => {
    const { status, json, headers } = await ask('GET management/nodes');
    t.is(status, 200);
    t.is(headers['content-type'], 'application/json');
    const { code, result } = json as { code: number; result: Record<string, unknown>[] };
    t.is(code, 0);
    t.is(result.length, 1);
    t.is(result[0]!['name'], NODE);
    t.deepEqual(Object.keys(result[0]!), [
      'name',
      'version',
      'sysdescr',
      'uptime',
      'datetime',
      'otp_release',
      'node_status',
    ]);
  }),
);

test(
  'GET management/nodes/{node} is the same without the name, and 101 for a node that is not there',
  withApi({}, async (ask, _broker, t) => {
    const { json } = await ask(`GET management/nodes/${NODE}`);
    t.deepEqual(Object.keys((json as { result: object }).result)[0], 'version');
    const other = await ask('GET management/nodes/other@127.0.0.1');
    t.is(other.status, 200);
    t.is(other.text, '{"code":101,"message":"nodedown"}');
  }),
);

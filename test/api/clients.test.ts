import test from 'ava';
import { asciiJson } from '../../src/api/http/answers.js';
import { withApi } from '../helpers/api.js';
import { breakShard, until } from '../helpers/with-broker.js';
import { client, LOCAL_TIME, NODE, type PageAnswer, refusesWrongPages, rowsOf } from './lists.js';

const EMPTY =
  '{"code":0,"result":{"current_page":1,"page_size":20,"total_num":0,"total_page":0,"objects":[]}}';

test.serial(
  'clients of a node are listed with EMQ’s keys, by ClientId, from all shards',
  withApi({ config: { 'node.shards': 3 } }, async (ask, broker, t) => {
    t.is((await ask(`GET nodes/${NODE}/clients`)).text, EMPTY);
    const first = await client(broker, 'a/first', { keepAlive: 60 });
    await client(broker, 'b', { clean: false, username: 'bob', keepAlive: 0 }, 3);
    await client(broker, 'ü', { username: 'ü' }, 5);
    const { text, json } = await ask(`GET nodes/${NODE}/clients?curr_page=1&page_size=20`);
    const { objects } = (json as PageAnswer).result;
    for (const row of objects) t.regex(String(row['connected_at']), LOCAL_TIME);
    const ports = objects.map((row) => row['port']);
    const at = objects.map((row) => row['connected_at']);
    t.is(
      text,
      asciiJson({
        code: 0,
        result: {
          current_page: 1,
          page_size: 20,
          total_num: 3,
          total_page: 1,
          objects: [
            ['a/first', 'undefined', true, 4, 60],
            ['b', 'bob', false, 3, 0],
            ['ü', 'ü', true, 5, 0],
          ].map(([client_id, username, clean_sess, proto_ver, keepalive], i) => ({
            client_id,
            username,
            ipaddress: '127.0.0.1',
            port: ports[i],
            clean_sess,
            proto_ver,
            keepalive: i === 2 ? objects[2]!['keepalive'] : keepalive,
            connected_at: at[i],
          })),
        },
      }).toString('latin1'),
    );
    t.true(ports.every((port) => Number.isInteger(port) && Number(port) > 0));
    await first.disconnect();
    await until(async () => (await rowsOf(ask, `nodes/${NODE}/clients`)).length === 2);
  }),
);

test.serial(
  'one client is found on the node and in the cluster, with slashes in its ClientId too; an unknown one is no error',
  withApi({}, async (ask, broker, t) => {
    await client(broker, 'a/b c');
    const [row] = await rowsOf(ask, `nodes/${NODE}/clients`);
    const expected = JSON.stringify({ code: 0, result: { objects: [row] } });
    t.is((await ask('GET clients/a/b+c')).text, expected);
    t.is((await ask(`GET nodes/${NODE}/clients/a%2Fb%20c`)).text, expected);
    t.is((await ask('GET clients/nobody')).text, '{"code":0,"result":{"objects":[]}}');
    t.is((await ask(`GET nodes/${NODE}/clients/nobody`)).text, '{"code":0,"result":{"objects":[]}}');
    for (const path of ['clients', 'clients/x']) {
      t.is((await ask(`GET nodes/other@host/${path}`)).text, '{"code":101,"message":"nodedown"}');
    }
  }),
);

test.serial(
  'an absent client is not listed, one that is taken over is listed once, with its new connection',
  withApi({}, async (ask, broker, t) => {
    const old = await client(broker, 'same', { clean: false });
    const [before] = await rowsOf(ask, 'clients/same');
    const again = await client(broker, 'same', { clean: false });
    const rows = await rowsOf(ask, `nodes/${NODE}/clients`);
    t.is(rows.length, 1);
    t.not(rows[0]!['port'], before!['port']);
    await old.expectClosed();
    await again.disconnect();
    await until(async () => (await rowsOf(ask, `nodes/${NODE}/clients`)).length === 0);
    t.deepEqual(await rowsOf(ask, 'clients/same'), []);
  }),
);

test.serial(
  'pages follow one another without a gap; past the end they are empty; wrong ones are 108',
  withApi({ config: { 'node.shards': 3 } }, async (ask, broker, t) => {
    const ids = Array.from({ length: 45 }, (_, i) => `c${i * 37}`);
    await Promise.all(ids.map((id) => client(broker, id)));
    const found: unknown[] = [];
    for (let page = 1; page <= 5; page += 1) {
      const { json } = await ask(`GET nodes/${NODE}/clients?curr_page=${page}&page_size=10`);
      const { result } = json as PageAnswer;
      t.is(result.total_num, 45);
      t.is(result.total_page, 5);
      t.is(result.objects.length, page === 5 ? 5 : 10);
      found.push(...result.objects.map((row) => row['client_id']));
    }
    t.deepEqual(found, [...ids].sort());
    t.deepEqual(await rowsOf(ask, `nodes/${NODE}/clients?curr_page=6&page_size=10`), []);
    t.is((await rowsOf(ask, `node/${NODE}/clients?page_size=10000`)).length, 45);
    await refusesWrongPages(ask, t, `nodes/${NODE}/clients`);
  }),
);

test.serial(
  'while a shard is down lists are 101, and not later',
  withApi({}, async (ask, broker, t) => {
    await client(broker, 'somebody');
    await breakShard(broker, 1, 'throw');
    const answers = await Promise.all(
      ['clients', 'sessions', 'subscriptions'].map((kind) => ask(`GET nodes/${NODE}/${kind}`)),
    );
    for (const { text, status } of answers) {
      t.is(status, 200);
      t.is(text, '{"code":101,"message":"nodedown"}');
    }
    await until(async () => ((await ask(`GET nodes/${NODE}/clients`)).json as PageAnswer).code === 0);
  }),
);

test.serial(
  'a shard that hangs makes a list 101 within the deadline, and others go on to answer for their own',
  withApi({}, async (ask, broker, t) => {
    const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const id of ids) await client(broker, id);
    const other = ids.find((id) => broker.shardOf(id) !== 1)!;
    await breakShard(broker, 1, 'hang');
    // The shard hangs a moment after it has said so.
    let text = '';
    await until(async () => {
      const answer = await ask(`GET nodes/${NODE}/clients`);
      text = answer.text;
      return answer.status !== 200 || (answer.json as PageAnswer).code !== 0;
    });
    t.is(text, '{"code":101,"message":"nodedown"}');
    t.is((await rowsOf(ask, `clients/${other}`)).length, 1);
  }),
);

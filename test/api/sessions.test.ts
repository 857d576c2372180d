import test from 'ava';
import { withApi } from '../helpers/api.js';
import { until } from '../helpers/with-broker.js';
import { client, LOCAL_TIME, NODE, type PageAnswer, refusesWrongPages, rowsOf } from './lists.js';

const NEW = {
  clean_sess: true,
  subscriptions: 0,
  max_inflight: 32,
  inflight_len: 0,
  mqueue_len: 0,
  mqueue_dropped: 0,
  awaiting_rel_len: 0,
  deliver_msg: 0,
  enqueue_msg: 0,
};

test(
  'sessions of a node are listed with EMQ’s keys, those of absent clients too',
  withApi({ config: { 'node.shards': 3, 'mqtt.session.max_inflight': 32 } }, async (ask, broker, t) => {
    await client(broker, 'b');
    const absent = await client(broker, 'a', { clean: false });
    await absent.subscribe([
      ['x', 1],
      ['y', 0],
    ]);
    await absent.disconnect();
    const publisher = await client(broker, 'publisher');
    await publisher.publish({ topic: 'x', payload: '1', qos: 1 });
    await publisher.publish({ topic: 'x', payload: '2', qos: 1 });
    publisher.sendPublish({ topic: 'z', payload: '3', qos: 2, id: 77 });
    await publisher.expect('pubrec');
    await until(async () => (await rowsOf(ask, 'sessions/a'))[0]!['mqueue_len'] === 2);
    const { text, json } = await ask(`GET nodes/${NODE}/sessions`);
    const { objects } = (json as PageAnswer).result;
    for (const row of objects) t.regex(String(row['created_at']), LOCAL_TIME);
    const at = objects.map((row) => row['created_at']);
    const expected = [
      { client_id: 'a', ...NEW, clean_sess: false, subscriptions: 2, mqueue_len: 2, enqueue_msg: 2 },
      { client_id: 'b', ...NEW },
      { client_id: 'publisher', ...NEW, awaiting_rel_len: 1 },
    ];
    const result = { current_page: 1, page_size: 20, total_num: 3, total_page: 1 };
    const rows = expected.map((row, i) => ({ ...row, created_at: at[i] }));
    t.is(text, JSON.stringify({ code: 0, result: { ...result, objects: rows } }));
    for (const path of [`nodes/${NODE}/sessions/a`, 'sessions/a', `node/${NODE}/sessions/a`]) {
      t.is((await ask(`GET ${path}`)).text, JSON.stringify({ code: 0, result: { objects: [rows[0]] } }));
    }
    t.is((await ask('GET sessions/nobody')).text, '{"code":0,"result":{"objects":[]}}');
    await refusesWrongPages(ask, t, `nodes/${NODE}/sessions`);
  }),
);

test(
  'what is under way and what was delivered is counted; a clean session goes with its connection',
  withApi({}, async (ask, broker, t) => {
    const subscriber = await client(broker, 'subscriber');
    await subscriber.subscribe([['t', 1]]);
    const publisher = await client(broker, 'publisher');
    await publisher.publish({ topic: 't', payload: 'x', qos: 1 });
    await subscriber.expect('publish');
    const [row] = await rowsOf(ask, 'sessions/subscriber');
    t.is(row!['inflight_len'], 1);
    t.is(row!['deliver_msg'], 1);
    t.is(row!['subscriptions'], 1);
    await subscriber.disconnect();
    await until(async () => (await rowsOf(ask, 'sessions/subscriber')).length === 0);
  }),
);

test(
  'a clean start makes the session anew, listed once',
  withApi({}, async (ask, broker, t) => {
    const old = await client(broker, 'same', { clean: false });
    await old.subscribe('t');
    await client(broker, 'same', { clean: true });
    const rows = await rowsOf(ask, `nodes/${NODE}/sessions`);
    t.is(rows.length, 1);
    t.is(rows[0]!['subscriptions'], 0);
    t.is(rows[0]!['clean_sess'], true);
    t.deepEqual(await rowsOf(ask, `nodes/${NODE}/subscriptions`), []);
  }),
);

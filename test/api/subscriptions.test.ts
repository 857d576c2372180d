import test from 'ava';
import { withApi } from '../helpers/api.js';
import { until } from '../helpers/with-broker.js';
import { client, NODE, type PageAnswer, refusesWrongPages, rowsOf } from './lists.js';

test(
  'subscriptions are listed by ClientId, then by filter, without prefixes, those of absent clients too',
  withApi({ config: { 'node.shards': 3 } }, async (ask, broker, t) => {
    const b = await client(broker, 'b');
    await b.subscribe([
      ['z/+', 2],
      ['$share/g/s', 1],
      ['$local/l', 0],
      ['$queue/q', 1],
      ['/World', 0],
    ]);
    const a = await client(broker, 'a', { clean: false });
    await a.subscribe([['#', 1]]);
    await a.disconnect();
    await client(broker, 'none');
    const rows = [
      { client_id: 'a', topic: '#', qos: 1 },
      { client_id: 'b', topic: '/World', qos: 0 },
      { client_id: 'b', topic: 'l', qos: 0 },
      { client_id: 'b', topic: 'q', qos: 1 },
      { client_id: 'b', topic: 's', qos: 1 },
      { client_id: 'b', topic: 'z/+', qos: 2 },
    ];
    const page = { current_page: 1, page_size: 20, total_num: 6, total_page: 1, objects: rows };
    t.is((await ask(`GET nodes/${NODE}/subscriptions`)).text, JSON.stringify({ code: 0, result: page }));
    const ofB = JSON.stringify({ code: 0, result: { objects: rows.slice(1) } });
    t.is((await ask(`GET nodes/${NODE}/subscriptions/b`)).text, ofB);
    t.is((await ask('GET subscriptions/b')).text, ofB);
    for (const nobody of ['nobody', 'none']) {
      t.is((await ask(`GET subscriptions/${nobody}`)).text, '{"code":0,"result":{"objects":[]}}');
    }
    await refusesWrongPages(ask, t, `nodes/${NODE}/subscriptions`);
    await b.unsubscribe('z/+', '$share/g/s');
    t.is((await rowsOf(ask, `nodes/${NODE}/subscriptions`)).length, 4);
    await b.disconnect();
    await until(async () => (await rowsOf(ask, `nodes/${NODE}/subscriptions`)).length === 1);
  }),
);

test(
  'pages go through subscriptions of many clients with different numbers of them',
  withApi({ config: { 'node.shards': 3 } }, async (ask, broker, t) => {
    const expected: string[] = [];
    for (let i = 0; i < 20; i += 1) {
      const id = `c${10 + i}`;
      const opened = await client(broker, id);
      const filters = Array.from({ length: (i * 5) % 23 }, (_, number) => `f/${100 + number}`);
      if (filters.length > 0) await opened.subscribe([...filters].reverse().map((filter) => [filter, 0]));
      expected.push(...filters.map((filter) => `${id} ${filter}`));
    }
    const found: string[] = [];
    for (let page = 1; ; page += 1) {
      const { json } = await ask(`GET nodes/${NODE}/subscriptions?curr_page=${page}&page_size=7`);
      const { result } = json as PageAnswer;
      t.is(result.total_num, expected.length);
      found.push(...result.objects.map((row) => `${row['client_id']} ${row['topic']}`));
      if (result.objects.length < 7) break;
    }
    t.deepEqual(found, expected);
  }),
);

test(
  'a session with thousands of subscriptions is listed whole, newest first, and page by page',
  withApi({}, async (ask, broker, t) => {
    const many = await client(broker, 'many');
    const filters = Array.from({ length: 3_000 }, (_, i) => `f/${10_000 + i}`);
    await many.subscribe(filters.map((filter) => [filter, 1]));
    await many.subscribe([['$share/g/s', 1]]);
    const rows = await rowsOf(ask, 'subscriptions/many');
    t.deepEqual(
      rows.map((row) => row['topic']),
      [...filters.reverse(), 's'],
    );
    const page = await rowsOf(ask, `nodes/${NODE}/subscriptions?curr_page=2&page_size=1400`);
    t.deepEqual(page, rows.slice(1_400, 2_800));
    t.is((await rowsOf(ask, `nodes/${NODE}/subscriptions?curr_page=3&page_size=1400`)).length, 201);
  }),
);

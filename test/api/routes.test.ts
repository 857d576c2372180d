import test from 'ava';
import { withApi } from '../helpers/api.js';
import { advanceClock, breakShard, until } from '../helpers/with-broker.js';
import { client, NODE, type PageAnswer, refusesWrongPages, rowsOf } from './lists.js';

test(
  'routes are the filters of all shards, each once, by filter; those of $local/ have a row of their own',
  withApi({ config: { 'node.shards': 3 } }, async (ask, broker, t) => {
    const none = { current_page: 1, page_size: 20, total_num: 0, total_page: 0, objects: [] };
    t.is((await ask('GET routes')).text, JSON.stringify({ code: 0, result: none }));
    const clients = await Promise.all(['a', 'b', 'c', 'd'].map((id) => client(broker, id)));
    for (const each of clients) await each.subscribe('/World');
    await clients[0]!.subscribe([
      ['$share/g/s/+', 1],
      ['$local/only', 0],
      ['$local/both', 0],
    ]);
    await clients[1]!.subscribe('both');
    await clients[2]!.subscribe('$local/$share/g/grouped');
    const topics = ['$local/both', '$local/grouped', '$local/only', '/World', 'both', 's/+'];
    const rows = topics.map((topic) => ({ topic, node: NODE }));
    const result = { current_page: 1, page_size: 20, total_num: 6, total_page: 1, objects: rows };
    t.is((await ask('GET routes')).text, JSON.stringify({ code: 0, result }));
    t.deepEqual(await rowsOf(ask, 'routes?curr_page=2&page_size=4'), rows.slice(4));
    await refusesWrongPages(ask, t, 'routes');

    // It is kept current while it is asked for.
    await clients[0]!.unsubscribe('$local/both', '$share/g/s/+');
    await clients[2]!.unsubscribe('$local/$share/g/grouped');
    await clients[3]!.subscribe('new/#');
    const topicsOf = async (): Promise<unknown[]> => (await rowsOf(ask, 'routes')).map((row) => row['topic']);
    await until(async () => (await topicsOf()).length === 4, 'routes that are gone');
    t.deepEqual(await topicsOf(), ['$local/only', '/World', 'both', 'new/#']);
    // And made anew after nobody has asked for a while.
    await advanceClock(broker, 120_000);
    t.deepEqual(await topicsOf(), ['$local/only', '/World', 'both', 'new/#']);
    for (const each of clients) await each.disconnect();
    await until(async () => (await topicsOf()).length === 0, 'no routes');
  }),
);

test(
  'one route is that of exactly this filter',
  withApi({}, async (ask, broker, t) => {
    const a = await client(broker, 'a');
    const b = await client(broker, 'b');
    await a.subscribe([
      ['/World', 0],
      ['a/+', 0],
      ['$local/a/#', 0],
    ]);
    await b.subscribe([['a/#', 0]]);
    const found = (...topics: string[]): string =>
      JSON.stringify({ code: 0, result: { objects: topics.map((topic) => ({ topic, node: NODE })) } });
    t.is((await ask('GET routes//World')).text, found('/World'));
    t.is((await ask('GET routes/a/%2B')).text, found('a/+'));
    t.is((await ask('GET routes/a/%23')).text, found('a/#', '$local/a/#'));
    t.is((await ask('GET routes/$local/a/%23')).text, found('$local/a/#'));
    const none = ['a/b', 'World', 'a/%23/b', '$local/a/b', '$local/', `${'x'.repeat(70_000 >> 3)}`];
    for (const topic of none) t.is((await ask(`GET routes/${topic}`)).text, found(), topic);
  }),
);

test(
  'thousands of routes come in order over all pages, and a shard that starts anew brings its own back',
  withApi({ config: { 'node.shards': 3 } }, async (ask, broker, t) => {
    const a = await client(broker, 'a');
    const filters = Array.from({ length: 5_000 }, (_, i) => `f/${10_000 + ((i * 7919) % 5_000)}`);
    await a.subscribe(filters.map((filter) => [filter, 0]));
    filters.sort();
    for (const path of ['routes', 'route'])
      t.is(((await ask(`GET ${path}`)).json as PageAnswer).result.total_num, 5_000, path);
    t.is((await ask('GET routes/')).status, 404);
    const all = async (): Promise<unknown[]> =>
      (await rowsOf(ask, 'routes?page_size=10000')).map((row) => row['topic']);
    t.deepEqual(await all(), filters);
    const middle = await rowsOf(ask, 'routes?curr_page=125&page_size=20');
    t.deepEqual(
      middle.map((row) => row['topic']),
      filters.slice(2_480, 2_500),
    );
    const other = (broker.shardOf('a') + 1) % 3;
    await breakShard(broker, other, 'throw');
    await until(async () => ((await ask('GET routes')).json as PageAnswer).code === 0, 'the shard');
    t.deepEqual(await all(), filters);
  }),
);

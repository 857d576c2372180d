/** Lists and figures of a broker that runs, asked for with the command as it is installed. */
import test from 'ava';
import { client, NODE } from '../api/lists.js';
import { withApi } from '../helpers/api.js';
import { typing } from './remote.js';

const AT = '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d';

test(
  'clients: a line per client with tabs; show and kick one of them',
  withApi({}, async (_ask, broker, t) => {
    const type = typing(broker.apiPort);
    t.deepEqual(await type('clients'), { code: 0, stdout: '', stderr: 'no client is connected\n' });
    await client(broker, 'a/b c', { keepAlive: 60 });
    await client(broker, 'b', { username: 'bob', keepAlive: 0, clean: false }, 3);
    const { stdout } = await type('clients list');
    t.regex(
      stdout,
      new RegExp(
        `^a/b c\\tundefined\\t127\\.0\\.0\\.1\\t\\d+\\ttrue\\t4\\t60\\t${AT}\\n` +
          `b\\tbob\\t127\\.0\\.0\\.1\\t\\d+\\tfalse\\t3\\t0\\t${AT}\\n$`,
      ),
    );
    t.is((await type('clients --limit 1')).stdout, stdout.slice(0, stdout.indexOf('\n') + 1));
    const shown = await type(['clients', 'show', 'a/b c']);
    t.regex(shown.stdout, /^client_id\ta\/b c\nusername\tundefined\nipaddress\t127\.0\.0\.1\nport\t\d+\n/);
    t.deepEqual(await type('clients show c'), {
      code: 1,
      stdout: '',
      stderr: 'shardmq: no client c is connected\n',
    });
  }),
);

test(
  'lists as JSON have a line per row, as the API has it',
  withApi({}, async (ask, broker, t) => {
    await client(broker, 'a');
    await client(broker, 'ü"');
    const type = typing(broker.apiPort);
    const { json } = await ask(`GET nodes/${NODE}/clients`);
    const { objects } = (json as { result: { objects: unknown[] } }).result;
    t.is((await type('clients --json')).stdout, objects.map((row) => `${JSON.stringify(row)}\n`).join(''));
    t.is((await type(['clients', 'show', 'ü"', '--json'])).stdout, `${JSON.stringify(objects[1])}\n`);
  }),
);

test(
  'sessions, subscriptions, routes and topics',
  withApi({}, async (_ask, broker, t) => {
    const type = typing(broker.apiPort);
    for (const what of ['sessions', 'subscriptions', 'routes', 'topics']) {
      const { code, stdout, stderr } = await type(what);
      t.deepEqual([code, stdout], [0, ''], what);
      t.regex(stderr, /^there are no (sessions|subscriptions)\n$/);
    }
    const one = await client(broker, 'one', { clean: false });
    await one.subscribe([['a/+', 1]]);
    await one.subscribe([['b', 0]]);
    t.regex((await type('sessions')).stdout, new RegExp(`^one\\tfalse\\t2\\t0\\t0\\t0\\t0\\t${AT}\\n$`));
    t.regex(
      (await type('sessions show one')).stdout,
      /^client_id\tone\nclean_sess\tfalse\nsubscriptions\t2\n/,
    );
    t.is((await type('subscriptions')).stdout, 'one\ta/+\t1\none\tb\t0\n');
    t.is((await type('subscriptions show one')).stdout, 'one\ta/+\t1\none\tb\t0\n');
    t.is((await type('routes')).stdout, `a/+\t${NODE}\nb\t${NODE}\n`);
    t.is((await type('routes show a/+')).stdout, `a/+\t${NODE}\n`);
    t.is((await type('topics')).stdout, 'a/+\nb\n');
    t.is((await type('topics --json')).stdout, '{"topic":"a/+"}\n{"topic":"b"}\n');
    for (const [line, message] of [
      ['sessions show x', 'x has no session'],
      ['subscriptions show x', 'x has no subscriptions'],
      ['routes show a/b', 'nobody has subscribed to exactly a/b'],
    ] as const) {
      t.deepEqual(await type(line), { code: 1, stdout: '', stderr: `shardmq: ${message}\n` });
    }
    const removed = { code: 0, stdout: 'the session of one has ended\n', stderr: '' };
    t.deepEqual(await type('sessions remove one'), removed);
    await one.expectClosed();
    const again = { code: 1, stdout: '', stderr: 'shardmq: one has no session\n' };
    t.deepEqual(await type('sessions remove one'), again);
  }),
);

test(
  'what a terminal would obey is shown, not sent',
  withApi({ config: { 'mqtt.allow_anonymous': true } }, async (_ask, broker, t) => {
    const one = await client(broker, 'one');
    await one.subscribe([['a\u202eb/\u2066c', 0]]);
    t.is((await typing(broker.apiPort)('topics')).stdout, 'a\\u202eb/\\u2066c\n');
  }),
);

test(
  'status, listeners, metrics and stats',
  withApi({}, async (_ask, broker, t) => {
    await client(broker, 'one');
    const type = typing(broker.apiPort);
    const status = await type('status');
    t.is(status.code, 0);
    t.regex(status.stdout, new RegExp(`^node\\t${NODE}, Running\\nversion\\t`));
    t.regex(status.stdout, /\nclients\t1 \(at most 1\)\nsessions\t1 \(at most 1\)\n/);
    t.notRegex(status.stdout, /undefined|NaN/);
    t.like(JSON.parse((await type('status --json')).stdout), {
      name: NODE,
      clients: 1,
      'stats/none': undefined,
    });
    t.regex((await type('listeners')).stdout, /^mqtt:tcp\t127\.0\.0\.1:\d+\t\d+\t1\t\d+\t$/m);
    t.is((await type('metrics packets/connect')).stdout, 'packets/connect\t1\n');
    t.is((await type('metrics')).stdout.split('\n').length, 39);
    t.is((await type('stats clients')).stdout, 'clients/count\t1\nclients/max\t1\n');
    t.is((await type('stats --json clients')).stdout, '{"clients/count":1,"clients/max":1}\n');
    t.is((await type('metrics nothing')).stderr, 'shardmq: none of the metrics begins with nothing\n');
  }),
);

test(
  'status without a password says whether the broker runs',
  withApi({}, async (_ask, broker, t) => {
    t.deepEqual(await typing(broker.apiPort)('status', { SHARDMQ_API_PASSWORD: '' }), {
      code: 0,
      stdout: `Node ${NODE} is started\nemqttd is running\n`,
      stderr: 'with SHARDMQ_API_PASSWORD or --password-file FILE it says more\n',
    });
  }),
);

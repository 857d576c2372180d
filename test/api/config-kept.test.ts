import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { asking, withApi } from '../helpers/api.js';
import { storedText, storeText } from '../helpers/documents.js';
import {
  breakShard,
  RecordingLogger,
  startTestBroker,
  type TestBrokerOptions,
  tempDirectory,
} from '../helpers/with-broker.js';
import { ConfigStage, DONE } from './config-stage.js';

const API = { 'listener.api.mgmt': '127.0.0.1:0' };
const KEY = 'mqtt.receive_maximum';

/** What clients of both shards are told now. */
async function receiveMaximums(stage: ConfigStage): Promise<(number | undefined)[]> {
  const { t, ask, broker } = stage;
  const stages = [0, 1].map((shard) => new ConfigStage(t, ask, broker, shard));
  const clients = await Promise.all(stages.map((each) => each.join({ version: 5 })));
  for (const each of stages) each.leave();
  return clients.map(({ connack }) => connack?.properties.receiveMaximum);
}

test.serial(
  'changes are kept over restarts, win over what the program says, and give way to --set',
  async (t) => {
    const directory = tempDirectory();
    const run = async (options: TestBrokerOptions, scene: (stage: ConfigStage) => Promise<void>) => {
      const config = { ...API, [KEY]: 20, ...options.config };
      const broker = await startTestBroker({ ...options, config }, directory);
      try {
        await scene(new ConfigStage(t, asking(broker.apiPort), broker, 0));
      } finally {
        await broker.stop();
      }
    };
    await run({}, async (stage) => {
      t.is(await storedText(directory, 'settings'), null);
      await stage.put(KEY, '30');
      await stage.put('mqtt.session.retry_interval', '90s');
      t.deepEqual(JSON.parse((await storedText(directory, 'settings'))!), {
        formatVersion: 1,
        values: { [KEY]: '30', 'mqtt.session.retry_interval': '1m30s' },
      });
    });
    const logger = new RecordingLogger();
    await run({ logger }, async (stage) => {
      t.deepEqual(await receiveMaximums(stage), [30, 30]);
      t.true(
        logger.has(
          'info',
          /^settings changed while the broker ran are in force: 2 of 2 in settings in .*main$/,
        ),
      );
    });
    const overridden = new RecordingLogger();
    await run({ set: [`${KEY}=40`], logger: overridden }, async (stage) => {
      t.deepEqual(await receiveMaximums(stage), [40, 40]);
      t.true(overridden.has('info', /in force: 1 of 2/));
    });
    await run({}, async (stage) => {
      await stage.reset(KEY);
      t.deepEqual(await receiveMaximums(stage), [20, 20]);
    });
    await run({}, async (stage) => {
      t.deepEqual(await receiveMaximums(stage), [20, 20]);
    });
  },
);

test.serial('kept settings that are not right stops the start with a line that says so', async (t) => {
  for (const [text, expected] of [
    ['{', /^settings in .*main: damaged: .*; restore a backup, or put a good settings\.json/],
    ['{"formatVersion":2,"values":{}}', /settings in .*main: damaged/],
    ['{"formatVersion":1,"values":{"mqtt.cache_acl":true}}', /settings in .*main: damaged/],
    [
      '{"formatVersion":1,"values":{"mqtt.cache_acl":"perhaps"}}',
      /settings in .*main: mqtt\.cache_acl = "perhaps"/,
    ],
    [
      '{"formatVersion":1,"values":{"node.shards":"3"}}',
      /node\.shards.*may be changed while the broker runs/,
    ],
    ['{"formatVersion":1,"values":{"mqtt.nothing":"3"}}', /mqtt\.nothing.*may be changed/],
  ] as const) {
    const directory = tempDirectory();
    await storeText(directory, 'settings', text);
    const error = await t.throwsAsync(startTestBroker({}, directory), undefined, text);
    t.regex(error?.message ?? '', expected);
  }
});

test.serial('what cannot be stored is not changed', async (t) => {
  const directory = tempDirectory();
  // The file of an earlier version, which can be read, and never be taken in.
  writeFileSync(join(directory, 'settings.json'), '{"formatVersion":1,"values":{}}');
  mkdirSync(join(directory, 'settings.json.imported'));
  const broker = await startTestBroker({ config: API }, directory);
  const ask = asking(broker.apiPort);
  const { text } = await ask('PUT configs/emqttd', { body: { key: KEY, value: '9' } });
  t.regex(text, /^\{"code":102,"message":"/);
  t.is(broker.config[KEY], 1024);
  t.deepEqual(await receiveMaximums(new ConfigStage(t, ask, broker, 0)), [1024, 1024]);
  await broker.stop();
});

test.serial(
  'a shard that crashes comes back with what was changed, before its crash and while it was down',
  withApi({}, async (ask, broker, t) => {
    const stage = new ConfigStage(t, ask, broker, 0);
    await stage.put(KEY, '31');
    await breakShard(broker, 1, 'throw');
    await stage.put('mqtt.max_topic_alias', '5');
    t.deepEqual(await receiveMaximums(stage), [31, 31]);
    const late = await new ConfigStage(t, ask, broker, 1).join({ version: 5 });
    t.is(late.connack?.properties.topicAliasMaximum, 5);
    late.drop();
  }),
);

test.serial('a shard that does not confirm is started anew, and the answer waits for its end', async (t) => {
  const logger = new RecordingLogger();
  await withApi({ logger }, async (ask, broker) => {
    const stage = new ConfigStage(t, ask, broker, 0);
    await breakShard(broker, 1, 'hang');
    await stage.put(KEY, '32');
    t.true(logger.has('error', /^shard 1 has ended: it has not taken configuration 1: /));
    t.deepEqual(await receiveMaximums(stage), [32, 32]);
  })(t);
});

test.serial(
  'of many changes at once each is whole, and the last one stays everywhere',
  withApi({}, async (ask, broker, t) => {
    const values = Array.from({ length: 40 }, (_, i) => 100 + i);
    const answers = await Promise.all(
      values.map((value) => ask('PUT configs/emqttd', { body: { key: KEY, value: String(value) } })),
    );
    t.true(answers.every(({ text }) => text === DONE));
    const last = broker.config[KEY];
    t.true(values.includes(last));
    t.deepEqual(await receiveMaximums(new ConfigStage(t, ask, broker, 0)), [last, last]);
    const kept = JSON.parse((await storedText(broker.config['node.data_dir'], 'settings'))!);
    t.deepEqual(kept.values, { [KEY]: String(last) });
  }),
);

test.serial(
  'plugin_configs shows a plugin’s keys, takes them back as they were shown, and keeps secrets to itself',
  withApi({}, async (ask, broker, t) => {
    const path = `nodes/${broker.name}/plugin_configs/emq_auth_username`;
    const rows = async () =>
      ((await ask(`GET ${path}`)).json as { result: Record<string, unknown>[] }).result;
    const put = async (body: unknown): Promise<string> => (await ask(`PUT ${path}`, { body })).text;
    t.true((await broker.plugins.start('emq_auth_username')).ok);
    for (const row of await rows()) {
      t.deepEqual(Object.keys(row), ['key', 'value', 'desc', 'required']);
      t.is(row['value'], '');
      t.false(row['required']);
    }
    const user = { 'auth.user.1.username': 'ann', 'auth.user.1.password': 'secret' };
    t.is(await put(user), DONE);
    const shown = await rows();
    const set = shown.filter(({ required }) => required);
    t.deepEqual(
      set.map(({ key, value }) => [key, value]),
      [
        ['auth.user.1.username', 'ann'],
        ['auth.user.1.password', '******'],
      ],
    );
    const back = Object.fromEntries(shown.map(({ key, value }) => [key, value]));
    t.is(await put(back), DONE);
    for (const [shard, password, code] of [
      [0, 'secret', 0],
      [1, '******', 4],
      [1, 'secret', 0],
    ] as const) {
      const client = await new ConfigStage(t, ask, broker, shard).join({ username: 'ann', password });
      t.is(client.connack?.code, code);
      client.drop();
    }
    t.regex(await put({ ...user, 'auth.nothing': '1' }), /^\{"code":102,/);
    t.regex(await put({ ...user, 'auth.user.2.password': '******' }), /^\{"code":102,/);
    t.regex(await put({ 'auth.user.1.username': 1 }), /^\{"code":102,/);
    t.is((await rows()).filter(({ required }) => required).length, 2);
    t.is(await put({}), DONE);
    t.true((await rows()).every(({ required }) => required === false));
    const other = (what: string) => ask(`${what} nodes/${broker.name}/plugin_configs/nothing`, {});
    t.regex((await other('GET')).text, /^\{"code":102,/);
    t.regex((await other('PUT')).text, /^\{"code":102,/);
    const none = await ask(`GET nodes/${broker.name}/plugin_configs/emq_plugin_template`);
    t.is(none.text, DONE);
    t.is(
      (await ask('GET nodes/other/plugin_configs/emq_retainer')).text,
      '{"code":101,"message":"nodedown"}',
    );
  }),
);

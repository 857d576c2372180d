/** What clients see of access rules. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { BrokerError } from '../../src/base/errors.js';
import { PERSISTENT } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import { breakShard, startTestBroker, tempDirectory, until } from '../helpers/with-broker.js';
import { type Guarded, guarded } from './guarded.js';

const EXAMPLE = readFileSync(new URL('../../../examples/acl.conf', import.meta.url), 'utf8');

/** Nothing that was published so far is on its way to the client. */
async function expectNone(g: Guarded, client: RawClient): Promise<void> {
  await client.expectNothingFrom(await g.connect({ username: 'watch' }));
}

/** What SUBACK says of each filter. */
async function codesOf(client: RawClient, ...filters: string[]): Promise<number[]> {
  return (await client.subscribe(filters.map((filter) => [filter, 0] as const))).codes;
}

const GUARDED_TOPICS = `
  {allow, {user, "watch"}, pubsub, ["#"]}.
  {allow, all, publish, ["open/#"]}.
  {allow, all, pubsub, ["c/%c/+", "u/%u"]}.
  {deny, all}.
`;

for (const version of [3, 4, 5] as const) {
  test.serial(
    `MQTT level ${version}: a denied publish reaches nobody, and only MQTT 5 is told`,
    guarded({ rules: GUARDED_TOPICS }, async (g, t) => {
      const watcher = await g.connect({ at: 1, username: 'watch' });
      await watcher.subscribe('#');
      const client = await g.connect({ version });
      client.sendPublish({ topic: 'shut', payload: '0' });
      const denied = version === 5 ? 0x87 : 0;
      t.is((await client.publish({ topic: 'shut', qos: 1 }))?.code, denied);
      client.sendPublish({ topic: 'shut', qos: 2, id: 9 });
      t.is((await client.expect('pubrec')).code, denied);
      client.sendPublish({ topic: 'shut', payload: 'kept', retain: true });
      t.is((await client.publish({ topic: 'open/a', payload: 'in', qos: 1 }))?.code, 0);
      await watcher.receive('in');
      await expectNone(g, watcher);
    }),
  );

  test.serial(
    `MQTT level ${version}: each filter is decided by itself, without its prefixes`,
    guarded(
      {
        rules: '{deny, all, subscribe, ["a/#"]}. {allow, all, subscribe, ["b/+"]}.',
        config: { 'mqtt.acl_nomatch': 'deny' },
      },
      async (g, t) => {
        const client = await g.connect({ version });
        const filters = [
          'a',
          'b/c',
          'b/+',
          '$share/g/a/b',
          '$share/g/b/x',
          '$queue/a',
          '$queue/b/y',
          '$local/a/c',
          '$local/b/z',
          '#',
        ];
        const suback = await client.subscribe(filters.map((filter) => [filter, 1] as const));
        const no = version === 5 ? 0x87 : 0x80;
        t.deepEqual(suback.codes, [no, 1, 1, no, 1, no, 1, no, 1, no]);
      },
    ),
  );
}

test.serial(
  'a client whose ClientId looks like a wildcard, a path or a placeholder gets its own topics or none',
  guarded({ rules: GUARDED_TOPICS }, async (g, t) => {
    const codes = async (clientId: string, ...filters: string[]): Promise<number[]> => {
      const client = await g.connect({ clientId, username: clientId });
      return (await client.subscribe(filters.map((filter) => [filter, 0] as const))).codes;
    };
    t.deepEqual(await codes('me', 'c/me/x', 'c/you/x', 'u/me', 'u/you'), [0, 0x87, 0, 0x87]);
    t.deepEqual(await codes('+', 'c/+/x', 'u/+', 'u/#'), [0x87, 0x87, 0x87]);
    t.deepEqual(await codes('#', 'c/#', 'u/#'), [0x87, 0x87]);
    t.deepEqual(await codes('me/x', 'c/me/x', 'u/me/x'), [0x87, 0x87]);
    t.deepEqual(await codes('%u', 'c/%u/x', 'c/%c/x', 'u/%u'), [0, 0x87, 0]);
    const anonymous = await g.connect();
    t.deepEqual(await codesOf(anonymous, 'u/%u', 'u/', 'u/undefined'), [0, 0x87, 0x87]);
  }),
);

test.serial(
  'a will to a denied topic is not sent, and one to an allowed topic is',
  guarded({ rules: GUARDED_TOPICS }, async (g, t) => {
    const watcher = await g.connect({ at: 1, username: 'watch' });
    await watcher.subscribe('#');
    for (const topic of ['shut', 'open/will']) {
      for (const delay of [0, 5]) {
        const will = { topic, payload: `${topic} ${delay}`, qos: 1, properties: { willDelay: delay } };
        (await g.connect({ ...PERSISTENT, will })).drop();
      }
    }
    await watcher.receive('open/will 0');
    await until(() => g.broker.listenerFigures()[0]!.current === 1, 'the clients to be gone');
    await g.advanceClock(6_000);
    await watcher.receive('open/will 5');
    await expectNone(g, watcher);
    t.pass();
  }),
);

test.serial(
  'topics are compared as the client knows them, without the mountpoint of its listener',
  guarded(
    {
      rules: '{allow, all, pubsub, ["t/#"]}. {deny, all}.',
      config: { 'listener.tcp.tenant': '127.0.0.1:0', 'listener.tcp.tenant.mountpoint': 't/' },
    },
    async (g, t) => {
      const client = await g.connect({ listener: 'tenant' });
      t.deepEqual(await codesOf(client, 't/a', 'a'), [0, 0x87]);
      t.is((await client.publish({ topic: 'a', qos: 1 }))?.code, 0x87);
      t.is((await client.publish({ topic: 't/b', qos: 1 }))?.code, 0x10);
      const next = '{allow, all, pubsub, ["a"]}. {deny, all}.';
      await g.reload(next);
      t.deepEqual(await codesOf(client, 'a'), [0]);
    },
  ),
);

test.serial(
  'the rules that EMQ ships do what they say',
  guarded({ rules: EXAMPLE }, async (g, t) => {
    const local = await g.connect();
    t.deepEqual(await codesOf(local, '$SYS/none/#', '#'), [0, 0]);
    await g.reload(EXAMPLE.replace('"127.0.0.1"', '"192.0.2.1"'));
    const client = await g.connect();
    t.deepEqual(await codesOf(client, '$SYS/x', '#', '+/#', 'a'), [0x87, 0x87, 0, 0]);
    const dashboard = await g.connect({ username: 'dashboard' });
    t.deepEqual(await codesOf(dashboard, '$SYS/none/#', '#'), [0, 0x87]);
  }),
);

test.serial(
  'retained messages follow the subscription',
  guarded({ rules: '{deny, all, subscribe, ["shut"]}. {allow, all}.' }, async (g, t) => {
    const publisher = await g.connect({ at: 1 });
    for (const topic of ['shut', 'open'])
      await publisher.publish({ topic, payload: topic, qos: 1, retain: true });
    const client = await g.connect();
    t.deepEqual(await codesOf(client, 'shut', 'open'), [0x87, 0]);
    await client.receive('open');
    await expectNone(g, client);
  }),
);

for (const version of [4, 5] as const) {
  test.serial(
    `MQTT level ${version}: a rule that is revoked ends live subscriptions, shared ones too, and the client stays`,
    guarded({ rules: '{allow, all}.' }, async (g, t) => {
      const clients = [await g.connect({ version }), await g.connect({ version, at: 1 })];
      const [own] = clients as [RawClient, RawClient];
      for (const client of clients)
        await client.subscribe([
          ['a/+', 1],
          ['b', 1],
        ]);
      await own.subscribe([['$share/g/a/s', 1]]);
      await g.reload('{deny, all, subscribe, ["a/#"]}. {allow, all}.');
      await until(
        () => g.logger.lines.filter(({ message }) => /no longer allowed/.test(message)).length === 2,
      );
      const publisher = await g.connect({ at: 1 });
      t.is((await publisher.publish({ topic: 'a/s', qos: 1 }))?.code, 0x10);
      await publisher.publish({ topic: 'b', payload: 'b', qos: 1 });
      for (const client of clients) await client.receive('b');
      const line = g.logger.lines.find(({ message }) => /no longer allowed/.test(message));
      t.is(line?.level, 'info');
      t.is((await own.unsubscribe('a/+')).codes[0] ?? 0x11, 0x11);
    }),
  );
}

test.serial(
  'a session whose client is away loses what is no longer allowed to it',
  guarded({ rules: '{allow, all}.' }, async (g, t) => {
    const client = await g.connect({ ...PERSISTENT, username: 'u' });
    await client.subscribe([
      ['u/u', 1],
      ['a', 1],
    ]);
    client.drop();
    await until(() => g.broker.listenerFigures()[0]!.current === 0);
    await g.reload('{allow, {user, "u"}, pubsub, ["u/%u"]}. {allow, all, publish, ["#"]}. {deny, all}.');
    await until(() => g.logger.has('info', /no longer allowed/));
    const publisher = await g.connect({ at: 1 });
    t.is((await publisher.publish({ topic: 'a', qos: 1 }))?.code, 0x10);
    await publisher.publish({ topic: 'u/u', payload: 'own', qos: 1 });
    const back = await g.connect({ ...PERSISTENT, clientId: client.clientId, username: 'u' });
    await back.receive('own');
    await back.expectSilence();
  }),
);

test.serial(
  'a session that another user takes up loses what is not allowed to that user',
  guarded(
    { rules: '{allow, {user, "a"}, subscribe, ["#"]}. {allow, all, publish, ["#"]}. {deny, all}.' },
    async (g, t) => {
      const client = await g.connect({ ...PERSISTENT, username: 'a' });
      await client.subscribe([['x', 1]]);
      client.drop();
      const next = await g.connect({ ...PERSISTENT, clientId: client.clientId, username: 'b' });
      t.true(next.connack?.sessionPresent);
      await until(() => g.logger.has('info', /no longer allowed/));
      t.is((await (await g.connect()).publish({ topic: 'x', qos: 1 }))?.code, 0x10);
      await next.expectSilence();
    },
  ),
);

test.serial(
  'new rules count from the next message on, whatever was decided before',
  guarded({ rules: `${'{deny, all, publish, ["x"]}.\n'.repeat(40)}{allow, all}.` }, async (g, t) => {
    const client = await g.connect();
    t.is((await client.publish({ topic: 'a', qos: 1 }))?.code, 0x10);
    t.is((await client.publish({ topic: 'a', qos: 1 }))?.code, 0x10);
    await g.reload('{deny, all}.');
    t.is((await client.publish({ topic: 'a', qos: 1 }))?.code, 0x87);
    await g.reload('{allow, all}.');
    t.is((await client.publish({ topic: 'a', qos: 1 }))?.code, 0x10);
  }),
);

test.serial(
  'a file that is wrong is refused at reload, and the old rules stay',
  guarded({ rules: '{deny, all, publish, ["shut"]}.' }, async (g, t) => {
    const client = await g.connect();
    for (const wrong of ['', '{deny, all, publish, ["shut"]}', '{allow, all}. {deny, nobody}.']) {
      const error = await t.throwsAsync(g.reload(wrong), { instanceOf: BrokerError });
      t.is(error.code, 'ACL_FAILED');
      t.is((await client.publish({ topic: 'shut', qos: 1 }))?.code, 0x87);
    }
  }),
);

test.serial('a broker whose rules are wrong does not start', async (t) => {
  const directory = tempDirectory();
  const path = join(directory, 'acl.conf');
  writeFileSync(path, '{allow, all}.\n{deny al}.');
  const starting = startTestBroker({ config: { 'mqtt.acl_file': path } }, directory);
  const error = await t.throwsAsync(starting, { instanceOf: BrokerError });
  t.is(error.code, 'ACL_FAILED');
  t.is(error.message, `mqtt.acl_file: ${path}:2:7: expected a comma or }, found "al}."`);
});

test.serial(
  'a shard that has crashed comes back with the rules and bans of now',
  guarded({ rules: '{allow, all}.' }, async (g, t) => {
    const clientId = g.clientId(0);
    await g.reload('{deny, all, publish, ["shut"]}.');
    await g.broker.bans.add({ kind: 'clientid', value: clientId });
    await breakShard(g.broker, 0, 'throw');
    await until(() => g.logger.has('info', /shard 0 is back/));
    const client = await g.connect();
    t.is((await client.publish({ topic: 'shut', qos: 1 }))?.code, 0x87);
    const banned = await g.open();
    t.is((await banned.connect({ clientId })).code, 0x8a);
  }),
);

test.serial(
  'without rules, with acl_nomatch = deny, nobody may do anything',
  guarded({ config: { 'mqtt.acl_nomatch': 'deny' } }, async (g, t) => {
    const client = await g.connect();
    t.is((await client.publish({ topic: 'a', qos: 1 }))?.code, 0x87);
    t.deepEqual(await codesOf(client, 'a'), [0x87]);
    await g.broker.reloadAcl();
    t.deepEqual(await codesOf(client, 'a'), [0x87]);
  }),
);

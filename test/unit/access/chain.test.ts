/** The rules by which plugins, access rules and defaults decide together, in a shard of the test's own. */
import test, { type ExecutionContext } from 'ava';
import { parseAclConf } from '../../../src/access/acl-conf.js';
import type { AclRule } from '../../../src/access/acl-rule.js';
import type { AccessAnswer, AuthAnswer, ShardHooks } from '../../../src/plugins/api.js';
import { connect } from '../../helpers/packets.js';
import { settle, TestClient, TestShard, type TestShardOptions } from '../../helpers/test-shard.js';
import type { Version } from '../../helpers/wire.js';

const VERSIONS: readonly Version[] = [3, 4, 5];

function rulesOf(text: string): readonly AclRule[] {
  const conf = parseAclConf(text);
  if (!conf.ok) throw new Error(conf.error.message);
  return conf.rules;
}

function shardWith(t: ExecutionContext, options: TestShardOptions = {}): TestShard {
  const shard = new TestShard(options);
  t.teardown(() => shard.stop());
  return shard;
}

/** Code of CONNACK. */
async function connackOf(
  shard: TestShard,
  options: Parameters<TestShard['open']>[1] = {},
): Promise<number | undefined> {
  const client = shard.open('c', options);
  await settle();
  return client.take()[0]?.code;
}

/** A client, and what it is told about a publish to each topic and a subscription to it. */
async function codesOf(shard: TestShard, ...topics: string[]): Promise<(readonly (number | undefined)[])[]> {
  const client = shard.open('c', { username: 'u' });
  await settle();
  client.take();
  const codes: (readonly (number | undefined)[])[] = [];
  for (const topic of topics) {
    client.publish({ topic, qos: 1, id: 1 });
    client.subscribe(2, [topic, 1]);
    await settle();
    const packets = client.take();
    const puback = packets.find(({ type }) => type === 'puback')?.code;
    codes.push([puback, packets.find(({ type }) => type === 'suback')?.codes[0]]);
  }
  return codes;
}

const NO = [0x87, 0x87] as const;
/** Nobody had subscribed to it when it was published. */
const YES = [0x10, 1] as const;

/** Says this of everything, and writes down that it was asked. */
function saying(answer: AccessAnswer, name: string, asked: string[], priority = 0): ShardHooks {
  return {
    priority,
    'client.authorize': () => {
      asked.push(name);
      return answer;
    },
  };
}

test('authorisation: the highest priority is asked first, of equals the last registered; who decides ends it', async (t) => {
  const shard = shardWith(t, { config: { 'mqtt.cache_acl': false } });
  const asked: string[] = [];
  const { registry } = shard.parts;
  registry.add('a', saying('ignore', 'a', asked));
  registry.add('never', saying('allow', 'never', asked, -5));
  registry.add('b', saying('ignore', 'b', asked));
  registry.add('first', saying('ignore', 'first', asked, 9_999));
  registry.add('decides', saying('deny', 'decides', asked, -1));
  t.deepEqual(await codesOf(shard, 'x'), [NO]);
  const order = ['first', 'b', 'a', 'decides'];
  t.deepEqual(asked, [...order, ...order]);
});

test('the rules of acl.conf are asked last, after plugins of the lowest priority', async (t) => {
  const shard = shardWith(t, { rules: rulesOf('{deny, all}.') });
  shard.parts.registry.add('low', {
    priority: -1_000_000,
    'client.authorize': ({ topic }) => (topic === 'open' ? 'allow' : 'ignore'),
  });
  t.deepEqual(await codesOf(shard, 'open', 'shut'), [YES, NO]);
});

for (const [nomatch, said] of [
  ['allow', YES],
  ['deny', NO],
] as const) {
  test(`where no plugin and no rule says anything, mqtt.acl_nomatch = ${nomatch} decides`, async (t) => {
    const config = { 'mqtt.acl_nomatch': nomatch };
    t.deepEqual(await codesOf(shardWith(t, { config }), 'x'), [said], 'nothing there');
    const rules = rulesOf('{deny, all, pubsub, ["a"]}. {allow, {user, "other"}, pubsub, ["#"]}.');
    t.deepEqual(await codesOf(shardWith(t, { config, rules }), 'x'), [said], 'rules about something else');
    const hooks = saying('ignore', '', []);
    t.deepEqual(await codesOf(shardWith(t, { config, rules, hooks }), 'x'), [said], 'a plugin that ignores');
  });
}

test('the topic is judged as the client sends it, before it is rewritten; what comes of it is judged as well', async (t) => {
  const asked: string[] = [];
  const hooks: ShardHooks = {
    'client.authorize': ({ action, topic }) => {
      asked.push(`${action} ${topic}`);
      return topic.startsWith('shut') ? 'deny' : 'allow';
    },
    'message.publish': (message) => ({ ...message, topic: message.topic.replace('from', 'shut') }),
    'client.subscribe': (_client, filters) =>
      filters.map(({ filter, qos }) => ({ filter: filter.replace('from', 'shut'), qos })),
  };
  const shard = shardWith(t, { hooks, config: { 'mqtt.cache_acl': false } });
  t.deepEqual(await codesOf(shard, 'x', 'from/x', 'shut/from'), [YES, NO, NO]);
  t.deepEqual(asked, [
    ...['publish x', 'subscribe x'],
    ...['publish from/x', 'publish shut/x', 'subscribe from/x', 'subscribe shut/x'],
    ...['publish shut/from', 'subscribe shut/from'],
  ]);
});

test('a will is judged when it is sent, by the rules of then', async (t) => {
  const shard = shardWith(t, { rules: rulesOf('{allow, all}.') });
  const watcher = shard.open('w');
  watcher.subscribe(1, ['#', 0]);
  const [first, second] = ['a', 'b'].map((topic) => shard.open(topic, { will: { topic, payload: topic } }));
  await settle();
  watcher.take();
  const rules = rulesOf('{deny, all, publish, ["a"]}. {allow, all}.');
  await shard.main.request('access.update', { rules, bans: null });
  first!.drop();
  second!.drop();
  await settle();
  t.deepEqual(watcher.takePayloads(), ['b']);
});

for (const version of VERSIONS) {
  test(`MQTT ${version}: where no plugin is there to know anybody, mqtt.allow_anonymous decides`, async (t) => {
    const logins = [{}, { username: 'u' }, { username: 'u', password: 'p' }] as const;
    const open = shardWith(t, { config: { 'mqtt.allow_anonymous': true } });
    const shut = shardWith(t, { config: { 'mqtt.allow_anonymous': false } });
    for (const login of logins) {
      t.is(await connackOf(open, { version, ...login }), 0);
      t.is(await connackOf(shut, { version, ...login }), version === 5 ? 0x87 : 5);
    }
    t.is(shut.session('c'), null);
  });
}

test('who allows ends the authentication, and only who authenticates makes superusers', async (t) => {
  const shard = shardWith(t, { rules: rulesOf('{deny, all}.') });
  const asked: string[] = [];
  const answering = (name: string, answer: AuthAnswer): ShardHooks => ({
    'client.authenticate': () => {
      asked.push(name);
      return answer;
    },
  });
  const { registry } = shard.parts;
  registry.add('refuses', answering('refuses', { allow: false }));
  registry.add('allows', answering('allows', { allow: true }));
  t.deepEqual(await codesOf(shard, 'x'), [NO], 'in, and no superuser');
  t.deepEqual(asked, ['allows']);
  registry.remove('allows');
  registry.remove('refuses');
  t.deepEqual(await codesOf(shard, 'x'), [NO], 'whom nobody has looked at is none');
  registry.add('root', answering('root', { allow: true, superuser: true }));
  t.deepEqual(await codesOf(shard, 'x'), [YES]);
  const odd = { allow: true, superuser: 'yes' } as unknown as AuthAnswer;
  registry.add('root', answering('root', odd));
  t.deepEqual(await codesOf(shard, 'x'), [NO], 'nothing but true makes one');
});

test('who authenticates sees the ClientId as it was sent: none where the broker is to choose it', async (t) => {
  for (const version of VERSIONS.slice(1)) {
    const seen: unknown[] = [];
    const shard = shardWith(t, {
      hooks: {
        'client.authenticate': ({ clientId }) => {
          seen.push(clientId);
          return 'ignore';
        },
        'client.connected': ({ clientId }) => seen.push(clientId),
      },
    });
    const client = new TestClient(version, '');
    shard.handOver(client, connect({ version, clientId: '' }), 0, { assigned: 'chosen' });
    await settle();
    t.is(client.take()[0]?.code, 0);
    t.deepEqual(seen, ['', 'chosen']);
  }
});

test('a ClientId that the broker chooses belongs to no user where they are bound to each other', async (t) => {
  const shard = shardWith(t, { config: { 'mqtt.clientid_binding': 'username' } });
  for (const [version, code] of [
    [4, 2],
    [5, 0x85],
  ] as const) {
    for (const username of ['', 'u']) {
      const client = new TestClient(version, '');
      shard.handOver(client, connect({ version, clientId: '', username }), 0, { assigned: 'chosen' });
      await settle();
      t.is(client.take()[0]?.code, code);
    }
  }
});

test('what a plugin that was stopped answers about a login counts for nothing', async (t) => {
  for (const late of [{ allow: true, superuser: true }, { allow: false }] as const) {
    for (const allowed of [true, false]) {
      let answer: (late: AuthAnswer) => void = () => {};
      const shard = shardWith(t, { config: { 'mqtt.allow_anonymous': allowed } });
      shard.parts.registry.add('slow', {
        'client.authenticate': () => new Promise((resolve) => (answer = resolve)),
      });
      const client = shard.open('c');
      await settle();
      shard.parts.registry.remove('slow');
      await settle();
      t.is(client.take()[0]?.code, allowed ? 0 : 0x87);
      answer(late);
      await settle();
      t.deepEqual(client.take(), []);
      t.is(client.isEnded, !allowed);
      t.is(shard.session('c')?.connection?.isSuperuser, allowed ? false : undefined);
    }
  }
});

test('of two whose authentication is under way, the one whose answer comes last has the session', async (t) => {
  const answers: ((answer: AuthAnswer) => void)[] = [];
  const shard = shardWith(t, {
    hooks: { 'client.authenticate': () => new Promise((resolve) => answers.push(resolve)) },
  });
  const [first, second] = [shard.open('c', { version: 4 }), shard.open('c', { version: 5 })];
  await settle();
  answers[1]!({ allow: true });
  await settle();
  t.is(second.take()[0]?.code, 0);
  answers[0]!({ allow: true });
  await settle();
  t.is(first.take()[0]?.code, 0);
  t.like(second.take()[0], { type: 'disconnect', code: 0x8e });
});

for (const version of VERSIONS) {
  test(`MQTT ${version}: who is refused touches neither the session that is there nor who is connected`, async (t) => {
    const stays = { clean: false, properties: { sessionExpiry: 600 } } as const;
    const will = { topic: 'will', payload: 'of who was refused' };
    for (const isLate of [false, true]) {
      const shard = shardWith(t, {
        hooks: {
          'client.authenticate': ({ username }) => {
            const answer: AuthAnswer = username === 'bad' ? { allow: false } : { allow: true };
            return isLate ? Promise.resolve(answer) : answer;
          },
        },
      });
      const watcher = shard.open('w');
      const owner = shard.open('c', { ...stays, version, will: { topic: 'will', payload: 'own' } });
      owner.subscribe(1, ['t', 1]);
      watcher.subscribe(1, ['will', 0]);
      await settle();
      owner.take();
      watcher.take();
      for (const clean of [true, false]) {
        const code = await connackOf(shard, { ...stays, version, clean, username: 'bad', will });
        t.is(code, version === 5 ? 0x86 : 4);
      }
      watcher.publish({ topic: 't', payload: 'one' });
      await settle();
      t.deepEqual(owner.takePayloads(), ['one'], 'it is still connected');
      owner.drop();
      await settle();
      t.deepEqual(watcher.takePayloads(), ['own']);
      t.is(
        await connackOf(shard, { ...stays, version, clean: true, username: 'bad', will }),
        version === 5 ? 0x86 : 4,
      );
      watcher.publish({ topic: 't', payload: 'two', qos: 1, id: 9 });
      await settle();
      watcher.take();
      const back = shard.open('c', { ...stays, version });
      await settle();
      const [connack, message] = back.take();
      if (version !== 3) t.true(connack?.sessionPresent);
      t.is(message?.payload, 'two', 'what came meanwhile waited for its owner');
      t.deepEqual(watcher.takePayloads(), []);
    }
  });
}

test('who comes back and is no superuser any more loses what only a superuser may have', async (t) => {
  let superuser = true;
  const shard = shardWith(t, {
    rules: rulesOf('{allow, all, subscribe, ["mine"]}. {deny, all}.'),
    hooks: { 'client.authenticate': () => ({ allow: true, superuser }) },
  });
  const stays = { clean: false, properties: { sessionExpiry: 600 } } as const;
  const root = shard.open('c', stays);
  root.subscribe(1, ['#', 0], ['mine', 0], ['$share/g/all/+', 0]);
  await settle();
  t.deepEqual(root.take()[1]?.codes, [0, 0, 0]);
  superuser = false;
  shard.open('c', stays);
  await settle();
  const { router } = shard.parts;
  const session = shard.session('c')!;
  t.is(router.subscriptionCount, 1);
  t.true(router.has(session, 'mine', null, false));
});

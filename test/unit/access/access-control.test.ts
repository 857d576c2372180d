/** Superusers, cache, plugins and rules together, in a shard of the test's own. */
import test, { type ExecutionContext } from 'ava';
import { parseAclConf } from '../../../src/access/acl-conf.js';
import type { AclRule } from '../../../src/access/acl-rule.js';
import type { Config } from '../../../src/config/schema.js';
import type { AccessAnswer, AccessRequest, ShardHooks } from '../../../src/plugins/api.js';
import { connect } from '../../helpers/packets.js';
import { settle, TestClient, TestShard, type TestShardOptions } from '../../helpers/test-shard.js';

function rulesOf(text: string): readonly AclRule[] {
  const conf = parseAclConf(text);
  if (!conf.ok) throw new Error(conf.error.message);
  return conf.rules;
}

/** A plugin that keeps what it is asked; the test answers, at once or later. */
class Asked {
  readonly asked: string[] = [];
  private readonly later: ((answer: AccessAnswer) => void)[] = [];

  constructor(private readonly decide: (request: AccessRequest) => AccessAnswer | 'later') {}

  get hooks(): ShardHooks {
    return {
      'client.authorize': (request) => {
        this.asked.push(`${request.action} ${request.topic}`);
        const answer = this.decide(request);
        return answer === 'later' ? new Promise((resolve) => this.later.push(resolve)) : answer;
      },
    };
  }

  async answer(answer: AccessAnswer): Promise<void> {
    for (const resolve of this.later.splice(0)) resolve(answer);
    await settle();
  }
}

function shardWith(t: ExecutionContext, options: TestShardOptions): TestShard {
  const shard = new TestShard(options);
  t.teardown(() => shard.stop());
  return shard;
}

async function connected(
  shard: TestShard,
  options: Parameters<TestShard['open']>[1] = {},
): Promise<TestClient> {
  const client = shard.open('c', options);
  await settle();
  client.take();
  return client;
}

/** The codes of all PUBACKs and SUBACKs that have come. */
function codes(client: TestClient): number[] {
  return client.take().flatMap(({ type, code, codes: all }) => (type === 'puback' ? [code] : all));
}

async function publish(client: TestClient, ...topics: string[]): Promise<number[]> {
  for (const topic of topics) client.publish({ topic, qos: 1, id: 1 });
  await settle();
  return codes(client);
}

async function update(shard: TestShard, text: string): Promise<void> {
  await shard.main.request('access.update', { rules: rulesOf(text), bans: null });
  await settle();
}

test('plugins are asked before the rules, and what they say counts; about the rest the rules decide', async (t) => {
  const plugin = new Asked(({ topic }) =>
    topic.startsWith('p/yes') ? 'allow' : topic.startsWith('p/no') ? 'deny' : 'ignore',
  );
  const rules = rulesOf('{allow, all, publish, ["p/no/#", "r"]}. {deny, all, publish, ["p/yes/#", "s"]}.');
  const shard = shardWith(t, { rules, hooks: plugin.hooks, config: { 'mqtt.acl_nomatch': 'deny' } });
  const client = await connected(shard);
  t.deepEqual(await publish(client, 'p/yes/a', 'p/no/a', 'r', 's', 'x'), [0x10, 0x87, 0x10, 0x87, 0x87]);
});

test('a topic is asked about once, while it is remembered; a subscription each time', async (t) => {
  const plugin = new Asked(({ topic }) => (topic === 'no' ? 'deny' : 'ignore'));
  const config = { 'mqtt.acl_cache_size': 2, 'mqtt.acl_cache_ttl': '10s' };
  const shard = shardWith(t, { hooks: plugin.hooks, config });
  const client = await connected(shard);
  t.deepEqual(await publish(client, 'a', 'no', 'a', 'no', 'a'), [0x10, 0x87, 0x10, 0x87, 0x10]);
  t.deepEqual(plugin.asked.splice(0), ['publish a', 'publish no']);
  await publish(client, 'b', 'a', 'no');
  t.deepEqual(
    plugin.asked.splice(0),
    ['publish b', 'publish no'],
    'b took the place of no, which took that of b',
  );
  await shard.advance(11_000);
  await publish(client, 'a');
  t.deepEqual(plugin.asked.splice(0), ['publish a']);
  client.subscribe(1, ['s', 0]);
  client.subscribe(2, ['s', 0]);
  await settle();
  t.deepEqual(plugin.asked, ['subscribe s', 'subscribe s']);
});

for (const [what, text] of [
  ['many rules', '{deny, all, publish, ["x"]}. '.repeat(40)],
  ['one rule of many topics', `{deny, all, publish, [${'"x", '.repeat(40)}"x"]}.`],
] as const) {
  test(`going through ${what} counts as a walk of the filter tree, what is remembered as nothing`, async (t) => {
    const rules = rulesOf(text);
    const shard = shardWith(t, { rules, config: { 'mqtt.acl_cache_size': 2 } });
    const client = await connected(shard);
    await publish(client, 'a', 'b', 'c', 'd');
    const { turn } = shard.parts;
    let walks = 0;
    turn.spendWalk = () => {
      walks += 1;
    };
    // Where they go is known by now, so that all walks are those of the rules.
    await publish(client, 'a', 'a', 'a');
    t.is(walks, 1);
    await publish(client, 'b', 'c', 'd', 'b');
    t.is(walks, 5);
  });
}

test('mqtt.cache_acl = off asks about every message', async (t) => {
  const plugin = new Asked(() => 'allow');
  const shard = shardWith(t, { hooks: plugin.hooks, config: { 'mqtt.cache_acl': false } });
  await publish(await connected(shard), 'a', 'a', 'a');
  t.is(plugin.asked.length, 3);
});

test('an answer that comes late is remembered by its own topic, whatever lies in the read buffer by then', async (t) => {
  const plugin = new Asked(() => 'later');
  const shard = shardWith(t, { hooks: plugin.hooks });
  const client = await connected(shard);
  client.publish({ topic: 'first/topic', qos: 1, id: 1 });
  client.publish({ topic: 'other/topic', qos: 1, id: 2 });
  await settle();
  t.deepEqual(plugin.asked, ['publish first/topic']);
  await plugin.answer('allow');
  await plugin.answer('deny');
  t.deepEqual(codes(client), [0x10, 0x87]);
  t.deepEqual(await publish(client, 'first/topic', 'other/topic'), [0x10, 0x87]);
  t.is(plugin.asked.length, 2);
});

test('a superuser is asked about nothing and may do everything, its will included', async (t) => {
  const plugin = new Asked(() => 'deny');
  const hooks: ShardHooks = {
    ...plugin.hooks,
    'client.authenticate': ({ username }) => ({ allow: true, superuser: username === 'root' }),
  };
  const shard = shardWith(t, { rules: rulesOf('{deny, all}.'), hooks });
  const watcher = shard.open('w', { username: 'root' });
  watcher.subscribe(1, ['#', 0]);
  const will = { topic: 'will', payload: 'gone' };
  const root = shard.open('r', { username: 'root', will });
  const user = shard.open('u', { username: 'user', will: { topic: 'will', payload: 'denied' } });
  await settle();
  watcher.take();
  root.publish({ topic: 'a', payload: 'in' });
  user.drop();
  root.drop();
  await settle();
  t.deepEqual(watcher.takePayloads(), ['in', 'gone']);
  t.deepEqual(plugin.asked, ['publish will']);
});

test('what was remembered is forgotten when rules or plugins change', async (t) => {
  const plugin = new Asked(() => 'ignore');
  const shard = shardWith(t, { rules: rulesOf('{allow, all}.'), hooks: plugin.hooks });
  const client = await connected(shard);
  t.deepEqual(await publish(client, 'a'), [0x10]);
  await update(shard, '{deny, all}.');
  t.deepEqual(await publish(client, 'a'), [0x87]);
  shard.parts.registry.add('late', { 'client.authorize': () => 'allow' });
  t.deepEqual(await publish(client, 'a'), [0x10]);
  shard.parts.registry.remove('late');
  t.deepEqual(await publish(client, 'a'), [0x87]);
});

test('an answer that was asked for under other rules is not remembered', async (t) => {
  const plugin = new Asked(() => 'later');
  const shard = shardWith(t, { rules: rulesOf('{allow, all}.'), hooks: plugin.hooks });
  const client = await connected(shard);
  client.publish({ topic: 'a', qos: 1, id: 1 });
  await settle();
  await update(shard, '{deny, all}.');
  await plugin.answer('ignore');
  t.deepEqual(codes(client), [0x87], 'the rules of now decide');
  client.publish({ topic: 'a', qos: 1, id: 2 });
  await settle();
  t.is(plugin.asked.length, 2);
  await plugin.answer('allow');
});

test('live subscriptions are checked again with plugins that answer late, each session with its own client', async (t) => {
  const plugin = new Asked(({ client }) => (client.username === 'slow' ? 'later' : 'ignore'));
  const ended: string[] = [];
  const hooks: ShardHooks = {
    ...plugin.hooks,
    'session.unsubscribed': ({ clientId }, filter) => void ended.push(`${clientId} ${filter}`),
  };
  const shard = shardWith(t, { rules: rulesOf('{allow, all}.'), hooks });
  const slow = shard.open('slow', { username: 'slow' });
  const quick = shard.open('quick');
  slow.subscribe(1, ['a/+', 0], ['$share/g/b', 0], ['keep', 0]);
  quick.subscribe(1, ['a/+', 0], ['keep', 0]);
  await settle();
  for (let i = 0; i < 3; i++) await plugin.answer('allow');
  await update(shard, '{allow, all, subscribe, ["keep"]}. {deny, all}.');
  t.deepEqual(ended, ['quick a/+']);
  await plugin.answer('ignore');
  t.deepEqual(ended.sort(), ['quick a/+', 'slow $share/g/b', 'slow a/+']);
  t.is(shard.parts.router.subscriptionCount, 2);
  const lines = shard.events.flatMap((event) =>
    event.type === 'log' && event.level === 'info' ? [event.fields] : [],
  );
  t.deepEqual(lines.map(({ clientId, ended: count }) => `${clientId} ${count}`).sort(), [
    'quick 1',
    'slow 2',
  ]);
});

test('a subscription that was allowed before a reload and made after it is checked as well', async (t) => {
  const plugin = new Asked(({ topic }) => (topic === 'slow' ? 'later' : 'ignore'));
  const shard = shardWith(t, { rules: rulesOf('{allow, all}.'), hooks: plugin.hooks });
  const client = await connected(shard);
  client.subscribe(1, ['quick', 0], ['slow', 0]);
  await settle();
  await update(shard, '{deny, all, subscribe, ["quick"]}.');
  await plugin.answer('allow');
  await plugin.answer('allow');
  t.is(shard.parts.router.has(shard.session('c')!, 'quick', null, false), false);
  t.is(shard.parts.router.has(shard.session('c')!, 'slow', null, false), true);
});

test('an answer about somebody who is gone ends nobody else’s subscription', async (t) => {
  let isSlow = false;
  const plugin = new Asked(({ client }) => (isSlow && client.username === 'first' ? 'later' : 'allow'));
  const shard = shardWith(t, { hooks: plugin.hooks });
  const stays = { clean: false, properties: { sessionExpiry: 100 } };
  const first = await connected(shard, { ...stays, username: 'first' });
  first.subscribe(1, ['a', 0]);
  await settle();
  isSlow = true;
  await update(shard, '{allow, all}.');
  await connected(shard, { ...stays, username: 'second' });
  await plugin.answer('deny');
  t.true(shard.parts.router.has(shard.session('c')!, 'a', null, false));
});

test('a session that comes back from another address is checked again', async (t) => {
  const rules = rulesOf('{allow, {ipaddr, "10.0.0.0/8"}, subscribe, ["#"]}. {deny, all}.');
  const shard = shardWith(t, { rules });
  const { router } = shard.parts;
  const come = async (peerAddress: string): Promise<TestClient> => {
    const client = new TestClient(5, 'c');
    const head = connect({ version: 5, clientId: 'c', clean: false, properties: { sessionExpiry: 60 } });
    shard.handOver(client, head, 0, { peerAddress });
    await settle();
    t.is(client.take()[0]?.code, 0);
    return client;
  };
  const inside = await come('10.0.0.1');
  inside.subscribe(1, ['secret/#', 0]);
  await settle();
  t.deepEqual(codes(inside), [0]);
  inside.drop();
  await come('10.0.0.2');
  t.is(router.countOf(shard.session('c')!), 1);
  await come('192.0.2.1');
  t.is(router.countOf(shard.session('c')!), 0);
});

test('plugins are asked again about a session that comes over another listener', async (t) => {
  const config = { 'listener.tcp.two': '0' };
  const hooks: ShardHooks = {
    'client.authorize': ({ client }) => (client.listener.endsWith('.two') ? 'deny' : 'allow'),
  };
  const shard = shardWith(t, { hooks, config });
  const head = connect({ version: 5, clientId: 'c', clean: false, properties: { sessionExpiry: 60 } });
  const listeners = shard.parts.listeners.map(({ key }) => key);
  const [first, second] = ['external', 'two'].map((name) => listeners.indexOf(`listener.tcp.${name}`));
  const client = new TestClient(5, 'c');
  shard.handOver(client, head, first);
  await settle();
  client.subscribe(1, ['a', 0]);
  await settle();
  t.is(shard.parts.router.countOf(shard.session('c')!), 1);
  shard.handOver(new TestClient(5, 'c'), head, second);
  await settle();
  t.is(shard.parts.router.countOf(shard.session('c')!), 0);
});

test('thousands of questions to plugins are not asked at once', async (t) => {
  let isSlow = false;
  const plugin = new Asked(() => (isSlow ? 'later' : 'allow'));
  const shard = shardWith(t, { hooks: plugin.hooks });
  const client = await connected(shard);
  client.subscribe(1, ...Array.from({ length: 500 }, (_, i) => [`f/${i}`, 0] as const));
  await settle(40);
  plugin.asked.length = 0;
  isSlow = true;
  await update(shard, '{allow, all}.');
  t.is(plugin.asked.length, 32);
  for (let i = 0; i < 20; i++) await plugin.answer('deny');
  t.is(plugin.asked.length, 500);
  t.is(shard.parts.router.subscriptionCount, 0);
});

test('a ban that comes while a plugin is asked about the client keeps it out', async (t) => {
  let admit = (): void => undefined;
  const hooks: ShardHooks = {
    'client.authenticate': () =>
      new Promise((resolve) => {
        admit = () => resolve({ allow: true });
      }),
  };
  const shard = shardWith(t, { hooks });
  const client = shard.open('c');
  await settle();
  const ban = { kind: 'clientid' as const, value: 'c', reason: '', createdAtMs: 0, untilMs: null };
  await shard.main.request('access.update', { rules: null, bans: { added: [ban], removed: [] } });
  admit();
  await settle();
  t.is(client.take()[0]?.code, 0x8a);
  t.is(shard.session('c'), null);
});

test('what was decided about topics is forgotten when a key changes that decides, and not when another one does', async (t) => {
  const plugin = new Asked(() => 'allow');
  const shard = shardWith(t, { hooks: plugin.hooks });
  const client = await connected(shard);
  const asksAfter = async (changed: Partial<Config>): Promise<number> => {
    const config = { ...shard.parts.config, ...changed };
    await shard.main.request('config.update', { version: 1, config });
    const before = plugin.asked.length;
    await publish(client, 'a', 'b');
    return plugin.asked.length - before;
  };
  t.is(await asksAfter({}), 2);
  t.is(await asksAfter({ 'mqtt.session.retry_interval': 5_000 }), 0);
  t.is(await asksAfter({ 'mqtt.acl_nomatch': 'deny' }), 2);
  t.is(await asksAfter({ 'mqtt.acl_cache_ttl': 1_000 }), 2);
  t.is(await asksAfter({ 'mqtt.cache_acl': false }), 2);
});

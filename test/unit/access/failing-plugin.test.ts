/** Authorisation by plugins that throw, hang, answer too late, or are gone when they answer. */
import test, { type ExecutionContext } from 'ava';
import { HOOK_TIMEOUT_MS } from '../../../src/limits.js';
import type { AccessAnswer, AccessRequest, ShardHooks } from '../../../src/plugins/api.js';
import { settle, type TestClient, TestShard, type TestShardOptions } from '../../helpers/test-shard.js';

/** A session that stays. */
const STAYS = { clean: false, properties: { sessionExpiry: 600 } } as const;

/** Decides with `decide`, and counts how often it is asked. */
class Judge {
  asked = 0;
  decide: (request: AccessRequest) => AccessAnswer | Promise<AccessAnswer> = () => 'allow';

  get hooks(): ShardHooks {
    return {
      'client.authorize': (request) => {
        this.asked += 1;
        return this.decide(request);
      },
    };
  }

  /** Answers no more until the function that is returned is called. */
  holdBack(): (answer: AccessAnswer) => Promise<void> {
    const waiting: ((answer: AccessAnswer) => void)[] = [];
    this.decide = () => new Promise((resolve) => waiting.push(resolve));
    return async (answer) => {
      for (const resolve of waiting.splice(0)) resolve(answer);
      await settle();
    };
  }
}

interface Stage {
  readonly shard: TestShard;
  readonly judge: Judge;
}

function stage(t: ExecutionContext, options: TestShardOptions = {}): Stage {
  const judge = new Judge();
  const shard = new TestShard(options);
  shard.parts.registry.add('judge', judge.hooks);
  t.teardown(() => shard.stop());
  return { shard, judge };
}

async function connected(
  shard: TestShard,
  clientId: string,
  options: Parameters<TestShard['open']>[1] = {},
): Promise<TestClient> {
  const client = shard.open(clientId, options);
  await settle();
  client.take();
  return client;
}

/** What comes next is PUBACK, and has this code. */
async function pubackOf(client: TestClient, topic = 'a'): Promise<number | undefined> {
  client.publish({ topic, qos: 1, id: 1 });
  await settle();
  return client.take().find(({ type }) => type === 'puback')?.code;
}

for (const version of [3, 4, 5] as const) {
  test(`MQTT ${version}: a plugin that throws denies publish and subscribe, and the connection stays`, async (t) => {
    const { shard, judge } = stage(t);
    const watcher = await connected(shard, 'w', { version: 5 });
    watcher.subscribe(1, ['#', 0]);
    const client = await connected(shard, 'c', { version });
    judge.decide = () => {
      throw new Error('no');
    };
    t.is(await pubackOf(client), version === 5 ? 0x87 : 0);
    client.publish({ topic: 'a', qos: 2, id: 2 });
    client.publish({ topic: 'a', payload: '0' });
    client.subscribe(3, ['a', 1]);
    await settle();
    t.deepEqual(
      client.take().map(({ type, code, codes }) => [type, type === 'suback' ? codes[0] : code]),
      [
        ['pubrec', version === 5 ? 0x87 : 0],
        ['suback', version === 5 ? 0x87 : 0x80],
      ],
    );
    t.false(client.isEnded);
    t.deepEqual(watcher.takePayloads(), []);
  });
}

for (const [name, fail] of [
  ['throws', () => Promise.reject(new Error('no'))],
  ['throws at once', () => failAtOnce()],
  ['answers nonsense', () => 'yes' as AccessAnswer],
] as const) {
  test(`a denial because a plugin ${name} is not remembered: the next publish asks again`, async (t) => {
    const { shard, judge } = stage(t);
    const client = await connected(shard, 'c');
    judge.decide = fail;
    t.is(await pubackOf(client), 0x87);
    judge.decide = () => 'allow';
    t.is(await pubackOf(client), 0x10);
    judge.decide = () => 'deny';
    t.is(await pubackOf(client), 0x10, 'what it has said is remembered');
    t.is(judge.asked, 2);
  });
}

function failAtOnce(): never {
  throw new Error('no');
}

test('a denial because a plugin hangs is not remembered, and its late answer counts for nothing', async (t) => {
  const { shard, judge } = stage(t);
  const client = await connected(shard, 'c');
  const answer = judge.holdBack();
  client.publish({ topic: 'a', qos: 1, id: 1 });
  await shard.advance(HOOK_TIMEOUT_MS - 500);
  t.deepEqual(client.take(), []);
  await shard.advance(1_000);
  t.deepEqual(
    client.take().map(({ code }) => code),
    [0x87],
  );
  await answer('allow');
  t.deepEqual(client.take(), []);
  judge.decide = () => 'deny';
  t.is(await pubackOf(client), 0x87);
  judge.decide = () => 'allow';
  t.is(await pubackOf(client), 0x87, 'a denial that was said is remembered');
  t.is(judge.asked, 2);
});

test('a denial because a plugin was replaced while it was asked is not remembered', async (t) => {
  const { shard, judge } = stage(t);
  const client = await connected(shard, 'c');
  judge.holdBack();
  client.publish({ topic: 'a', qos: 1, id: 1 });
  client.subscribe(2, ['b', 0]);
  await settle();
  const next = new Judge();
  shard.parts.registry.add('judge', next.hooks);
  await settle();
  t.deepEqual(
    client.take().map(({ type, code, codes }) => [type, type === 'suback' ? codes[0] : code]),
    [
      ['puback', 0x87],
      ['suback', 0],
    ],
  );
  t.is(await pubackOf(client), 0x10);
});

test('what a plugin owes when it is stopped is up to the rules', async (t) => {
  for (const [nomatch, puback, suback] of [
    ['allow', 0x10, 0],
    ['deny', 0x87, 0x87],
  ] as const) {
    const { shard, judge } = stage(t, { config: { 'mqtt.acl_nomatch': nomatch } });
    const [one, two] = [await connected(shard, 'one'), await connected(shard, 'two')];
    const answer = judge.holdBack();
    one.publish({ topic: 'a', qos: 1, id: 1 });
    two.subscribe(1, ['b', 0]);
    await settle();
    shard.parts.registry.remove('judge');
    await settle();
    await answer(nomatch === 'allow' ? 'deny' : 'allow');
    t.is(one.take()[0]?.code, puback);
    t.deepEqual(two.take()[0]?.codes, [suback]);
  }
});

/** A client that has subscribed to everything. */
async function watching(shard: TestShard): Promise<TestClient> {
  const watcher = await connected(shard, 'w');
  watcher.subscribe(1, ['#', 0]);
  await settle();
  watcher.take();
  return watcher;
}

/** One client has published and another subscribed; the plugin that is asked about it holds its answers back. */
async function heldBack(t: ExecutionContext) {
  const { shard, judge } = stage(t);
  const watcher = await watching(shard);
  const [one, two] = [await connected(shard, 'one', STAYS), await connected(shard, 'two', STAYS)];
  const answer = judge.holdBack();
  one.publish({ topic: 'a', payload: 'late', qos: 1, id: 1 });
  two.subscribe(1, ['b', 0]);
  await settle();
  return { shard, watcher, one, two, answer };
}

test('an answer about a client that has left publishes nothing and subscribes nobody', async (t) => {
  const { shard, watcher, one, two, answer } = await heldBack(t);
  one.drop();
  two.drop();
  await settle();
  await answer('allow');
  t.deepEqual(watcher.takePayloads(), []);
  t.false(shard.parts.router.has(shard.session('two')!, 'b', null, false));
});

test('an answer about a connection whose session was taken over counts for nothing', async (t) => {
  const { shard, watcher, answer } = await heldBack(t);
  const heirs = [shard.open('one', STAYS), shard.open('two', STAYS)];
  await settle();
  for (const heir of heirs) t.like(heir.take()[0], { type: 'connack', code: 0, sessionPresent: true });
  await answer('allow');
  t.deepEqual(watcher.takePayloads(), []);
  t.false(shard.parts.router.has(shard.session('two')!, 'b', null, false));
  for (const heir of heirs) t.deepEqual(heir.take(), []);
});

test('a subscription that is checked again ends when the plugin throws: nobody knows that it is allowed', async (t) => {
  const { shard, judge } = stage(t);
  const client = await connected(shard, 'c');
  client.subscribe(1, ['a', 0], ['b', 0]);
  await settle();
  judge.decide = ({ topic }) => (topic === 'a' ? failAtOnce() : 'allow');
  await shard.main.request('access.update', { rules: [], bans: null });
  await settle();
  const { router } = shard.parts;
  t.false(router.has(shard.session('c')!, 'a', null, false));
  t.true(router.has(shard.session('c')!, 'b', null, false));
  t.false(client.isEnded);
});

test('a will about which a plugin throws or hangs is not sent', async (t) => {
  const { shard, judge } = stage(t);
  const watcher = await watching(shard);
  const will = { topic: 'will', payload: 'gone' };
  for (const decide of [() => failAtOnce(), () => new Promise<AccessAnswer>(() => {})]) {
    judge.decide = decide;
    (await connected(shard, 'c', { will })).drop();
    await shard.advance(HOOK_TIMEOUT_MS + 1_000);
    t.deepEqual(watcher.takePayloads(), []);
  }
  judge.decide = () => 'allow';
  (await connected(shard, 'd', { will })).drop();
  await settle();
  t.deepEqual(watcher.takePayloads(), ['gone']);
});

/** Who may connect, and who is told of it, with plugins that answer, refuse, throw, hang and disappear. */
import test, { type ExecutionContext } from 'ava';
import {
  AUTHENTICATIONS_UNDER_WAY_MAX,
  HANDOVERS_PER_TURN,
  HASH_THREADS_MAX,
  HASHES_WAITING_MAX,
  HOOK_TIMEOUT_MS,
  LOGINS_WAITING_MAX,
} from '../../../src/limits.js';
import type { AuthAnswer, ShardHooks } from '../../../src/plugins/api.js';
import { settle, TestShard, type TestShardOptions } from '../../helpers/test-shard.js';
import type { Version } from '../../helpers/wire.js';
import { until } from '../../helpers/with-broker.js';

const VERSIONS: readonly Version[] = [3, 4, 5];

function shardFor(t: ExecutionContext, options: TestShardOptions = {}): TestShard {
  const shard = new TestShard(options);
  t.teardown(() => shard.stop());
  return shard;
}

/** Answers as given, and writes down that it was asked. */
function saying(answer: AuthAnswer | Promise<AuthAnswer>, name = '', asked: string[] = []): ShardHooks {
  return {
    'client.authenticate': () => {
      asked.push(name);
      return answer;
    },
  };
}

async function connackOf(shard: TestShard, version: Version, options = {}): Promise<number | null> {
  const client = shard.open('c', { version, username: 'u', password: 'p', ...options });
  await settle();
  return client.take()[0]?.code ?? null;
}

test('the highest priority is asked first, of equals the one registered last; the first that decides ends it', async (t) => {
  const shard = shardFor(t);
  const asked: string[] = [];
  const { registry } = shard.parts;
  registry.add('a', saying('ignore', 'a', asked));
  registry.add('never', { ...saying({ allow: false }, 'never', asked), priority: -5 });
  registry.add('b', saying('ignore', 'b', asked));
  registry.add('first', { ...saying('ignore', 'first', asked), priority: 9_999 });
  registry.add('decides', { ...saying({ allow: true }, 'decides', asked), priority: -1 });
  t.is(await connackOf(shard, 4), 0);
  t.deepEqual(asked, ['first', 'b', 'a', 'decides']);
});

test('a handler is told who wants to connect', async (t) => {
  const shard = shardFor(t);
  let seen: unknown = null;
  shard.parts.registry.add('p', {
    'client.authenticate': (attempt) => {
      seen = { ...attempt, password: Buffer.from(attempt.password!).toString() };
      return 'ignore';
    },
  });
  await connackOf(shard, 5, { keepAlive: 7, clean: false });
  t.deepEqual(seen, {
    clientId: 'c',
    username: 'u',
    password: 'p',
    peerAddress: '127.0.0.1',
    peerPort: 1,
    listener: 'listener.tcp.external',
    protocolVersion: 5,
    cleanStart: false,
    keepAliveSeconds: 7,
  });
});

for (const [name, answer, code5, code4] of [
  ['a refusal without reason', { allow: false }, 0x86, 4],
  ['not authorised', { allow: false, reason: 0x87 }, 0x87, 5],
  ['banned', { allow: false, reason: 0x8a }, 0x8a, 5],
  ['busy', { allow: false, reason: 0x89 }, 0x89, 3],
  ['a server that has moved', { allow: false, reason: 0x9d }, 0x9d, 3],
  ['a reason that 3.x has no word for', { allow: false, reason: 0x83 }, 0x83, 5],
  ['a reason that CONNACK cannot have', { allow: false, reason: 0x10 }, 0x88, 3],
  ['nothing at all', undefined, 0x88, 3],
  ['true', true, 0x88, 3],
  ['a word nobody knows', 'allow', 0x88, 3],
] as const) {
  test(`authentication that answers with ${name} refuses with ${code5} in MQTT 5, ${code4} in 3.x`, async (t) => {
    for (const delayed of [false, true]) {
      const given = answer as AuthAnswer;
      const shard = shardFor(t, { hooks: saying(delayed ? Promise.resolve(given) : given) });
      for (const version of VERSIONS) t.is(await connackOf(shard, version), version === 5 ? code5 : code4);
      t.is(shard.session('c'), null);
    }
  });
}

test('when all ignore a client, mqtt.allow_anonymous decides', async (t) => {
  const hooks = saying('ignore');
  for (const version of VERSIONS) t.is(await connackOf(shardFor(t, { hooks }), version), 0);
  const closed = { hooks, config: { 'mqtt.allow_anonymous': 'false' } };
  for (const version of VERSIONS) {
    const shard = shardFor(t, closed);
    t.is(await connackOf(shard, version), version === 5 ? 0x86 : 4);
    t.is(
      await connackOf(shard, version, { username: undefined, password: undefined }),
      version === 5 ? 0x87 : 5,
    );
  }
});

test('who sends a password alone and is not known learns no more than one whose password is wrong', async (t) => {
  const options = { username: undefined, password: 'x' };
  for (const answer of ['ignore', { allow: false }] as const) {
    const shard = shardFor(t, { hooks: saying(answer), config: { 'mqtt.allow_anonymous': 'false' } });
    t.is(await connackOf(shard, 5, options), 0x86);
  }
});

test('a handler that throws refuses, and the log has neither the password nor more than a line per interval', async (t) => {
  const shard = shardFor(t);
  shard.parts.registry.add('broken', {
    'client.authenticate': ({ password }) => {
      throw new Error(`cannot read ${Buffer.from(password!).toString()}`);
    },
  });
  for (let i = 0; i < 3; i++) t.is(await connackOf(shard, 5, { password: 'hunter2' }), 0x88);
  const lines = shard.events.filter((event) => event.type === 'log');
  t.is(lines.length, 1);
  t.like(lines[0], { level: 'warn', message: 'hook failed', fields: { plugin: 'broken' } });
  t.false(JSON.stringify(lines).includes('hunter2'));
  await shard.advance(6_000);
  t.is(await connackOf(shard, 5), 0x88);
  t.like(shard.events.filter((event) => event.type === 'log')[1], { fields: { leftOut: 2 } });
});

test('a handler that never answers refuses after its deadline, and its late answer counts for nothing', async (t) => {
  let answer: (late: AuthAnswer) => void = () => {};
  const asked: string[] = [];
  const shard = shardFor(t, { hooks: saying(new Promise((resolve) => (answer = resolve)), 'slow', asked) });
  const client = shard.open('c', { version: 5 });
  await until(() => asked.length === 1, 'the question');
  // Real time goes on as well, and a busy machine takes its time.
  await shard.advance(HOOK_TIMEOUT_MS / 2);
  t.deepEqual(client.take(), []);
  await shard.advance(HOOK_TIMEOUT_MS);
  await until(() => client.packets.length > 0, 'the refusal');
  t.is(client.take()[0]?.code, 0x88);
  answer({ allow: true });
  await settle();
  t.deepEqual(client.take(), []);
  t.is(shard.session('c'), null);
});

test('a plugin that is removed while its answer is waited for has nothing to say', async (t) => {
  const shard = shardFor(t);
  const asked: string[] = [];
  shard.parts.registry.add('next', saying({ allow: true, superuser: true }, 'next', asked));
  shard.parts.registry.add('hangs', saying(new Promise(() => {}), 'hangs', asked));
  const client = shard.open('c', { version: 4 });
  await settle();
  t.deepEqual(asked, ['hangs']);
  shard.parts.registry.remove('hangs');
  await settle();
  t.deepEqual(asked, ['hangs', 'next']);
  t.is(client.take()[0]?.code, 0);
  t.true(shard.session('c')?.connection?.isSuperuser);
  t.is(await connackOf(shard, 4), 0);
  t.deepEqual(asked, ['hangs', 'next', 'next']);
});

test('whom nobody has decided about when plugins have come or gone meanwhile, is asked about again', async (t) => {
  let answer: (late: AuthAnswer) => void = () => {};
  const asked: string[] = [];
  const shard = shardFor(t);
  const { registry } = shard.parts;
  registry.add('gone', saying({ allow: false }, 'gone', asked));
  registry.add('slow', saying(new Promise((resolve) => (answer = resolve)), 'slow', asked));
  const client = shard.open('c', { version: 4 });
  await settle();
  registry.add('new', saying({ allow: false }, 'new', asked));
  registry.remove('gone');
  answer('ignore');
  await settle();
  t.deepEqual(asked, ['slow', 'new']);
  t.is(client.take()[0]?.code, 4);
});

test('a guard that takes over from another lets nobody in who had asked the first', async (t) => {
  const shard = shardFor(t);
  const { registry } = shard.parts;
  registry.add('old', saying(new Promise(() => {})));
  const clients = VERSIONS.map((version) => shard.open(`c${version}`, { version }));
  await settle();
  registry.add('new', saying({ allow: false }));
  registry.remove('old');
  await settle();
  t.deepEqual(
    clients.map((client) => client.take()[0]?.code),
    [4, 4, 0x86],
  );
});

test('whoever was decided about is not asked about again, whatever has come meanwhile', async (t) => {
  let answer: (late: AuthAnswer) => void = () => {};
  const asked: string[] = [];
  const shard = shardFor(t);
  const { registry } = shard.parts;
  registry.add('slow', saying(new Promise((resolve) => (answer = resolve)), 'slow', asked));
  const client = shard.open('c', { version: 4 });
  await settle();
  registry.add('new', saying({ allow: false }, 'new', asked));
  answer({ allow: true });
  await settle();
  t.deepEqual(asked, ['slow']);
  t.is(client.take()[0]?.code, 0);
});

test('a client that has gone when its answer comes leaves no session', async (t) => {
  let answer: (late: AuthAnswer) => void = () => {};
  const told: string[] = [];
  const shard = shardFor(t, {
    hooks: {
      ...saying(new Promise((resolve) => (answer = resolve))),
      'client.connected': () => told.push('connected'),
      'client.disconnected': () => told.push('disconnected'),
      'session.created': () => told.push('created'),
    },
  });
  const client = shard.open('c', { version: 5, clean: false });
  await settle();
  client.drop();
  await settle();
  answer({ allow: true });
  await settle();
  t.is(shard.session('c'), null);
  t.deepEqual(told, []);
});

test('a user may have no ClientId but the user name where they are bound to each other', async (t) => {
  const config = { 'mqtt.clientid_binding': 'username' };
  const asked: string[] = [];
  const shard = shardFor(t, { config, hooks: saying({ allow: true }, 'asked', asked) });
  for (const version of VERSIONS) {
    t.is(await connackOf(shard, version, { username: 'other' }), version === 5 ? 0x85 : 2);
    t.is(
      await connackOf(shard, version, { username: undefined, password: undefined }),
      version === 5 ? 0x85 : 2,
    );
  }
  t.deepEqual(asked, []);
  for (const version of VERSIONS) t.is(await connackOf(shard, version, { username: 'c' }), 0);
});

test('whoever comes and goes is told in order, with the reasons of CONNACK and of the end', async (t) => {
  const told: unknown[] = [];
  const shard = shardFor(t, {
    hooks: {
      'client.authenticate': ({ username }) =>
        username === 'bad' ? { allow: false } : { allow: true, superuser: true },
      'session.created': ({ clientId }) => told.push(['created', clientId]),
      'client.connected': (client, reason) => {
        told.push(['connected', client.clientId, reason]);
        t.is(shard.session(client.clientId)?.connection?.isAccepted ?? false, false);
      },
      'client.disconnected': ({ clientId }, reason) => told.push(['disconnected', clientId, reason]),
      'session.terminated': (clientId, reason) => told.push(['terminated', clientId, reason]),
    },
  });
  const stays = { clean: false, properties: { sessionExpiry: 60 } } as const;
  const first = shard.open('a', { version: 5, username: 'good', ...stays });
  await settle();
  first.send(Buffer.of(0xe0, 0));
  await settle();
  t.deepEqual(told.splice(0), [
    ['created', 'a'],
    ['connected', 'a', 0],
    ['disconnected', 'a', 'normal'],
  ]);
  shard.open('a', { version: 5, username: 'good', ...stays });
  await settle();
  shard.open('a', { version: 5, username: 'good', clean: true }).drop();
  await settle();
  t.deepEqual(told.splice(0), [
    ['connected', 'a', 0],
    ['terminated', 'a', 'destroy'],
    ['created', 'a'],
    ['connected', 'a', 0],
    ['disconnected', 'a', 'closed'],
    ['terminated', 'a', 'normal'],
  ]);
  for (const version of [4, 5] as const) shard.open('a', { version, username: 'bad' });
  await settle();
  t.deepEqual(told.splice(0), [
    ['connected', 'a', 4],
    ['disconnected', 'a', 'auth_failure'],
    ['connected', 'a', 0x86],
    ['disconnected', 'a', 'auth_failure'],
  ]);
  shard.open('b', { version: 5, username: 'good', ...stays }).drop();
  await shard.advance(61_000);
  t.deepEqual(told.slice(-1), [['terminated', 'b', 'expired']]);
});

test('a displaced connection is not told as disconnected, and its session ends in conflict', async (t) => {
  const told: unknown[] = [];
  const shard = shardFor(t, {
    hooks: {
      'client.disconnected': (_client, reason) => told.push(['disconnected', reason]),
      'session.terminated': (_clientId, reason) => told.push(['terminated', reason]),
    },
  });
  shard.open('a', { version: 4 });
  shard.open('a', { version: 4 });
  await settle();
  t.deepEqual(told, [['terminated', 'conflict']]);
});

test('what throws or rejects where plugins are only told is logged, and the others are told all the same', async (t) => {
  const shard = shardFor(t);
  const told: string[] = [];
  const { registry } = shard.parts;
  registry.add('throws', {
    priority: -1,
    'client.connected': () => {
      throw new Error('no');
    },
  });
  registry.add('rejects', { 'client.connected': async () => Promise.reject(new Error('never')) });
  registry.add('second', { 'client.connected': () => told.push('second') });
  registry.add('third', { 'client.connected': () => told.push('third') });
  registry.add('first', { priority: -2, 'client.connected': () => told.push('first') });
  t.is(await connackOf(shard, 5), 0);
  t.deepEqual(told, ['first', 'second', 'third']);
  const lines = shard.events.flatMap((event) => (event.type === 'log' ? [event.fields] : []));
  t.deepEqual(lines.map((fields) => [fields['plugin'], fields['error']]).sort(), [
    ['rejects', 'Error: never'],
    ['throws', 'Error: no'],
  ]);
});

test.serial(
  'no more clients of a shard are being authenticated than the bound; the next are told to come back',
  async (t) => {
    const shard = shardFor(t, { hooks: saying(new Promise(() => {})) });
    for (let i = 0; i < AUTHENTICATIONS_UNDER_WAY_MAX; i++) shard.open(`c${i}`, { version: 4 });
    await settle(Math.ceil(AUTHENTICATIONS_UNDER_WAY_MAX / HANDOVERS_PER_TURN) + 12);
    for (const version of VERSIONS) t.is(await connackOf(shard, version), version === 5 ? 0x89 : 3);
    shard.parts.registry.remove('seam');
    t.is(await connackOf(shard, 4), 0);
  },
);

test('what clients have sent that are being authenticated is counted as waiting, also when they have gone', async (t) => {
  const shard = shardFor(t, { hooks: saying(new Promise(() => {})), memoryBudgetBytes: 1_000_000 });
  const { memory } = shard.parts;
  const password = 'p'.repeat(50_000);
  const options = { version: 5, username: 'u', password } as const;
  const clients = Array.from({ length: 10 }, (_, i) => shard.open(`c${i}`, options));
  await settle();
  t.true(memory.totalBytes >= 500_000);
  for (const client of clients) client.drop();
  await settle();
  t.true(memory.totalBytes >= 500_000);
  for (let i = 10; i < 20; i++) shard.open(`c${i}`, options);
  await settle();
  t.is(await connackOf(shard, 5), 0x89);
  shard.parts.registry.remove('seam');
  await settle();
  t.true(memory.totalBytes < 10_000);
  t.is(await connackOf(shard, 5), 0);
});

test('what takes long in one place is refused there: a shard has room for more logins than all can be hashed', (t) => {
  t.true(AUTHENTICATIONS_UNDER_WAY_MAX > HASHES_WAITING_MAX + HASH_THREADS_MAX);
  t.true(LOGINS_WAITING_MAX >= AUTHENTICATIONS_UNDER_WAY_MAX);
});

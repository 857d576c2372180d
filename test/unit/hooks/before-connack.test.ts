/** What clients try between CONNECT and CONNACK while plugins have not answered about them. */
import test, { type ExecutionContext } from 'ava';
import { HOOK_TIMEOUT_MS } from '../../../src/limits.js';
import type { AuthAnswer } from '../../../src/plugins/api.js';
import { connect, publish, subscribe } from '../../helpers/packets.js';
import { settle, TestShard, type TestShardOptions } from '../../helpers/test-shard.js';

/** A shard whose clients wait until the test answers, the oldest first. */
class Waiting {
  readonly answers: ((answer: AuthAnswer) => void)[] = [];
  readonly shard: TestShard;

  constructor(t: ExecutionContext, options: TestShardOptions = {}) {
    const hooks = {
      'client.authenticate': () => new Promise<AuthAnswer>((resolve) => this.answers.push(resolve)),
    };
    this.shard = new TestShard({ hooks, ...options });
    t.teardown(() => this.shard.stop());
  }

  async answer(at: number, answer: AuthAnswer): Promise<void> {
    this.answers[at]!(answer);
    await settle();
  }
}

const EARLY = [
  subscribe(5, 1, [['#', 0]]),
  publish(5, { topic: 'early', payload: 'x', qos: 1, id: 7 }),
  connect({ version: 5, clientId: 'other' }),
  Buffer.of(0xf0, 0),
];

for (const [at, early] of EARLY.entries()) {
  test(`what a client sends behind CONNECT does nothing unless it is let in (${at})`, async (t) => {
    const waiting = new Waiting(t);
    const { shard } = waiting;
    const client = shard.open('c', { version: 5 });
    await settle();
    client.send(early);
    await settle();
    t.deepEqual(client.take(), []);
    await waiting.answer(0, { allow: false });
    t.deepEqual(
      client.take().map(({ type, code }) => [type, code]),
      [['connack', 0x86]],
    );
    t.is(shard.session('c'), null);
    t.is(shard.session('other'), null);
    t.is(waiting.answers.length, 1);
  });
}

test('of two with one ClientId, one that is refused leaves the other alone, whoever is answered first', async (t) => {
  for (const [first, second] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const waiting = new Waiting(t);
    const clients = [waiting.shard.open('c'), waiting.shard.open('c')];
    await settle();
    await waiting.answer(first, { allow: true, superuser: true });
    await waiting.answer(second, { allow: false });
    t.is(clients[first]!.take()[0]?.code, 0);
    t.is(clients[second]!.take()[0]?.code, 0x86);
    t.false(clients[first]!.isEnded);
    t.true(waiting.shard.session('c')!.connection!.isSuperuser);
  }
});

test('whoever takes a session over is what the answer about itself says, not what its predecessor was', async (t) => {
  const waiting = new Waiting(t);
  const clients = [waiting.shard.open('c'), waiting.shard.open('c')];
  await settle();
  await waiting.answer(0, { allow: true, superuser: true });
  await waiting.answer(1, { allow: true });
  t.is(clients[1]!.take()[0]?.code, 0);
  t.false(waiting.shard.session('c')!.connection!.isSuperuser);
});

test('an answer that comes when the time to connect is over lets nobody in', async (t) => {
  const waiting = new Waiting(t, { config: { 'mqtt.client.idle_timeout': '2s' } });
  const client = waiting.shard.open('c');
  await settle();
  await waiting.shard.advance(HOOK_TIMEOUT_MS / 2);
  t.true(client.isEnded);
  await waiting.answer(0, { allow: true });
  t.is(waiting.shard.session('c'), null);
  t.deepEqual(client.take(), []);
});

test('ClientIds and user names that every object has are names like any other', async (t) => {
  const seen: unknown[] = [];
  const shard = new TestShard({
    config: { 'mqtt.allow_anonymous': 'false', 'mqtt.flapping.max_connects': '3' },
    hooks: {
      'client.authenticate': ({ clientId, username }) => {
        seen.push([clientId, username]);
        return 'ignore';
      },
    },
  });
  t.teardown(() => shard.stop());
  for (const name of ['__proto__', 'constructor', 'toString']) {
    const client = shard.open(name, { username: name, password: name });
    await settle();
    t.is(client.take()[0]?.code, 0x86);
    t.is(shard.session(name), null);
    t.deepEqual(seen.splice(0), [[name, name]]);
  }
  t.is(({} as Record<string, unknown>)['connection'], undefined);
});
